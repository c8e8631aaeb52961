"""Parts of the pages that decide something: times in words, tables, where one may be sent, what is drawn for whom."""

from datetime import UTC, datetime, timedelta

import pytest

from controller.web import moments
from controller.web.assets import Assets
from controller.web.entering import plain_id
from controller.web.tables import ROWS, Table
from controller.web.translating import Language, tongues
from controller.web.visits import local

VI, EN = (tongues()[one] for one in Language)
NOON = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def test_a_moment_is_told_by_the_clock_and_day_of_vietnam() -> None:
    today = moments.today_of(NOON)
    late = NOON + timedelta(hours=13)

    assert moments.moment(NOON, VI, today) == "12:00 hôm nay"
    assert moments.moment(late, VI, today) == "01:00 ngày mai"
    assert moments.moment(NOON - timedelta(days=1), EN, today) == "12:00 yesterday"
    assert moments.moment("2026-11-29T22:00:00Z", VI, today) == "05:00 thứ Hai 30/11/2026"
    assert moments.day("2026-11-29", EN) == "Sunday 29 Nov 2026"


@pytest.mark.parametrize(
    ("seconds", "vi", "en"),
    [
        (0, "0 giây", "0 seconds"),
        (59, "59 giây", "59 seconds"),
        (61, "1 phút 1 giây", "1 minute 1 second"),
        (600, "10 phút", "10 minutes"),
        (3660, "1 giờ 1 phút", "1 hour 1 minute"),
        (90_000, "25 giờ", "25 hours"),
    ],
)
def test_a_duration_is_told_as_exactly_as_it_matters(seconds: int, vi: str, en: str) -> None:
    assert moments.lasting(seconds, VI) == vi
    assert moments.lasting(seconds, EN) == en


def test_a_table_shows_fifty_rows_and_finds_names_without_accents() -> None:
    rows = [{"name": f"Nguyễn Đức {number}"} for number in range(120)] + [{"name": "Trần Thị Thủy"}]

    first, last = Table.of(rows, {}, by=("name",)), Table.of(rows, {"page": "99"}, by=("name",))
    found = Table.of(rows, {"q": "thuy tran", "page": "x"}, by=("name",))

    assert (len(first.rows), first.pages, first.number) == (ROWS, 3, 1)
    assert (len(last.rows), last.number) == (21, 3)
    assert [one["name"] for one in found.rows] == ["Trần Thị Thủy"]
    assert Table.of(rows, {"q": "duc"}, by=("name",)).address(2) == "?q=duc&page=2"


@pytest.mark.parametrize(
    "where", [None, "", "https://example.com", "//example.com", "/\\example.com", "/a\\b", "javascript:1", "/a\nb"]
)
def test_nobody_is_led_off_this_host(where: str | None) -> None:
    assert local(where) == "/"


def test_an_address_of_ours_is_kept() -> None:
    assert local("/people?q=lan&page=2") == "/people?q=lan&page=2"


def test_an_id_is_made_of_a_name() -> None:
    assert plain_id("Xã An Bình") == "xa-an-binh"
    assert plain_id("Đặc khu Phú Quốc (mới)") == "dac-khu-phu-quoc-moi"
    assert plain_id("…") == "don-vi"


def test_a_file_has_its_hash_in_its_name() -> None:
    assets = Assets()
    address = assets.address("loa.css")

    assert address.startswith("/static/loa.")
    assert address.removeprefix("/static/") in assets.everything
    with pytest.raises(KeyError):
        assets.address("nothing.css")
