"""Whatever becomes of an answer on its way, it proves nothing any more; and nothing that is sent makes us fail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounts.encoded import decoded, encoded
from controller.accounts.passkeys import checks as passkey_checks
from controller.accounts.passkeys.answers import Assertion, Registration
from controller.accounts.passkeys.rules import (
    PasskeyInvalid,
    PasskeyRefused,
    challenge_of,
    relying_party,
)
from tests.fakes.authenticator import EDDSA, ES256, RS256, Authenticator, b64, cose, unb64

PARTY = relying_party("http://localhost:8080")
CHALLENGE = bytes(range(32))
KEYS = {algorithm: Authenticator(PARTY.origin, algorithm) for algorithm in (ES256, EDDSA, RS256)}
OPTIONS = passkey_checks.creation_options(PARTY, handle=b"p-1", name="Lan", challenge=CHALLENGE, known=[])
ASKED = passkey_checks.request_options(PARTY, challenge=CHALLENGE)
MADE = {algorithm: key.create(OPTIONS) for algorithm, key in KEYS.items()}
PROVED = {algorithm: key.get(ASKED) for algorithm, key in KEYS.items()}
SILENT = slice(33, 53)
"""Of authenticator data: counter and maker, of which only the key's signature will speak."""
FLAGS, LEAST = 32, 37


def proves(answer: Any, algorithm: int) -> bool:
    try:
        passkey_checks.proved(Assertion.model_validate(answer), CHALLENGE, PARTY, cose(KEYS[algorithm].key))
    except PasskeyRefused:
        return False
    return True


def with_field(answer: Any, field: str, raw: bytes) -> Any:
    return answer | {"response": answer["response"] | {field: b64(raw)}}


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("field", ["clientDataJSON", "authenticatorData", "signature"])
def test_every_bit_of_a_proof_counts(algorithm: int, field: str) -> None:
    good = PROVED[algorithm]
    raw = unb64(good["response"][field])
    changed = (raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :] for at in range(len(raw)) for bit in range(8))
    cut = [raw[:-1], raw[1:], raw + b"\0", b""]

    taken = [one for one in (*changed, *cut) if proves(with_field(good, field, one), algorithm)]

    assert proves(good, algorithm)
    assert taken == []


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_changed_registration_is_refused_or_makes_a_key_that_only_its_owner_can_use(algorithm: int) -> None:
    raw = unb64(MADE[algorithm]["response"]["attestationObject"])
    start = raw.index(unb64(PROVED[algorithm]["response"]["authenticatorData"])[:32])
    kept = []
    for at in range(len(raw)):
        changed = with_field(MADE[algorithm], "attestationObject", raw[:at] + bytes([raw[at] ^ 0x01]) + raw[at + 1 :])
        try:
            made = passkey_checks.made(Registration.model_validate(changed), CHALLENGE, PARTY)
        except PasskeyInvalid:
            continue
        if made.public_key == cose(KEYS[algorithm].key):
            kept.append(at - start)

    assert kept
    assert {at for at in kept if not SILENT.start <= at < SILENT.stop} == set()


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_key_may_sign_itself_and_has_to_do_it_right(algorithm: int) -> None:
    good = KEYS[algorithm].create(OPTIONS, attests=True)
    raw = unb64(good["response"]["attestationObject"])
    at = raw.index(b"authData") - 3  # the last byte of the signature but one
    broken = with_field(good, "attestationObject", raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :])

    made = passkey_checks.made(Registration.model_validate(good), CHALLENGE, PARTY)

    assert made.public_key == cose(KEYS[algorithm].key)
    with pytest.raises(PasskeyInvalid):
        passkey_checks.made(Registration.model_validate(broken), CHALLENGE, PARTY)


@given(st.sampled_from(list(KEYS)), st.data())
def test_a_proof_is_good_for_its_challenge_and_its_key_only(algorithm: int, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from([one for one in KEYS if one != algorithm]))
    challenge = data.draw(st.binary(max_size=64).filter(lambda raw: raw != CHALLENGE))
    answer = Assertion.model_validate(PROVED[algorithm])

    assert not proves(PROVED[algorithm], other)
    with pytest.raises(PasskeyRefused):
        passkey_checks.proved(answer, challenge, PARTY, cose(KEYS[algorithm].key))


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=100))
def test_noise_is_refused(client_data: bytes, data: bytes, signature: bytes) -> None:
    good = PROVED[ES256]
    response = {"clientDataJSON": b64(client_data), "authenticatorData": b64(data), "signature": b64(signature)}
    made = {"clientDataJSON": MADE[ES256]["response"]["clientDataJSON"], "attestationObject": b64(data)}

    assert not proves(good | {"response": response}, ES256)
    with pytest.raises(PasskeyInvalid):
        passkey_checks.made(Registration.model_validate(MADE[ES256] | {"response": made}), CHALLENGE, PARTY)
    with pytest.raises(PasskeyRefused):
        challenge_of(client_data)


@given(st.integers(LEAST, 2000).map(bytes) | st.binary(min_size=LEAST, max_size=200))
def test_noise_behind_a_true_beginning_is_refused(noise: bytes) -> None:
    raw = unb64(MADE[ES256]["response"]["attestationObject"])
    for changed in (raw[:40] + noise, raw + noise, raw[: raw.index(b"authData")] + noise):
        with pytest.raises(PasskeyInvalid):
            passkey_checks.made(
                Registration.model_validate(with_field(MADE[ES256], "attestationObject", changed)), CHALLENGE, PARTY
            )


@given(st.binary(max_size=200))
def test_bytes_come_back_from_their_one_spelling(raw: bytes) -> None:
    assert decoded(encoded(raw)) == raw
    assert encoded(raw) == b64(raw)
