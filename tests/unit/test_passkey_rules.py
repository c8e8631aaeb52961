"""What passkeys are held to, without a browser or a database."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from controller.accounts.encoded import NotBase64, decoded, encoded
from controller.accounts.passkeys.rules import (
    LIFE,
    MOST,
    Asked,
    ChallengeOver,
    Factors,
    LastFactor,
    PasskeyRefused,
    PasskeysFull,
    PasskeysUnavailable,
    Purpose,
    challenge_of,
    relying_party,
    require_fit,
    require_removable,
    require_room,
    went_back,
)

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)
ASKED = Asked(Purpose.PROVE, "p-1", "s-1", NOW + LIFE)


@pytest.mark.parametrize(
    ("address", "party_id", "origin"),
    [
        ("https://loa.xa.example", "loa.xa.example", "https://loa.xa.example"),
        ("https://LOA.xa.example:443/bang", "loa.xa.example", "https://loa.xa.example"),
        ("https://loa.xa.example:8443/", "loa.xa.example", "https://loa.xa.example:8443"),
        ("https://xã.example", "xn--x-yfa.example", "https://xn--x-yfa.example"),
        ("http://localhost:8080", "localhost", "http://localhost:8080"),
    ],
)
def test_passkeys_are_bound_to_the_name_of_the_pages(address: str, party_id: str, origin: str) -> None:
    party = relying_party(address)

    assert (party.id, party.origin) == (party_id, origin)


@pytest.mark.parametrize(
    "address",
    [
        "http://loa.xa.example",
        "https://192.0.2.1",
        "http://127.0.0.1:8080",
        "https://[2001:db8::1]/",
        f"https://{'a' * 64}.vn",
    ],
)
def test_addresses_that_browsers_keep_no_passkeys_for_are_named(address: str) -> None:
    with pytest.raises(PasskeysUnavailable, match="LOA_PUBLIC_URL"):
        relying_party(address)


def test_a_challenge_is_good_for_its_purpose_in_its_session_for_five_minutes() -> None:
    fits = require_fit(ASKED, purpose=Purpose.PROVE, session_id="s-1", now=NOW + LIFE - timedelta(seconds=1))

    assert fits is ASKED
    for asked, purpose, session_id, now in (
        (None, Purpose.PROVE, "s-1", NOW),
        (ASKED, Purpose.SIGN_IN, "s-1", NOW),
        (ASKED, Purpose.REGISTER, "s-1", NOW),
        (ASKED, Purpose.PROVE, "s-2", NOW),
        (ASKED, Purpose.PROVE, None, NOW),
        (ASKED, Purpose.PROVE, "s-1", NOW + LIFE),
        (ASKED, Purpose.PROVE, "s-1", NOW - timedelta(seconds=1)),
    ):
        with pytest.raises(ChallengeOver) as told:
            require_fit(asked, purpose=purpose, session_id=session_id, now=now)
        assert "hết hạn" in str(told.value.details["vi"])


@pytest.mark.parametrize(
    ("known", "said", "back"),
    [(0, 0, False), (0, 1, False), (5, 6, False), (5, 5, True), (5, 4, True), (5, 0, True), (0, 2**32 - 1, False)],
)
def test_a_counter_goes_forward_or_stays_at_none(known: int, said: int, back: bool) -> None:
    assert went_back(known, said) is back


@pytest.mark.parametrize(
    ("left", "needs_strong", "fine"),
    [
        (Factors(1, password=False, totp=False), True, True),
        (Factors(0, password=True, totp=True), True, True),
        (Factors(0, password=True, totp=False), True, False),
        (Factors(0, password=False, totp=True), True, False),
        (Factors(0, password=False, totp=False, linked=True), True, False),
        (Factors(0, password=True, totp=False), False, True),
        (Factors(0, password=False, totp=False, linked=True), False, True),
        (Factors(0, password=False, totp=True), False, False),
        (Factors(0, password=False, totp=False), False, False),
    ],
)
def test_the_last_factor_of_who_needs_it_stays(left: Factors, needs_strong: bool, fine: bool) -> None:
    if fine:
        require_removable(left, needs_strong=needs_strong)
        return
    with pytest.raises(LastFactor):
        require_removable(left, needs_strong=needs_strong)


def test_nobody_has_more_passkeys_than_can_be_looked_over() -> None:
    require_room(MOST - 1)

    with pytest.raises(PasskeysFull):
        require_room(MOST)


@pytest.mark.parametrize(
    "said",
    [
        b'{"challenge": "AA", "crossOrigin": true}',
        b'{"challenge": "AA", "crossOrigin": 0}',
        b'{"challenge": "AA", "crossOrigin": false, "topOrigin": "https://other.example"}',
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"challenge": 3}',
        b'{"challenge": "a+b"}',
        b"[" * 100_000,
    ],
)
def test_what_names_no_challenge_is_refused(said: bytes) -> None:
    with pytest.raises(PasskeyRefused):
        challenge_of(said)


def test_the_challenge_is_read_where_the_browser_says_it() -> None:
    assert challenge_of(json.dumps({"challenge": encoded(b"\x00\xff?>")}).encode()) == b"\x00\xff?>"


@pytest.mark.parametrize("text", ["AA==", "AB", "A", "A+AA", "A/AA", "A A A", "é", "AA\n"])
def test_bytes_have_one_spelling(text: str) -> None:
    with pytest.raises(NotBase64):
        decoded(text)
