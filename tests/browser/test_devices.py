"""An officer looks after loudspeakers: finds the silent one, sets its volume, asks it to do things, asks why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import far_commune
from tests.browser.far_commune import REAL, FarCommune
from tests.browser.house import House

AT = f"/devices/{REAL}"
DAY = timedelta(days=1)
_CONNECTED = "document.querySelector('#live')._htmx?.sse?.status === 200"


def test_an_officer_finds_the_silent_one_and_turns_it_down(house: House, far: FarCommune) -> None:
    with far.swarm():
        far.wait("ok")
    far.wait("silent")
    with house.guest("devices") as nga:
        nga.enter("nga")
        nga.go("/")
        nga.follow("Thiết bị")
        nga.show("list", look=True)
        nga.lead(nga.page.locator(".chips a.bad").click)
        nga.fill(q="thiet bi mo phong")
        nga.press("Lọc")
        nga.show("silent", look=True)
        nga.lead(nga.page.locator("tbody a").first.click)
        nga.show("one-silent", look=True)

        assert "Mất liên lạc" in nga.text
        assert "Thiết bị không trả lời từ" in nga.text

        nga.fill(most="60")
        nga.press("Đặt âm lượng")
        nga.show("volume-wanted")

        assert "Mức đã đặt: 60 %" in nga.page.locator("#volume").inner_text()
        assert "Thiết bị chưa áp dụng" in nga.page.locator("#volume").inner_text()

        with far.swarm():
            expect(nga.page.locator("#volume")).to_contain_text("Thiết bị đã áp dụng", timeout=60_000)
            expect(nga.page.locator("#state")).to_contain_text("Đang kết nối", timeout=20_000)
            nga.show("volume-applied", look=True)
            nga.press("Hỏi tình trạng")
            expect(nga.page.locator("#told")).to_contain_text("đã làm", timeout=20_000)
            nga.press("Phát thử tiếng chuông")
            expect(nga.page.locator("#told")).to_contain_text("thiết bị chưa biết việc này", timeout=20_000)
            nga.show("asked")

        nga.fill(at="2026-11-20T05:00")
        nga.press("Hỏi vì sao")

        assert "không có gì phát ở đây" in nga.text
        nga.show("why", look=True)


def test_a_technician_watches_what_the_devices_program_writes(house: House, far: FarCommune) -> None:
    with far.agent() as agent, house.guest("device-log") as nga:
        nga.enter("nga")
        nga.go(f"/devices/{agent.name}")
        log = nga.page.locator("#logged")

        assert "Chưa có dòng nào" in log.inner_text() or "cảnh báo" in log.inner_text()

        nga.press("Xem trực tiếp trong 5 phút")
        expect(log).to_contain_text("command", timeout=30_000)
        expect(nga.page.locator("#told")).to_contain_text("đã làm", timeout=20_000)
        nga.show("shown", look=True)
        nga.page.evaluate("window.stayed = true")
        now = datetime.now(UTC)
        body = {"title": "Tin mới", "to": [f"d-{agent.name}"], "board_text": "x", "at": (now + DAY).isoformat()}
        house.system.client.post("/broadcasts", body)
        expect(log).to_contain_text(f"plan/d-{agent.name}", timeout=30_000)

        assert nga.page.evaluate("window.stayed")
        first, *_ = log.locator("li").all()
        assert "thông tin" in first.inner_text()
        nga.show("live", look=True)


@pytest.mark.usefixtures("far")
def test_without_scripts_the_same_is_done_by_plain_forms(house: House) -> None:
    with house.guest("devices-plain", scripts=False, phone=False) as nga:
        nga.enter("nga")
        nga.go("/devices")
        nga.page.locator("summary", has_text="Theo đơn vị").click()
        nga.page.locator("select[name=unit]").select_option(label=far_commune.VILLAGES[1])
        nga.press("Lọc")
        nga.show("narrowed")
        shown = nga.page.locator("tbody tr").count()
        nga.lead(nga.page.get_by_role("link", name="Tiếp theo").click)
        nga.lead(nga.page.locator("tbody a").first.click)
        nga.fill(most="35")
        nga.press("Đặt âm lượng")
        nga.show("volume")
        nga.press("Hỏi tình trạng")
        nga.show("asked")

        assert shown == 50
        assert "Mức đã đặt: 35 %" in nga.text
        told = " ".join(nga.page.locator("#told").inner_text().split())
        assert "Hỏi tình trạng đang chờ gửi" in told or "Hỏi tình trạng đã gửi, chờ trả lời" in told
        nga.fill(name="Cụm loa đầu ấp", most="")
        nga.press("Lưu")

        assert nga.page.locator("h1").inner_text().startswith("Cụm loa đầu ấp")


@pytest.mark.usefixtures("far")
def test_who_only_approves_sees_how_devices_are_and_changes_nothing(house: House) -> None:
    with house.guest("devices-reader") as hung:
        hung.enter("hung")
        hung.go("/devices")

        assert hung.page.locator("tbody tr").count() == 40
        hung.lead(hung.page.locator("tbody a").first.click)
        assert hung.page.get_by_role("button", name="Đặt âm lượng").count() == 0
        assert hung.page.locator("#log").count() == 0
        hung.show("reader", look=True)
        hung.go("/devices/xa-loa-1")
        assert "Không có trang này" in hung.text


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("phone", [True, False])
def test_three_hundred_with_long_names_are_read_at_a_glance(house: House, *, phone: bool) -> None:
    given: dict[str, Any] = {"phone": phone, "color_scheme": "light" if phone else "dark"}
    with house.guest(f"many-devices-{'phone' if phone else 'screen'}", **given) as nga:
        nga.enter("nga")
        for path in ("/devices", "/devices?state=faulty", "/devices/xa-loa-23", "/devices/xa-loa-29?days=7"):
            nga.go(path)
            nga.show(path.strip("/").replace("/", "-").replace("?", "-"), look=True)
