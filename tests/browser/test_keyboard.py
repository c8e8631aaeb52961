"""By keys alone, on a phone's screen and a desktop's: a bulletin written, sent and approved, a session moved.

Nothing is pressed with a mouse or a finger. At every stop of Tab one sees where one is: a ring around it, and nothing
over it, the bar at the bottom least of all.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from loa_protocol.keys import Ed25519Signer
from tests.acceptance.rig import wait_for
from tests.browser.house import PASSWORD, Guest, House

COMMUNE, UPPER, LOWER = "xa-phim-son", "thon-thuong", "thon-ha"
TITLE = "Họp thôn bằng bàn phím"
TEXT = "Mời bà con họp tại nhà văn hóa lúc 19h30 ngày mai."
MOST_STOPS = 60
_STOP = """
() => {
  const stays = (over) => {
    for (let at = over; at; at = at.parentElement) if (/fixed|sticky/.test(getComputedStyle(at).position)) return true;
    return false;
  };
  const one = document.activeElement;
  if (!one || one === document.body) return { what: "", faults: [] };
  const faults = [], style = getComputedStyle(one), label = one.closest("label");
  const what = one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.innerText || one.name || one.tagName;
  const clear = /, 0\\)$/.test(style.outlineColor);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && !clear;
  if (!ring && one.tagName !== "AUDIO") faults.push("no ring");  // its parts draw their own
  const boxes = [...one.getClientRects()];
  if (!boxes.length) faults.push("not drawn");
  for (const box of boxes) {
    const bottom = Math.min(box.bottom, box.top + innerHeight / 2);
    const middle = (box.top + bottom) / 2;
    for (const y of [box.top + 2, middle, bottom - 2]) {
      const x = (box.left + box.right) / 2;
      if (x < 0 || x > innerWidth || y < 0 || y > innerHeight) { faults.push(`outside: ${x}, ${y}`); continue; }
      const there = document.elementFromPoint(x, y);
      const same = there && (one.contains(there) || there.contains(one) || label?.contains(there));
      if (!same && (y === middle || stays(there))) faults.push(`under ${there?.outerHTML.slice(0, 80)}`);
    }
  }
  return { what: what.trim().replace(/\\s+/g, " ").slice(0, 60), faults };
}
"""


class Keys:
    """The keys of somebody who has nothing else; every stop is looked at."""

    def __init__(self, guest: Guest) -> None:
        self.guest, self.page = guest, guest.page
        self.stops = 0

    def to(self, wanted: Locator, key: str = "Tab") -> None:
        """On, stop by stop, until one is there."""
        expect(wanted).to_be_visible()
        passed: list[str] = []
        for _ in range(MOST_STOPS):
            self.page.keyboard.press(key)
            passed.append(self.look())
            if wanted.evaluate("one => one === document.activeElement"):
                return
        raise AssertionError(f"keys do not reach {wanted}; they pass {passed}")

    def look(self) -> str:
        """What one stands on; one sees it."""
        stop = self.page.evaluate(_STOP)
        self.stops += 1
        assert stop["faults"] == [], f"{self.page.url}: “{stop['what']}”: {stop['faults']}"
        return str(stop["what"])

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def enter(self) -> None:
        """Follow the link or press the button that one stands on, to another page."""
        self.guest.lead(lambda: self.press("Enter"))

    def follow(self, name: str) -> None:
        drawn = self.page.locator("main a", has_text=name)
        self.to(drawn.first)
        self.enter()

    def send(self, name: str) -> None:
        self.to(self.page.get_by_role("button", name=name, exact=True))
        self.enter()


@pytest.fixture(scope="module")
def commune(house: House) -> str:
    """Two villages with loudspeakers that have a place, a programme, kim who writes and ngoc who approves."""
    api = house.system.client
    api.post("/units", {"id": COMMUNE, "name": "Xã Phím Sơn", "kind": "commune"})
    for key, name in ((UPPER, "Thôn Thượng"), (LOWER, "Thôn Hạ")):
        api.post("/units", {"id": key, "name": name, "kind": "village", "parent_id": COMMUNE})
    devices = [_device(number, unit) for number, unit in enumerate((UPPER, UPPER, LOWER), 1)]
    api.post("/devices/batch", {"devices": devices})
    for name, role in (("kim", "operator"), ("ngoc", "approver")):
        made = api.post("/people", {"name": name.title(), "unit_id": COMMUNE})["id"]
        api.post(f"/people/{made}/grants", {"role": role, "unit_id": COMMUNE})
        link = api.post(f"/people/{made}/invitation", {"sign_in_name": name})
        api.post("/invitations", {"secret": link["secret"], "password": PASSWORD, "keep": "token"})
    slot = {"kind": "bulletins", "title": "Bản tin", "of": COMMUNE, "max_duration_s": 300}
    sessions = [
        {"id": "sang", "title": "Buổi sáng", "at": "05:00", "segments": [slot]},
        {"id": "trua", "title": "Buổi trưa", "at": "11:30", "weekdays": ["tue"], "segments": [slot]},
    ]
    named = {"format": "loa.programme.v1", "id": "ct-phim-son", "title": "Chương trình xã", "unit": COMMUNE}
    document = {**named, "valid_from": "2026-01-01", "sessions": sessions}
    api.put("/programmes/ct-phim-son", {"document": document})
    return COMMUNE


def _device(number: int, unit: str) -> dict[str, Any]:
    key = base64.b64encode(Ed25519Signer.generate().public_raw).decode()
    named = {"id": f"phim-{number}", "name": f"Cụm {number}", "kind": "speaker", "unit_id": unit, "public_key": key}
    return {**named, "latitude": 20.5 + number / 200, "longitude": 105.9 + number / 300}


@contextmanager
def keys_of(house: House, name: str, story: str, *, phone: bool = True) -> Iterator[Keys]:
    """Somebody on “Hôm nay”, with keys."""
    with house.guest(story, phone=phone) as guest:
        guest.context.set_default_timeout(40_000)
        guest.enter(name)
        guest.go("/")
        yield Keys(guest)


@pytest.mark.usefixtures("commune")
def test_keys_alone_write_a_bulletin_send_it_and_approve_it(house: House, tell: Any) -> None:
    tell(f"a bulletin by keys alone: {_written_and_sent(house)} stops, each seen")
    row = _row(house)
    assert row["state"] == "in_review"
    assert [one["scopes"] for one in row["placements"] if one["state"] == "reserved"] == [[f"u-{LOWER}"]]

    tell(f"heard and approved by keys alone: {_heard_and_approved(house)} stops, each seen")
    assert _row(house)["state"] == "approved"


def _written_and_sent(house: House) -> int:
    """What, where, when; gives how often Tab was pressed."""
    with keys_of(house, "kim", "keys-compose") as kim:
        page = kim.page
        kim.follow("Soạn bản tin")
        kim.to(page.locator("[name=mode]:checked"))
        while not page.locator("[name=mode][value=type]").is_checked():
            kim.press("ArrowRight")
            kim.look()
        kim.to(page.locator("[name=text]"))
        kim.type(TEXT)
        kim.to(page.locator("[name=title]"))
        kim.type(TITLE)
        kim.guest.show("content")
        kim.send("Tiếp: nghe lại, chọn nơi phát")

        kim.to(page.get_by_role("button", name="Xem trên bản đồ"))
        kim.press("Enter")
        lower = page.locator("loa-where-map").get_by_role("checkbox", name="Thôn Hạ, 1 cụm loa")
        expect(lower).to_be_visible()
        kim.to(lower)
        kim.press("Space")
        expect(page.locator("loa-reached")).to_have_text("Phát tới 2 cụm loa ở 1 thôn")
        kim.look()
        kim.guest.show("map")
        tree = page.locator("loa-tree [name=to]")
        kim.to(tree.nth(2))
        kim.press("Space")
        kim.to(tree.nth(1), "Shift+Tab")
        kim.press("Space")
        assert [tree.nth(n).get_attribute("value") for n in range(3) if tree.nth(n).is_checked()] == [f"u-{LOWER}"]
        kim.guest.show("where")
        kim.send("Tiếp: chọn giờ phát")

        kim.to(page.locator("[name=when]:checked"))
        kim.press("ArrowDown")
        kim.look()
        picked = page.locator("[name=when]:checked").input_value()
        kim.press("ArrowUp")
        assert picked != page.locator("[name=when]:checked").input_value()
        kim.guest.show("when")
        kim.send("Gửi duyệt")
        kim.guest.show("sent")

        assert "Đã gửi duyệt" in kim.guest.text
        return kim.stops


def _row(house: House) -> dict[str, Any]:
    (found,) = house.system.client.get("/bulletins", {"q": TITLE})
    return dict(house.system.client.get(f"/bulletins/{found['id']}"))


def _heard_and_approved(house: House) -> int:
    with keys_of(house, "ngoc", "keys-approve") as ngoc:
        page = ngoc.page
        ngoc.to(page.locator(".places").get_by_role("link", name="Duyệt"))
        ngoc.enter()
        ngoc.follow(TITLE)
        ngoc.to(page.get_by_role("button", name="Nghe bản tin"))
        ngoc.press("Enter")
        expect(page.get_by_role("button", name="Tạm dừng")).to_be_focused()
        ngoc.to(page.get_by_role("slider"))
        ngoc.press("ArrowRight", "ArrowRight")
        expect(page.get_by_role("slider")).not_to_have_value("0")
        ngoc.guest.show("heard")
        ngoc.to(page.locator("summary", has_text="Trả lại để sửa"))
        ngoc.press("Enter")
        ngoc.to(page.locator("[name=why]"))
        ngoc.to(page.get_by_role("button", name="Duyệt, cho phát"), "Shift+Tab")
        ngoc.guest.show("on-the-button")
        ngoc.enter()
        ngoc.guest.show("approved")

        assert "Đã duyệt" in ngoc.guest.text
        return ngoc.stops


@pytest.mark.parametrize("phone", [True, False], ids=["phone", "desktop"])
def test_keys_alone_move_a_session_by_its_menu(house: House, commune: str, *, phone: bool) -> None:
    monday = (datetime.now(UTC) + timedelta(hours=7)).date()
    monday += timedelta(days=7 * (1 if phone else 2) - monday.weekday())
    week = f"{monday.isocalendar().year}-W{monday.isocalendar().week:02}"
    tuesday, thursday = (str(monday + timedelta(days=n)) for n in (1, 3))
    with keys_of(house, "kim", f"keys-week-{'phone' if phone else 'desktop'}", phone=phone) as kim:
        page = kim.page
        kim.guest.go(f"/week?unit={commune}&week={week}&day={tuesday}")
        kim.follow("Buổi trưa")
        kim.to(page.locator("select[name=day]"))
        while page.locator("select[name=day]").input_value() != thursday:
            kim.press("ArrowDown")
        kim.to(page.locator("[name=following]:checked"))
        kim.guest.show("chosen")
        kim.send("Dời buổi phát")
        kim.guest.show("moved")

    told = house.system.client.get(f"/units/{commune}/week", {"week": week})["entries"]
    assert [one["day"] for one in told if one["session"] == "trua" and one["kind"] == "session"] == [thursday]


def test_what_one_stands_on_stays_while_the_page_follows_what_happens(house: House, commune: str) -> None:
    api = house.system.client
    body = {"title": "Đang phát", "to": [f"u-{commune}"], "board_text": "Tin", "board_s": 600}
    made = api.post("/broadcasts", body)["id"]
    wait_for(lambda: made in {one["id"] for one in api.get("/today")["on_air"]}, "it is on air")
    with keys_of(house, "kim", "keys-live") as kim:
        page = kim.page
        wait_for(lambda: page.evaluate("document.querySelector('#live')._htmx?.sse?.status === 200"), "it listens")
        stop = page.locator("#live .air").get_by_role("button")
        kim.to(stop)
        at = (datetime.now(UTC) + timedelta(seconds=900)).isoformat()
        api.post("/broadcasts", {**body, "title": "Tin xếp lúc đang xem", "at": at})
        expect(page.locator("main")).to_contain_text("Tin xếp lúc đang xem", timeout=15_000)

        expect(stop).to_be_focused()
        kim.look()
        kim.enter()
        kim.guest.show("stopped")
        assert "Đã gửi lệnh dừng phát" in kim.guest.text
