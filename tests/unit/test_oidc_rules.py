"""What a provincial sign-on is held to, without a provider."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controller.accounts.oidc import provider as oidc_provider
from controller.accounts.oidc.rules import (
    OidcProviderWrong,
    OidcRefused,
    discovered,
    discovery_url,
    flow,
    method,
    require_issuer,
    require_same_provider,
    told,
)
from controller.runtime.clock import SystemClock
from controller.runtime.settings import Settings, SettingsInvalid

ISSUER = "https://sso.tinh.example/realms/can-bo"
DESCRIBED = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "id_token_signing_alg_values_supported": ["HS256", "none", "ES256"],
    "what_we_do_not_know": 1,
}
CLAIMS = {"sub": "lan", "aud": "loa"}


def said(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in (DESCRIBED | changes).items() if value is not None}).encode()


def test_a_provider_describes_itself_at_its_own_address() -> None:
    found = discovered(said(), ISSUER)

    assert discovery_url(ISSUER) == f"{ISSUER}/.well-known/openid-configuration"
    assert (found.token_endpoint, found.algorithms) == (f"{ISSUER}/token", ("ES256",))
    assert (method(found, secret=True), method(found, secret=False)) == ("client_secret_basic", "none")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        said(issuer="https://sso.tinh.example"),
        said(issuer=f"{ISSUER}/"),
        said(token_endpoint=None),
        said(token_endpoint="https://sso.other.example/token"),  # noqa: S106 - an address
        said(jwks_uri="https://sso.tinh.example:444/keys"),
        said(jwks_uri="http://sso.tinh.example/keys"),
        said(jwks_uri="http://169.254.169.254/keys"),
        said(authorization_endpoint="https://sso.tinh.example@other.example/auth"),
        said(authorization_endpoint="javascript:alert(1)"),
        said(end_session_endpoint="https://other.example/"),
        said(authorization_endpoint=f"{ISSUER}/auth\n"),
        said(authorization_endpoint=f"{ISSUER}/a uth"),
        said(authorization_endpoint=f"{ISSUER}\\@other.example/auth"),
        said(token_endpoint="https://sso.tinh.example:x/"),  # noqa: S106
        said(id_token_signing_alg_values_supported=["HS256", "none", "RS384"]),
        said(id_token_signing_alg_values_supported=[]),
    ],
)
def test_who_is_another_or_sends_elsewhere_is_not_believed(raw: bytes) -> None:
    with pytest.raises(OidcProviderWrong):
        discovered(raw, ISSUER)


def test_a_provider_that_takes_no_secret_of_ours_is_named() -> None:
    found = discovered(said(token_endpoint_auth_methods_supported=["private_key_jwt"]), ISSUER)

    with pytest.raises(OidcProviderWrong, match="client_secret_post"):
        method(found, secret=True)


@pytest.mark.parametrize(
    "issuer", ["https://sso.example", "https://sso.example:8443/a/b", "http://127.0.0.1:9000", "http://localhost/x"]
)
def test_an_issuer_is_an_address(issuer: str) -> None:
    assert require_issuer(issuer) == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "http://sso.example",
        "https://",
        "sso.example",
        "https://sso.example/?a=1",
        "https://sso.example/#a",
        "https://a@sso.example",
        "https://sso.example:99999",
        "https://sso.example/ x",
        "ftp://sso.example",
        "https://xã.example",
    ],
)
def test_an_issuer_is_encrypted_and_plain(issuer: str) -> None:
    with pytest.raises(OidcProviderWrong, match="LOA_OIDC_ISSUER"):
        require_issuer(issuer)


def test_secrets_of_a_flow_are_made_of_the_browsers_and_differ() -> None:
    one, other = flow(b"1" * 32), flow(b"2" * 32)

    assert one == flow(b"1" * 32)
    assert len({one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier}) == 6
    assert 43 <= len(one.verifier) <= 128  # RFC 7636 4.1


@pytest.mark.parametrize(
    ("says", "issuer", "fine"),
    [
        (True, ISSUER, True),
        (True, None, False),
        (True, "x", False),
        (False, None, True),
        (False, ISSUER, True),
        (False, "x", False),
    ],
)
def test_who_sends_back_is_who_was_asked(says: bool, issuer: str | None, fine: bool) -> None:
    provider = discovered(said(authorization_response_iss_parameter_supported=says), ISSUER)

    if fine:
        require_same_provider(provider, issuer)
        return
    with pytest.raises(OidcRefused):
        require_same_provider(provider, issuer)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"aud": ["loa", "other"]},
        {"aud": ["loa", "other"], "azp": "loa"},
        {"aud": []},
        {"aud": None},
        {"azp": "other"},
        {"azp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a" * 256},
        {"sub": "a\x00"},
        {"sub": 7},
    ],
)
def test_a_token_for_others_or_of_nobody_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(OidcRefused):
        told(CLAIMS | changes, client_id="loa", acr=(), amr=())


@pytest.mark.parametrize(
    ("claims", "strong"),
    [
        ({}, False),
        ({"acr": "aal2"}, True),
        ({"acr": "aal1"}, False),
        ({"acr": ["aal2"]}, False),
        ({"acr": {"aal2": 1}}, False),
        ({"amr": ["pwd", "otp"]}, False),
        ({"amr": ["pwd", "mfa"]}, True),
        ({"amr": "mfa"}, False),
        ({"amr": [["mfa"]]}, False),
    ],
)
def test_a_sign_on_is_strong_only_as_the_settings_say(claims: dict[str, Any], strong: bool) -> None:
    assert told(CLAIMS | claims, client_id="loa", acr=("aal2",), amr=("mfa",)).strong is strong
    assert not told(CLAIMS | claims, client_id="loa", acr=(), amr=()).strong


@pytest.mark.parametrize("value", [None, True, "1", 10**20, float("nan"), float("inf")])
def test_a_time_that_is_none_says_nothing(value: Any) -> None:
    assert told(CLAIMS | {"auth_time": value}, client_id="loa", acr=(), amr=()).signed_in_at is None


def test_a_token_says_who_and_since_when() -> None:
    found = told(CLAIMS | {"auth_time": 1_795_237_200, "azp": "loa", "aud": ["loa"]}, client_id="loa", acr=(), amr=())

    assert (found.subject, found.signed_in_at) == ("lan", datetime(2026, 11, 21, 5, tzinfo=UTC))


def test_a_provider_without_our_name_does_not_start(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, oidc_issuer="https://sso.example")

    with pytest.raises(SettingsInvalid, match="LOA_OIDC_CLIENT_ID"):
        oidc_provider.of(settings, SystemClock())


def test_files_of_the_settings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    named = {"data_dir": tmp_path, "oidc_issuer": "https://sso.example", "oidc_client_id": "loa"}

    for wrong in ("oidc_ca", "oidc_client_secret_file"):
        with pytest.raises(SettingsInvalid, match=wrong):
            oidc_provider.of(Settings(**named, **{wrong: tmp_path / "nothing"}), SystemClock())
    assert oidc_provider.of(Settings(data_dir=tmp_path), SystemClock()) is None
