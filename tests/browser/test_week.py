"""The week: what is on, lunar days, why something does not play; moved by menu and by drag, once and for good."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from controller.week.rules import Week, week_of
from tests.acceptance.rig import COMMUNE
from tests.browser.house import Guest, House

NARROWEST: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
PROGRAMME = "ct-an-binh"
VOV = {"kind": "relay", "title": "VOV1", "url": "https://vov.example/vov1.mp3", "duration_s": 900}
SLOT = {"kind": "bulletins", "title": "Bản tin xã", "of": COMMUNE, "max_duration_s": 600}
CHIME = {"kind": "chime"}
_LINES = """(all) => all.map((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return new Set([...range.getClientRects()].map((line) => line.top)).size;
})"""
"""How many lines each of them takes."""


def next_week() -> Week:
    return Week(week_of((datetime.now(UTC) + timedelta(hours=7)).date()).first + timedelta(days=7))


def day(number: int) -> date:
    """Of next week, Monday is 0."""
    return next_week().first + timedelta(days=number)


@pytest.fixture(scope="module")
def week(house: House) -> Iterator[str]:
    """A programme of the commune; gives the address of next week. It goes again at the end."""
    client = house.system.client
    sessions = [
        {"id": "sang", "title": "Chương trình buổi sáng", "at": "05:00", "segments": [CHIME, VOV, SLOT]},
        {"id": "trua", "title": "Nhạc hiệu trưa", "at": "11:30", "weekdays": ["tue"], "segments": [CHIME, VOV]},
        {"id": "chieu", "title": "Chương trình buổi chiều", "at": "17:00", "length_s": 1800, "segments": [VOV, SLOT]},
    ]
    document = {"format": "loa.programme.v1", "id": PROGRAMME, "title": "Chương trình xã", "unit": COMMUNE}
    client.put(
        f"/programmes/{PROGRAMME}",
        {"document": {**document, "valid_from": "2026-01-01", "sessions": sessions}, "expected_revision": None},
    )
    policy = {"blackouts": [{"from": str(day(5)), "to": str(day(5)), "title": "Lễ tang"}]}
    client.put(f"/policies/u-{COMMUNE}", {"document": policy, "expected_revision": None})
    yield f"/week?unit={COMMUNE}&week={next_week().name}"
    client.delete(f"/policies/u-{COMMUNE}?expected_revision=1")
    head = next(one["revision"] for one in client.get("/programmes") if one["id"] == PROGRAMME)
    client.delete(f"/programmes/{PROGRAMME}?expected_revision={head}")


def starts(house: House, session: str) -> list[str]:
    """Local days and times of a session next week."""
    told = house.system.client.get(f"/units/{COMMUNE}/week", {"week": next_week().name})["entries"]
    return [f"{one['day'][8:]} {one['at']}" for one in told if one["session"] == session and one["kind"] == "session"]


def at(number: int, time: str) -> str:
    return f"{day(number).day:02} {time}"


def cell(guest: Guest, number: int, time: str) -> Locator:
    return guest.page.locator(f'td[data-day="{day(number)}"][data-at="{time}"]')


def test_a_week_is_a_table_on_a_screen_and_a_day_on_a_phone(house: House, week: str) -> None:
    with house.guest("week-desktop", phone=False) as lan:
        lan.enter("lan")
        lan.go(week)
        lan.show("table", look=True)
        assert lan.page.locator("table.week tbody tr").count() == 3
        assert "tiếp sóng" in cell(lan, 0, "05:00").inner_text()
        assert cell(lan, 0, "17:00").locator("progress").get_attribute("max") == "1800000"
        span = f"từ thứ Hai {day(0):%d/%m/%Y} đến Chủ nhật {day(6):%d/%m/%Y}"
        assert span in lan.page.locator("caption").inner_text()
        assert "15/30 phút" in cell(lan, 0, "17:00").inner_text()

    for name, more in (("week-phone", {}), ("week-narrow", NARROWEST)):
        with house.guest(name, **more) as lan:
            lan.enter("lan")
            lan.go(f"{week}&day={day(1)}")
            lan.show("day", look=True)
            assert lan.page.locator(".entry:visible").count() == 3
            assert lan.page.locator("tbody th:visible").evaluate_all(_LINES) == [1, 1, 1]
            lan.page.locator("nav.days a").nth(2).tap()
            expect(lan.page.locator(".day-title")).to_contain_text(f"Thứ Tư {day(2):%d/%m}")
            lan.show("next-day")
            assert lan.page.locator(".entry:visible").count() == 2


def test_why_something_does_not_play_is_told_in_words(house: House, week: str) -> None:
    with house.guest("week-troubles", scripts=False) as lan:
        lan.enter("lan")
        lan.go(f"{week}&day={day(5)}")
        lan.show("silent-day")
        shown = cell(lan, 5, "17:00").inner_text()

        assert f"Xã An Bình không cho phát {day(5):%d/%m/%Y} (Lễ tang)" in shown


def test_the_week_of_tet_shows_lunar_days_and_the_holiday(house: House, week: str) -> None:
    with house.guest("week-tet", phone=False, color_scheme="dark") as lan:
        lan.enter("lan")
        lan.go(week.replace(next_week().name, "2027-W05"))
        lan.show("tet", look=True)
        heads = lan.page.locator("thead th").all_inner_texts()

        assert "mùng 1 tháng Giêng âm" in heads[6]
        assert "Tết Nguyên đán" in heads[6]
        assert "29/12 âm" in heads[5]
        assert "Tết" not in heads[4]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_session_is_moved_by_menu_once_and_back_again(house: House, week: str, *, scripts: bool) -> None:
    with house.guest(f"week-menu-{'with' if scripts else 'without'}-scripts", scripts=scripts) as lan:
        lan.enter("lan")
        lan.go(f"{week}&day={day(1)}")
        lan.lead(cell(lan, 1, "11:30").get_by_role("link").click)
        lan.show("session", look=scripts)
        lan.page.locator("[name=day]").select_option(str(day(2)))
        lan.fill(at="12:15")
        lan.press("Dời buổi phát")
        lan.show("moved", look=scripts)
        assert "Đã dời buổi phát" in lan.text
        assert starts(house, "trua") == [at(2, "12:15")]
        assert f"Dời từ {day(1):%d/%m} 11:30" in lan.text
        lan.lead(cell(lan, 2, "12:15").get_by_role("link").click)
        lan.press("Phát lại như thường lệ, lúc 11:30")

        assert starts(house, "trua") == [at(1, "11:30")]


def test_a_session_is_skipped_once_with_its_reason_and_brought_back(house: House, week: str) -> None:
    with house.guest("week-skip", scripts=False) as lan:
        lan.enter("lan")
        lan.go(f"{week}&day={day(3)}")
        lan.lead(cell(lan, 3, "17:00").get_by_role("link").click)
        lan.fill(note="Họp Hội đồng nhân dân")
        lan.press("Bỏ buổi này")
        lan.show("skipped")
        assert "Bỏ một lần" in cell(lan, 3, "17:00").inner_text()
        assert "Họp Hội đồng nhân dân" in lan.text
        assert at(3, "17:00") not in starts(house, "chieu")
        lan.lead(cell(lan, 3, "17:00").get_by_role("link").click)
        lan.press("Phát lại như thường lệ, lúc 17:00")

        assert at(3, "17:00") in starts(house, "chieu")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_what_clashes_is_not_moved_and_the_reason_stands_there(house: House, week: str, *, scripts: bool) -> None:
    with house.guest("week-clash", scripts=scripts) as lan:
        lan.enter("lan")
        lan.go(f"{week}&day={day(1)}")
        lan.lead(cell(lan, 1, "11:30").get_by_role("link").click)
        lan.fill(at="17:10")
        lan.press("Dời buổi phát")
        lan.show("refused", look=scripts)

        assert "“Chương trình buổi chiều” có thể kéo dài đến" in lan.text
        assert lan.page.locator("[name=at]").input_value() == "17:10"
        assert starts(house, "trua") == [at(1, "11:30")]


def test_a_session_is_dragged_to_another_day_once_and_from_then_on(house: House, week: str) -> None:
    with house.guest("week-drag", phone=False) as lan:
        lan.enter("lan")
        lan.go(week)
        _drag(lan, cell(lan, 1, "11:30"), cell(lan, 3, "11:30"))
        lan.show("asked", look=True)
        asked = lan.page.locator("dialog").inner_text()
        assert f"Từ Thứ Ba {day(1):%d/%m}, 11:30 sang Thứ Năm {day(3):%d/%m}, 11:30" in asked
        lan.press("Chỉ buổi này")
        assert starts(house, "trua") == [at(3, "11:30")]
        _drag(lan, cell(lan, 3, "11:30"), cell(lan, 4, "11:30"))
        lan.page.get_by_role("button", name="Thôi").click()
        expect(lan.page.locator("dialog")).to_be_hidden()
        assert starts(house, "trua") == [at(3, "11:30")]
        _drag(lan, cell(lan, 3, "11:30"), cell(lan, 4, "11:30"))
        lan.press("Từ buổi này về sau")
        lan.show("from-then-on")
        later = house.system.client.get(
            f"/units/{COMMUNE}/week", {"week": Week(next_week().first + timedelta(days=7)).name}
        )

        assert starts(house, "trua") == [at(4, "11:30")]
        assert [one["day"] for one in later["entries"] if one["session"] == "trua"] == [str(day(11))]


def _drag(guest: Guest, source: Locator, target: Locator) -> None:
    begin = source.locator(".entry").bounding_box()
    assert begin is not None
    target.scroll_into_view_if_needed()
    end = target.bounding_box()
    assert end is not None
    mouse = guest.page.mouse
    mouse.move(begin["x"] + begin["width"] - 12, begin["y"] + 12)
    mouse.down()
    mouse.move(begin["x"] + begin["width"], begin["y"] + 30, steps=3)
    mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=6)
    expect(guest.page.locator("td.target")).to_have_count(1)
    mouse.up()
    expect(guest.page.locator("dialog")).to_be_visible()


def test_who_only_watches_sees_the_week_and_moves_nothing(house: House, week: str) -> None:
    with house.guest("week-watching", phone=False) as hung:
        hung.enter("hung")
        hung.go(week)
        assert hung.page.locator(".drags").count() == 0
        hung.lead(cell(hung, 0, "05:00").get_by_role("link").click)
        hung.show("session", look=True)

        assert hung.page.locator("main form").count() == 0
        assert "không dời hay bỏ được" in hung.text
