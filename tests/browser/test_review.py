"""Approving: from the link to “on air” by two taps, giving back and reading why, who may not and why, and deputies."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from loa_cli.client import Client
from tests.acceptance.rig import COMMUNE, make_tone, wait_for
from tests.browser.house import Guest, House, entered, take_in

NARROWEST: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
TEXT = (
    "Kính thưa bà con nhân dân xã An Bình.\n\nTừ 8 giờ đến 17 giờ ngày thứ Năm, 26 tháng 11, điện lực cắt điện để sửa"
    " đường dây tại thôn Đông, thôn Đoài và khu tái định cư Bến Tre.\n\nĐề nghị bà con chủ động nguồn nước sinh hoạt."
)
_numbers = count(1)


@pytest.fixture(scope="module")
def over_api(house: House) -> Iterator[Callable[[str], Client]]:
    """Somebody over the API, by name."""
    clients: dict[str, Client] = {}

    def acting(name: str) -> Client:
        house.cookies[name] = house.cookies.get(name) or entered(house, name)
        if name not in clients:
            clients[name] = Client(house.url, house.cookies[name])
        return clients[name]

    yield acting
    for one in clients.values():
        one.close()


@pytest.fixture(scope="module")
def lan(over_api: Callable[[str], Client]) -> Client:
    """Who writes."""
    return over_api("lan")


@pytest.fixture(scope="module")
def sound(lan: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three seconds, taken in as any file is."""
    file = make_tone(tmp_path_factory.mktemp("sound") / "cat-dien.wav", seconds=3.0)
    return str(lan.upload(file, "Cắt điện", COMMUNE)["id"])


def document(title: str, sound: str, text: str = TEXT, **changes: Any) -> dict[str, Any]:
    return {"title": title, "field": "notice", "variants": [{**_spoken(sound), "text": text}], **changes}


def submitted(lan: Client, sound: str, title: str, *, in_s: int = 7200, **changes: Any) -> str:
    """A bulletin that waits, with a place."""
    made = lan.post("/bulletins", {"unit": COMMUNE, "document": document(title, sound, **changes)})["id"]
    start = (datetime.now(UTC) + timedelta(seconds=in_s + 1200 * next(_numbers))).isoformat()
    lan.post(f"/bulletins/{made}/placements", {"to": [f"u-{COMMUNE}"], "start": start})
    lan.post(f"/bulletins/{made}/submit", {})
    return str(made)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_from_the_link_it_is_heard_and_approved_by_two_taps(
    house: House, lan: Client, sound: str, tell: Any, *, scripts: bool
) -> None:
    made = submitted(lan, sound, f"Cắt điện thứ Năm {'có' if scripts else 'không'} script")
    with house.guest(f"approve-{'with' if scripts else 'without'}-scripts", scripts=scripts) as hung:
        hung.enter("hung")
        heard: list[str] = []
        hung.page.on("response", lambda answer: heard.append(answer.url) if "/sound" in answer.url else None)
        taps = Taps(hung.page)
        hung.go(f"/review/{made}")
        hung.show("link", look=scripts)
        taps.on(_play(hung))
        wait_for(lambda: _fetched(hung, heard), "the sound is fetched")
        if scripts:
            expect(hung.page.get_by_role("button", name="Tạm dừng")).to_be_visible()
        hung.show("heard")
        hung.lead(lambda: taps.on(hung.page.get_by_role("button", name="Duyệt, cho phát").tap))
        hung.show("approved", look=scripts)
        tell(f"link → heard → approved: {taps.count} taps, scripts {scripts}")

        assert taps.count <= 2
        assert any(f"/media/{sound}/sound" in one for one in heard)
        assert "Đã duyệt" in hung.text
        assert "40 cụm loa" in hung.text
        assert lan.get(f"/bulletins/{made}")["state"] == "approved"


class Taps:
    """Counts what a thumb does."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def on(self, tap: Callable[[], Any]) -> None:
        self.count += 1
        tap()


def _play(guest: Guest) -> Callable[[], Any]:
    """The large button, or what the browser draws where no script runs."""
    if guest.scripts:
        return guest.page.get_by_role("button", name="Nghe bản tin").tap
    audio = guest.page.locator("audio")
    box = audio.bounding_box()
    assert box is not None
    return lambda: audio.tap(position={"x": 28, "y": box["height"] / 2})


def _fetched(guest: Guest, heard: list[str]) -> bool:
    """Whether the sound was asked for; while one waits the browser's answers come in."""
    if not heard:
        guest.page.wait_for_timeout(50)
    return bool(heard)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_it_is_given_back_with_reasons_and_its_author_reads_them(
    house: House, lan: Client, sound: str, *, scripts: bool
) -> None:
    made = submitted(lan, sound, f"Tiêm phòng dại {'có' if scripts else 'không'} script")
    with house.guest(f"return-{'with' if scripts else 'without'}-scripts", scripts=scripts) as hung:
        hung.enter("hung")
        hung.go(f"/review/{made}")
        hung.page.get_by_text("Trả lại để sửa…").tap()
        hung.press("Trả lại cho Lan")
        assert "Hãy chọn ít nhất một lý do" in hung.text
        hung.show("no-reason", look=scripts)
        hung.page.get_by_text("Sai nơi phát hoặc giờ phát").tap()
        hung.fill(why="Phải phát lúc 17 giờ")
        hung.press("Trả lại cho Lan")
        hung.show("returned")

    with house.guest("returned-author", scripts=scripts) as author:
        author.enter("lan")
        author.go(f"/review/{made}")
        author.show("reason", look=scripts)

        assert "Hung đã trả lại" in author.text
        assert "Sai nơi phát hoặc giờ phát. Phải phát lúc 17 giờ" in author.text
        assert author.page.get_by_role("button", name="Duyệt").count() == 0


def test_what_was_changed_since_is_shown_word_by_word(
    house: House, over_api: Callable[[str], Client], lan: Client, sound: str
) -> None:
    made = submitted(lan, sound, "Cắt điện xóm Trại", level="priority")
    over_api("hung").post(f"/bulletins/{made}/return", {"why": "Sai giờ, xem lại giấy báo"})
    again = document("Cắt điện xóm Trại, xóm Chợ", sound, TEXT.replace("8 giờ", "7 giờ 30"), level="priority")
    lan.put(f"/bulletins/{made}", {"document": again, "expected_revision": 1})
    lan.post(f"/bulletins/{made}/submit", {})
    for phone in (True, False):
        story = f"changed-{'phone' if phone else 'desktop'}"
        with house.guest(story, phone=phone, color_scheme="light" if phone else "dark") as hung:
            hung.enter("hung")
            hung.go(f"/review/{made}")
            hung.show("changes", look=True)

            assert "Sai giờ, xem lại giấy báo" in hung.text
            assert hung.page.locator("del").all_text_contents() == ["bỏ:Trại", "bỏ:8"]
            assert hung.page.locator("ins").all_text_contents() == ["thêm:Trại, xóm Chợ", "thêm:7", "thêm: 30"]


def test_who_wrote_it_does_not_approve_it_and_reads_why(
    house: House, over_api: Callable[[str], Client], sound: str
) -> None:
    take_in(house.system, "hong", "operator", "approver")
    hong = over_api("hong")
    made = submitted(hong, sound, "Họp thôn tối thứ Bảy tại nhà văn hóa thôn Đoài, mời đại diện các hộ gia đình")
    with house.guest("own", **NARROWEST) as guest:
        guest.enter("hong")
        guest.go("/review")
        guest.show("list", look=True)
        assert "Bạn đã soạn, chờ người khác duyệt" in guest.text
        guest.follow("Họp thôn tối thứ Bảy")
        guest.show("why-not", look=True)

        assert "Bạn đã soạn hoặc sửa bản tin này" in guest.text
        assert guest.page.get_by_role("button", name="Duyệt, cho phát").count() == 0
        refused = guest.page.request.post(
            f"{house.url}/review/{made}/approval",
            form={"csrf": guest.page.locator("meta[name=loa-csrf]").get_attribute("content") or "", "revision": "1"},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert refused.status == 403


def test_a_deputy_finds_it_from_today_and_is_told_for_whom(house: House, lan: Client, sound: str) -> None:
    absent, deputy = take_in(house.system, "minh", "approver"), take_in(house.system, "dao", "operator")
    day = (datetime.now(UTC) + timedelta(hours=7)).date().isoformat()
    house.system.client.post(f"/people/{absent}/leaves", {"first_day": day, "last_day": day, "deputy_id": deputy})
    title = "Lịch tiêm chủng mở rộng tháng 12"
    submitted(lan, sound, title)
    with house.guest("deputy") as dao:
        dao.enter("dao")
        dao.go("/")
        dao.show("today")
        dao.follow("Duyệt")
        dao.show("list", look=True)
        assert "bạn duyệt thay người đang nghỉ" in dao.text
        dao.follow(title)
        dao.show("review")
        assert "Bạn duyệt thay Minh" in dao.text
        dao.press("Duyệt, cho phát")

        assert "Đã duyệt" in dao.text


def test_a_bulletin_that_was_changed_meanwhile_is_not_approved_unread(house: House, lan: Client, sound: str) -> None:
    made = submitted(lan, sound, "Thu gom rác")
    with house.guest("moved-on", scripts=False) as hung:
        hung.enter("hung")
        hung.go(f"/review/{made}")
        lan.put(f"/bulletins/{made}", {"document": document("Thu gom rác mới", sound), "expected_revision": 1})
        hung.press("Duyệt, cho phát")
        hung.show("moved-on")

        assert "hãy đọc lại rồi quyết định" in hung.text
        assert "Thu gom rác mới" in hung.text
        assert lan.get(f"/bulletins/{made}")["state"] == "in_review"


def test_what_stops_it_is_approved_only_by_who_says_so(house: House, lan: Client) -> None:
    with house.guest("despite", scripts=False) as hung:
        made = lan.post(
            "/bulletins", {"unit": COMMUNE, "document": {"title": "Chỉ có chữ", "variants": [_board("Họp lúc 19 giờ")]}}
        )["id"]
        lan.post(f"/bulletins/{made}/placements", {"slot": COMMUNE})
        lan.post(f"/bulletins/{made}/submit", {})
        hung.enter("hung")
        hung.go(f"/review/{made}")
        hung.show("undecidable")

        assert "Chưa duyệt được" in hung.text
        assert "Buổi phát cần âm thanh" in hung.text
        assert hung.page.get_by_role("button", name="Duyệt, cho phát").count() == 0
        assert hung.page.locator(".for span").all_inner_texts() == ["Bảng tin hiện"]
        assert hung.text.count("Họp lúc 19 giờ") == 1


@pytest.mark.parametrize("phone", [True, False], ids=["phone", "desktop"])
def test_what_is_for_loudspeakers_and_boards_is_read_once(
    house: House, lan: Client, sound: str, *, phone: bool
) -> None:
    same, own = (
        submitted(lan, sound, f"Cắt điện {number}", variants=[{**_spoken(sound), "board": {"long": text}}])
        for number, text in enumerate((TEXT, "Thứ Năm 26/11: cắt điện 8–17 giờ, thôn Đông, thôn Đoài, Bến Tre."))
    )
    with house.guest(f"once-{'phone' if phone else 'desktop'}", phone=phone) as hung:
        hung.enter("hung")
        hung.go(f"/review/{same}")
        hung.show("same", look=True)
        heads = hung.page.locator(".for span")
        assert heads.all_inner_texts() == ["Loa phát và bảng tin hiện"]
        assert hung.text.count("khu tái định cư Bến Tre") == 1
        hung.go(f"/review/{own}")
        hung.show("own", look=True)

        assert heads.all_inner_texts() == ["Loa phát", "Bảng tin hiện"]
        assert hung.page.locator(".said.board").inner_text().startswith("Thứ Năm 26/11")
        assert hung.text.count("khu tái định cư Bến Tre") == 1


def _spoken(sound: str) -> dict[str, Any]:
    return {"language": "vi", "text": TEXT, "audio": sound, "audio_kind": "recording"}


def _board(text: str) -> dict[str, Any]:
    return {"language": "vi", "text": text, "board": {"long": text}}


def test_a_leader_of_many_is_led_from_one_to_the_next(house: House, lan: Client, sound: str) -> None:
    first, second = (submitted(lan, sound, f"Tin nối tiếp {word}") for word in ("một", "hai"))
    with house.guest("next") as hung:
        hung.enter("hung")
        hung.go("/review")
        hung.show("queue", look=True)
        hung.go(f"/review/{first}")
        hung.press("Duyệt, cho phát")

        assert hung.page.get_by_role("button", name="Bản tin tiếp theo").count() == 1
        assert lan.get(f"/bulletins/{second}")["state"] == "in_review"
