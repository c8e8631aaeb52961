"""The whole way of a notice: typed on a phone, heard, approved by somebody else, played by agents, its result read."""

from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.rig import COMMUNE, System, bursts, captured, wait_for
from tests.browser.house import Guest, House

VILLAGE, NAME = "thon-ca-chua", "Thôn Cà Chua"
HORNS = ("ca-chua-1", "ca-chua-2")
TITLE = "Mất nước chiều nay"
TEXT = "Chiều nay từ 14 giờ nhà máy sửa đường ống, thôn ta mất nước. Đề nghị bà con trữ nước."


@pytest.fixture
def village(furnished_system: System) -> Iterator[System]:
    """A village of the commune whose horns are real agents; what they sound is captured."""
    furnished_system.client.post("/units", {"id": VILLAGE, "name": NAME, "kind": "village", "parent_id": COMMUNE})
    for horn in HORNS:
        furnished_system.add_agent(horn, unit=VILLAGE)
    wait_for(lambda: all(furnished_system.device(horn)["ready"] for horn in HORNS), "the horns are ready", 60)
    yield furnished_system
    for horn in HORNS:
        furnished_system.agents.pop(horn).end()


def test_a_typed_notice_is_heard_approved_played_by_real_horns_and_its_result_is_read(
    village: System, house: House, tell: Callable[[str], None]
) -> None:
    with house.guest("whole-way-1-officer") as lan:
        lan.context.set_default_timeout(60_000)
        lan.enter("lan")
        lan.go("/")
        _tap(lan, "Soạn bản tin")
        lan.page.get_by_text("Gõ chữ, máy đọc").first.tap()
        lan.fill(text=TEXT, title=TITLE)
        _tap(lan, "Tiếp: nghe lại, chọn nơi phát")
        lan.page.locator("label", has_text="Xã An Bình").first.tap()
        lan.page.locator("label", has_text=NAME).first.tap()
        lan.show("where")
        _tap(lan, "Tiếp: chọn giờ phát")
        lan.page.locator("label", has_text="Ngay khi được duyệt").tap()
        lan.show("when")
        assert "Phát tới 2 cụm loa" in lan.text
        _tap(lan, "Gửi duyệt")
        assert "Đã gửi duyệt" in lan.text

    with house.guest("whole-way-2-leader") as hung:
        hung.enter("hung")
        hung.go("/")
        hung.follow(TITLE)
        hung.page.get_by_role("button", name="Nghe bản tin").tap()
        hung.page.get_by_role("button", name="Tạm dừng").wait_for()
        hung.show("heard")
        _tap(hung, "Duyệt, cho phát")
        assert "Đã duyệt" in hung.text

    (made,) = village.client.get("/bulletins", {"q": TITLE})
    places = village.client.get(f"/bulletins/{made['id']}")["placements"]
    (broadcast,) = {one["broadcast_id"] for one in places if one["broadcast_id"]}
    ledger = village.wait_closed(broadcast, 120)
    for horn in HORNS:
        heard = bursts(captured(village.capture(horn)))
        tell(f"{horn} sounded {heard[-1][1] - heard[0][0]:.1f} s of a notice that was typed and approved on pages")
        assert heard[-1][1] - heard[0][0] > 3
    assert ledger["outcomes"] == {"played": len(HORNS)}

    with house.guest("whole-way-3-officer") as lan:
        lan.enter("lan")
        lan.go("/results")
        lan.follow(TITLE)
        lan.show("played")
        assert "2/2 cụm đã phát" in lan.text


def _tap(guest: Guest, name: str) -> None:
    found = guest.page.get_by_role("button", name=name, exact=True).or_(
        guest.page.get_by_role("link", name=name, exact=True)
    )
    guest.lead(found.first.tap)
