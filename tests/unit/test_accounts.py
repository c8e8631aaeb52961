"""What sign-ins are held to, piece by piece: passwords, names, codes, secrets, addresses, keys."""

import asyncio
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from controller.accounts import codes, csrf, hashing, keys, limiting, naming, opaque, password_rules
from controller.accounts.naming import SignInNameRefused
from controller.accounts.opaque import Prefix
from controller.accounts.password_rules import PasswordRefused
from controller.people.acting import TOKEN, Actor, ProofNeeded, Via
from controller.runtime.keys import KeysMissing

NOW = datetime(2026, 11, 21, 10, 0, 15, tzinfo=UTC)
ABOUT = ("Xã An Bình", "Nguyễn Văn Lan", "lan.nguyen@xa.example")


@pytest.mark.parametrize(
    "password",
    [
        "Truyenthanh2026!",
        "matkhau123456",
        "Matkhau@12345678",
        "qwertyuiop123",
        "1q2w3e4r5t6y",
        "asdfghjkl;'12",
        "P@ssw0rd2026!!",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "123456789012",
        "xaanbinh@123456",
        "Xã An Bình 20261121",
        "nguyenvanlan1990",
        "lannguyen-lannguyen",
        "anhyeuem-2026-loa",
    ],
)
def test_what_neighbours_would_guess_is_refused(password: str) -> None:
    with pytest.raises(PasswordRefused):
        password_rules.require(password, ABOUT)


@pytest.mark.parametrize(
    "password",
    [
        "con mèo trực biển xanh",
        "correct horse battery",
        "🐃🌾🛶🐓🐃🌧🌈🌾🌊🐟🐠🐡 đồng",
        "kF9)vTq2;sLw",
        "x7" * 3 + "một hai ba bốn",
    ],
)
def test_any_characters_do_and_none_are_asked_for(password: str) -> None:
    assert password_rules.require(password, ABOUT) == password_rules.normal(password)


def test_length_is_counted_in_characters_as_they_are_read() -> None:
    decomposed = unicodedata.normalize("NFD", "thuyền giấy trôi sông")

    assert len(password_rules.require(decomposed)) < len(decomposed)
    for text in ("ấ" * 11, "thuyền sông " * 11):
        with pytest.raises(PasswordRefused, match="12 to 128"):
            password_rules.require(text)
    assert password_rules.require("thuyền sông " * 10 + "trôi đêm")


@pytest.mark.parametrize("name", ["", "la", "lan nguyen", "lân", "-lan", "lan.", "a" * 101, "Ｌan@x"])
def test_what_is_no_sign_in_name_is_refused(name: str) -> None:
    if name == "Ｌan@x":  # folds to one
        assert naming.require(name) == "lan@x"
        return
    with pytest.raises(SignInNameRefused):
        naming.require(name)


def test_a_sign_in_name_is_the_same_in_any_case() -> None:
    assert naming.require(" Lan.Nguyen@Xa.Example ") == "lan.nguyen@xa.example"


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_for_its_half_minute_and_one_beside_it(steps: int, fits: bool) -> None:
    secret = codes.new_secret()
    code = pyotp.TOTP(secret).at(NOW, counter_offset=steps)

    step = codes.step_of(secret, f"{code[:3]} {code[3:]}", NOW, None)

    assert step == (int(NOW.timestamp()) // 30 + steps if fits else None)


def test_a_code_of_a_step_that_was_used_or_is_older_is_none() -> None:
    secret = codes.new_secret()
    present = int(NOW.timestamp()) // 30
    code = pyotp.TOTP(secret).at(NOW)

    assert codes.step_of(secret, code, NOW, present - 1) == present
    assert codes.step_of(secret, code, NOW, present) is None
    assert codes.step_of(secret, code, NOW, present + 1) is None


@pytest.mark.parametrize("given", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 345"])
def test_what_is_no_six_digits_is_no_code(given: str) -> None:
    assert codes.step_of(codes.new_secret(), given, NOW, None) is None


def test_paper_codes_have_enough_chance_and_are_read_however_typed() -> None:
    made = codes.new_paper_codes()
    typed = [one.upper().replace("-", " ") for one in made]

    assert len(set(made)) == 10
    assert all(len(codes.normal_paper_code(one)) * 5 >= 112 for one in made)
    assert [codes.normal_paper_code(one) for one in typed] == [codes.normal_paper_code(one) for one in made]


def test_the_address_for_an_authenticator_says_what_it_is_of() -> None:
    assert codes.address("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "lan@xa.example") == (
        "otpauth://totp/Loa:lan%40xa.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Loa"
    )


def test_secrets_have_256_bits_and_say_of_what_they_are() -> None:
    made = [opaque.new(prefix) for prefix in Prefix for _ in range(50)]

    assert len({one[5:] for one in made}) == len(made)
    assert all(len(one) == 5 + 43 for one in made)
    assert {one[:5] for one in made} == {"loas_", "loai_", "loal_"}


def test_what_one_key_sealed_no_other_opens_nor_for_somebody_else(tmp_path: Path) -> None:
    ours, theirs = keys.obtain(tmp_path / "a"), keys.obtain(tmp_path / "b")
    sealed = ours.seal(b"secret", "lan")

    assert keys.obtain(tmp_path / "a").unseal(sealed, "lan") == b"secret"
    assert ours.seal(b"secret", "lan") != sealed
    for attempt in (lambda: theirs.unseal(sealed, "lan"), lambda: ours.unseal(sealed, "mai")):
        with pytest.raises(KeysMissing):
            attempt()


@pytest.mark.parametrize("content", [b"", b"zz", b"ab" * 31])
def test_a_spoilt_key_file_stops_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "accounts.secret").write_bytes(content)

    with pytest.raises(KeysMissing, match="restore its backup"):
        keys.obtain(tmp_path)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "testclient"),
    ],
)
def test_a_customer_counts_as_one_address(address: str, network: str) -> None:
    assert limiting.network(address) == network


async def test_addresses_share_a_bounded_number_of_counters() -> None:
    limit = limiting.AddressLimit(5)

    counters = {limit._counter(f"2001:db8:{n:x}::1") for n in range(20_000)}

    assert 3_900 < len(counters) <= limiting.COUNTERS


@pytest.mark.parametrize(
    ("headers", "ours", "foreign"),
    [
        ({"sec-fetch-site": "same-origin"}, True, False),
        ({"sec-fetch-site": "none"}, True, False),
        ({"sec-fetch-site": "same-site"}, False, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://loa.example"}, False, True),
        ({"origin": "https://loa.example"}, True, False),
        ({"origin": "null"}, False, True),
        ({}, False, False),
    ],
)
def test_a_browser_says_whose_page_asks(headers: dict[str, str], ours: bool, foreign: bool) -> None:
    origins = {"https://loa.example"}

    assert csrf.from_our_page(headers, origins) is ours
    assert csrf.is_foreign(headers, origins) is foreign


def test_a_proof_is_recent_for_ten_minutes_and_a_token_never_gave_one() -> None:
    proved = Actor("p", "Lan", Via.SESSION, proved_at=NOW)
    proved.require_recent(NOW + timedelta(minutes=9, seconds=59))
    TOKEN.require_recent(NOW)

    for actor in (proved, Actor("p", "Zalo", Via.TOKEN)):
        with pytest.raises(ProofNeeded):
            actor.require_recent(NOW + timedelta(minutes=10))


async def test_without_a_hash_nobody_is_right() -> None:
    desk = hashing.PasswordDesk()
    async with desk.turn():
        made = await desk.make("thuyền giấy trôi sông")

        assert await desk.compare(made, "thuyền giấy trôi sông")
        assert not await desk.compare(made, "thuyền giấy trôi sông ")
        assert not await desk.compare(None, "thuyền giấy trôi sông")
    assert not desk.is_outdated(made)
    desk.close()


async def test_passwords_are_looked_at_one_at_a_time_and_a_few_wait() -> None:
    desk, inside, most = hashing.PasswordDesk(most_waiting=2), 0, 0

    async def attempt() -> str:
        nonlocal inside, most
        try:
            async with desk.turn():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1
        except hashing.SignInBusy as busy:
            return busy.code
        return "done"

    first = await asyncio.gather(*(attempt() for _ in range(5)))
    again = await asyncio.gather(*(attempt() for _ in range(3)))
    desk.close()

    assert first == ["done"] * 3 + ["sign_in_busy"] * 2
    assert (again, most) == (["done"] * 3, 1)


async def test_who_is_turned_away_waits_and_a_crowd_takes_no_room() -> None:
    loop, crowd = asyncio.get_running_loop(), limiting.Crowd(hold_s=0.05, most=2)

    async def turned_away() -> bool:
        began = loop.time()
        await crowd.hold()
        return loop.time() - began >= 0.049

    assert await asyncio.gather(*(turned_away() for _ in range(4))) == [True, True, False, False]
    assert await turned_away()
