"""Every page that exists: accessible, within its weight, readable at 200 %, whole without scripts, live with them."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Response, Route, expect

from tests.acceptance.rig import wait_for
from tests.browser.house import DEVICES, Guest, House, take_in

PAGES = (
    "/",
    "/bulletins",
    "/week",
    "/account",
    "/more",
    "/account/password",
    "/account/proof",
    "/people",
    "/people/new",
    "/audit",
    "/nothing-here",
)
MORE = ("/devices", "/devices/loa-1", "/administration", "/policies", "/policies/u-xa-an-binh", "/groups", "/keys")
ALSO = ("/units", "/units/xa-an-binh")
OVERSEEN = ("/results", "/monitoring", "/monitoring?view=map", "/monitoring?view=communes", "/monitoring?wall=1")
OPEN = ("/sign-in", "/sign-in/code", "/invitation", "/set-up", "/sign-in-link")
FIRST_VISIT_BYTES = 60_000
_CONNECTED = "document.querySelector('#live')._htmx?.sse?.status === 200"
PARTS = {
    "/": "**/today/part*",
    "/results": "**/results/part*",
    "/monitoring": "**/monitoring/part*",
    "/monitoring?wall=1": "**/monitoring/part*",
    "/devices/loa-1": "**/devices/loa-1/*",
}
"""Pages that follow what happens, and what they read anew."""
_EVENTS = "**/api/v1/events*"
AWAY = "database_away"
STOPPED = {True: "Thử loa có script", False: "Thử loa không script"}
FOREIGN = "Không dừng được bằng trang lạ"
NARROWEST = {"viewport": {"width": 320, "height": 640}}
"""As 200 % of a phone's 640, and 400 % of a screen of 1280."""


def _away(route: Route) -> None:
    route.fulfill(status=503, content_type="application/problem+json", body=f'{{"code": "{AWAY}"}}')


@pytest.fixture(scope="module")
def one_of_them(house: House) -> str:
    return take_in(house.system, "binh", "operator")


@pytest.fixture(scope="module")
def on_air(house: House) -> dict[str, str]:
    """What is on air from the first test on; one more comes later."""
    house.broadcast("Bản tin chiều", in_s=4000)
    return house.on_air("Thông báo cắt nước", *STOPPED.values(), FOREIGN)


@pytest.mark.usefixtures("on_air")
def test_every_page_is_accessible_and_never_wider_than_the_phone(house: House, one_of_them: str) -> None:
    found: dict[str, Any] = {}
    body = {"name": "Quanh chợ", "unit_id": "xa-an-binh", "devices": ["loa-1"]}
    group = house.system.client.post("/groups", body)["id"]
    with house.guest("every-page", **NARROWEST) as tuan:
        for path in OPEN:
            _look(tuan, path, found)
        tuan.enter("tuan")
        for path in (*PAGES, *OVERSEEN, *MORE, *ALSO, f"/people/{one_of_them}", f"/groups/{group}"):
            _look(tuan, path, found)

    assert found == {}


def test_pages_are_accessible_in_the_dark_and_on_a_screen(house: House, one_of_them: str) -> None:
    found: dict[str, Any] = {}
    with house.guest("every-page-dark", phone=False, color_scheme="dark") as tuan:
        _look(tuan, "/sign-in", found)
        tuan.enter("tuan")
        for path in ("/", "/people", f"/people/{one_of_them}"):
            _look(tuan, path, found)

    assert found == {}


def _look(guest: Guest, path: str, found: dict[str, Any]) -> None:
    guest.go(path)
    guest.show((path.strip("/") or "today").replace("/", "-")[:30])
    if wrong := guest.axe():
        found[path] = wrong


def test_a_first_visit_weighs_little(house: House, tell: Any) -> None:
    with house.guest("weight") as lan:
        lan.enter("hung")
        for path in ("/", "/account", "/sign-in"):
            lan.page.goto("about:blank")
            session = lan.context.new_cdp_session(lan.page)
            session.send("Network.enable")
            session.send("Network.setCacheDisabled", {"cacheDisabled": True})
            sizes: list[float] = []
            session.on("Network.loadingFinished", _noted_in(sizes))
            if path == "/sign-in":
                lan.context.clear_cookies()
            lan.go(path)
            lan.page.wait_for_load_state("load")
            session.detach()
            tell(f"first visit of {path}: {sum(sizes) / 1000:.1f} kB in {len(sizes)} answers")

            assert 5_000 < sum(sizes) <= FIRST_VISIT_BYTES


def _noted_in(sizes: list[float]) -> Callable[[dict[str, Any]], None]:
    return lambda event: sizes.append(event["encodedDataLength"])


def test_a_second_visit_asks_for_the_page_alone(house: House) -> None:
    with house.guest("second-visit") as lan:
        lan.enter("hung")
        lan.go("/account")
        asked: list[Response] = []
        lan.page.on("response", lambda answer: asked.append(answer))  # noqa: PLW0108 - it asks for a Python function
        lan.go("/account")
        over_the_line = [one.url for one in asked if not one.from_service_worker and "/static/" not in one.url]

        assert over_the_line == [f"{house.url}/account"]
        files = [one for one in asked if "/static/" in one.url]
        assert all("immutable" in one.headers["cache-control"] for one in files)


@pytest.mark.usefixtures("on_air")
def test_what_sounds_is_stopped_by_one_press_with_and_without_scripts(house: House) -> None:
    for scripts, title in STOPPED.items():
        with house.guest(f"stop-{'with' if scripts else 'without'}-scripts", scripts=scripts) as lan:
            lan.enter("lan")
            lan.go("/")
            card = lan.page.locator(".card", has_text=title)
            assert "air" in (card.get_attribute("class") or "")
            lan.show("on-air")
            lan.lead(card.get_by_role("button").click)
            lan.show("stopped")

            assert "Đã gửi lệnh dừng phát" in lan.text
            assert re.search(r"Đã gửi lệnh dừng lúc \d\d:\d\d", card.inner_text())
            assert card.get_by_role("button").count() == 0


def test_a_page_follows_what_happens_however_late_its_scripts_come(house: House) -> None:
    """Over a slow line one script has run long before the next one comes."""

    def late(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    with house.guest("late-scripts") as lan:
        lan.enter("lan")
        lan.context.route("**/static/*.js", late)
        for path in ("/", "/monitoring", "/monitoring?wall=1", "/results", "/devices/loa-1"):
            lan.go(path)
            wait_for(lambda: lan.page.evaluate(_CONNECTED), f"{path} listens")


def test_what_fails_behind_an_open_page_leaves_it_as_it_was_says_how_old_it_is_and_is_made_up_for(house: House) -> None:
    with house.guest("behind") as lan:
        lan.enter("lan")
        lan.page.clock.install()
        for path, part in PARTS.items():
            lan.context.route(_EVENTS, _away)
            lan.go(path)
            first, stale = lan.text.splitlines()[0], lan.page.locator("loa-stale")
            lan.context.route(part, _away)
            lan.page.clock.fast_forward(61_000)
            expect(stale).to_contain_text("đã cũ 1 phút")
            lan.page.clock.fast_forward(61_000)
            expect(stale).to_contain_text("đã cũ 2 phút")
            assert first in lan.text
            assert AWAY not in lan.text
            if path == "/":
                lan.show("old", look=True)
            for one in (_EVENTS, part):
                lan.context.unroute(one)
            lan.page.clock.fast_forward(61_000)
            expect(stale).to_be_hidden()
            wait_for(lambda: lan.page.evaluate(_CONNECTED), "it listens again")
        lan.faults.clear()


def test_where_the_session_is_over_an_open_page_leads_to_signing_in(house: House) -> None:
    with house.guest("over") as lan:
        lan.enter("lan")
        lan.page.clock.install()
        lan.go("/results")
        lan.context.add_cookies([{"name": "loa", "value": "loas_het-han", "url": house.url}])
        lan.page.clock.fast_forward(61_000)

        lan.page.wait_for_url("**/sign-in?next=/results&over=1")
        lan.show("signed-out")
        lan.faults.clear()


def test_an_open_page_follows_what_happens(house: House) -> None:
    with house.guest("live") as lan:
        lan.enter("lan")
        lan.go("/")
        wait_for(lambda: lan.page.evaluate(_CONNECTED), "the page listens")
        house.broadcast("Tin vừa xếp", in_s=90)

        expect(lan.page.locator("main")).to_contain_text("Tin vừa xếp", timeout=15_000)
        countdown = lan.page.locator("loa-countdown")
        expect(countdown).to_contain_text("còn")
        lan.show("followed")


def test_how_the_last_one_went_is_one_strip(house: House) -> None:
    house.answered(house.over("Bản tin sáng"), ["played"] * 37 + ["failed", "skipped", "unknown"])
    with house.guest("strip") as lan:
        lan.enter("lan")
        lan.go("/")
        lan.show("strip")
        shown = lan.page.locator(".strip").inner_text()

        assert f"37/{DEVICES} cụm đã phát" in shown
        assert "2 lỗi" in shown
        assert "1 chưa rõ" in shown
        assert lan.page.locator(".strip .good").count() == 0
        assert lan.page.locator(".strip .status").first.get_attribute("class") == "status warning"
        lan.follow("Xem từng cụm")
        assert lan.page.locator(".answers > li").count() > 0


def test_a_form_without_its_token_does_nothing(house: House, on_air: dict[str, str]) -> None:
    with house.guest("no-token") as lan:
        lan.enter("lan")
        lan.go("/account")
        answer = lan.page.request.post(
            f"{house.url}/stop",
            form={"broadcast": on_air[FOREIGN], "csrf": "đoán"},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        lan.go("/")

        assert answer.status == 403
        assert lan.page.locator(".card.air", has_text=FOREIGN).get_by_role("button").count() == 1


def test_a_press_that_is_repeated_is_done_once(house: House) -> None:
    with house.guest("repeated", scripts=False) as tuan:
        tuan.enter("tuan")
        tuan.go("/people/new")
        fields = {
            one: tuan.page.locator(f"main [name={one}]").first.input_value() for one in ("csrf", "once", "unit_id")
        }
        sent = {**fields, "name": "Người Gửi Hai Lần", "language": "vi"}
        headers = {"Sec-Fetch-Site": "same-origin"}
        answers = [tuan.page.request.post(f"{house.url}/people/new", form=sent, headers=headers) for _ in range(2)]

        assert answers[0].url == answers[1].url
        tuan.go("/people?q=nguoi gui")
        assert tuan.page.locator("tbody tr").count() == 1


def test_what_is_not_theirs_is_neither_drawn_nor_shown(house: House) -> None:
    with house.guest("not-theirs") as lan:
        lan.enter("lan")
        lan.go("/")
        shown = lan.page.locator(".places a").all_inner_texts()
        assert {"Hôm nay", "Bản tin", "Tài khoản"} <= set(shown)
        assert {"Người dùng", "Nhật ký", "Duyệt"}.isdisjoint(shown)
        for path, status in (
            ("/people", 403),
            ("/audit", 403),
            ("/people/new", 403),
            ("/people/x", 403),
            ("/gone", 404),
        ):
            answer = lan.page.goto(f"{house.url}{path}")

            assert answer is not None
            assert answer.status == status
            assert lan.page.locator("h1").inner_text().strip() in {"Không được phép", "Không tìm thấy"}
            assert lan.page.locator(".places a").all_inner_texts() == shown
        lan.show("refused")


def test_pages_speak_english_to_who_asks_for_it(house: House) -> None:
    with house.guest("english", locale="en-GB", scripts=False) as guest:
        guest.go("/sign-in")
        assert guest.page.locator("h1").inner_text() == "Sign in"
        guest.show("sign-in")
        guest.press("Tiếng Việt")

        assert guest.page.locator("h1").inner_text() == "Đăng nhập"
