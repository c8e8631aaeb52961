"""Whatever becomes of an ID token on its way, it says nothing any more; no other key speaks for a provider."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounts.oidc import tokens as oidc_tokens
from controller.accounts.oidc.rules import ALGORITHMS, OLDEST, OidcProviderWrong, OidcRefused
from controller.accounts.oidc.tokens import KeyUnknown
from tests.fakes.identity_provider import jwk, jws, new_key

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)
ISSUER, NONCE = "https://sso.tinh.example", "n" * 43
KEYS = {algorithm: new_key(algorithm) for algorithm in ALGORITHMS}
SAID = {
    "iss": ISSUER,
    "sub": "lan",
    "aud": "loa",
    "iat": NOW.timestamp(),
    "exp": NOW.timestamp() + 300,
    "nonce": NONCE,
}
SPELT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."


def keys(algorithm: str, kid: str = "k1") -> Any:
    return oidc_tokens.key_set(json.dumps({"keys": [jwk(KEYS[algorithm], kid)]}).encode())


def token(algorithm: str, **claims: Any) -> str:
    return jws(KEYS[algorithm], {"alg": algorithm, "kid": "k1", "typ": "JWT", "x-more": 1}, SAID | claims)


def said(text: str, algorithm: str, allowed: tuple[str, ...] = ALGORITHMS, now: datetime = NOW) -> Any:
    return oidc_tokens.claims(
        text, keys(algorithm), allowed, issuer=ISSUER, client_id="loa", nonce=NONCE, access_token=None, now=now
    )


def holds(text: str, algorithm: str, **more: Any) -> bool:
    try:
        said(text, algorithm, **more)
    except OidcRefused:
        return False
    return True


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_of_each_algorithm_holds_where_the_provider_says_that_it_uses_it(algorithm: str) -> None:
    good = token(algorithm)

    assert said(good, algorithm)["sub"] == "lan"
    assert not holds(good, algorithm, allowed=tuple(one for one in ALGORITHMS if one != algorithm))
    assert not holds(good, algorithm, allowed=())


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_every_sign_of_a_token_counts(algorithm: str) -> None:
    good = token(algorithm)
    spare = {len(good) - 1}  # its last sign has bits that no byte needs
    spare |= {good.rindex(".") - 1, good.index(".") - 1}
    at = [place for place in range(len(good)) if place not in spare]
    changed = (good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1 :] for i in at)

    assert [one for one in changed if holds(one, algorithm)] == []
    assert not any(holds(one, algorithm) for one in (good[:-2], good + "A", "", ".", "..", good + ".", "." + good))


def test_a_token_is_of_now() -> None:
    good = token("ES256")

    times = [NOW - timedelta(seconds=61), NOW - timedelta(seconds=59), NOW + timedelta(seconds=359)]
    late = [NOW + timedelta(seconds=361)]
    old = token("ES256", exp=NOW.timestamp() + 10_000)

    assert [holds(good, "ES256", now=one) for one in (*times, *late)] == [False, True, True, False]
    assert holds(old, "ES256", now=NOW + OLDEST)
    assert not holds(old, "ES256", now=NOW + OLDEST + timedelta(seconds=1))


def test_a_key_that_is_not_known_may_be_newer() -> None:
    unknown = jws(KEYS["ES256"], {"alg": "ES256", "kid": "k9"}, SAID)

    with pytest.raises(KeyUnknown):
        said(unknown, "ES256")


@pytest.mark.parametrize(
    "told",
    [
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": "A" * 4000, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "OKP"},
        {"kty": ["RSA"]},
        jwk(KEYS["ES256"], "k1") | {"use": "enc"},
        7,
    ],
)
def test_keys_of_another_kind_are_as_if_not_listed(told: Any) -> None:
    good = jwk(KEYS["ES256"], "k1")

    assert len(list(oidc_tokens.key_set(json.dumps({"keys": [told, good]}).encode()))) == 1
    with pytest.raises(OidcProviderWrong):
        oidc_tokens.key_set(json.dumps({"keys": [told]}).encode())


@given(st.text(SPELT, max_size=400) | st.text(max_size=50))
def test_noise_says_nothing(text: str) -> None:
    assert not holds(text, "ES256")


@given(st.binary(max_size=200))
def test_noise_lists_no_keys(raw: bytes) -> None:
    with pytest.raises(OidcProviderWrong):
        oidc_tokens.key_set(raw)


@given(
    st.dictionaries(
        st.sampled_from([*SAID, "azp", "nbf", "at_hash", "amr", "auth_time"]),
        st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2),
    )
)
def test_claims_of_any_kind_are_judged_and_never_break_us(claims: dict[str, Any]) -> None:
    odd = token("ES256", **claims)

    if holds(odd, "ES256"):
        assert {name: (SAID | claims)[name] for name in ("iss", "nonce")} == {"iss": ISSUER, "nonce": NONCE}
