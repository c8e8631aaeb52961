"""“Giám sát”: a monitor of one region sees its communes alone, finds silent devices, keeps them; the map; the wall."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.devices.tables import Device, DeviceReport
from tests.acceptance.rig import wait_for
from tests.browser.house import PASSWORD, Guest, House, _device

MAP_BYTES = 120_000
REGION = "vung-dong-bac"
COMMUNES = {"xa-bac-son": "Xã Bắc Sơn", "xa-tan-lap": "Xã Tân Lập", "xa-trung-thanh-dong": "Xã Trung Thành Đông"}
STATES = {"bac-1": True, "bac-2": True, "bac-3": False, "bac-4": False, "tan-1": True, "tan-2": False}
HEARD = "Bản tin sáng của vùng Đông Bắc về phòng chống rét cho gia súc"


@pytest.fixture(scope="module")
def region(house: House) -> str:
    """A province with a region of three communes, six devices, three of them silent; mai watches the region."""
    api = house.system.client
    api.post("/units", {"id": "tinh-xa", "name": "Tỉnh Xa", "kind": "province"})
    api.post("/units", {"id": REGION, "name": "Vùng Đông Bắc", "kind": "region", "parent_id": "tinh-xa"})
    for key, name in COMMUNES.items():
        api.post("/units", {"id": key, "name": name, "kind": "commune", "parent_id": REGION})
    units = {"bac": "xa-bac-son", "tan": "xa-tan-lap"}
    devices = [
        {**_device(0), "id": one, "name": f"Cụm {one.replace('-', ' ').title()}", "unit_id": units[one[:3]]}
        for one in STATES
    ]
    api.post("/devices/batch", {"devices": devices})
    mai = api.post("/people", {"name": "Mai", "unit_id": REGION})["id"]
    api.post(f"/people/{mai}/grants", {"role": "monitor", "unit_id": REGION})
    link = api.post(f"/people/{mai}/invitation", {"sign_in_name": "mai"})
    api.post("/invitations", {"secret": link["secret"], "password": PASSWORD, "keep": "token"})
    made = api.post("/broadcasts", _announcement())["id"]
    _answered(house, made)
    return str(made)


def _announcement() -> dict[str, Any]:
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {"title": HEARD, "to": [f"u-{REGION}"], "at": at, "board_text": HEARD, "board_s": 60}


def _answered(house: House, made: str) -> None:
    """It is over: two devices of Bắc Sơn played it, one failed, the silent ones are not known of."""
    now = datetime.now(UTC)
    said = {"bac-1": "played", "bac-2": "played", "tan-1": "failed"}

    async def fill(session: AsyncSession) -> None:
        for number, (device, online) in enumerate(STATES.items()):
            row = await session.get_one(Device, device)
            row.latitude, row.longitude = 21.8 + number * 0.02, 106.3 + number * 0.03
            session.add(
                DeviceReport(device_id=device, online=online, seen_at=now + timedelta(hours=1 if online else -number))
            )
            outcome = said.get(device, "unknown")
            reason = {"failed": "output_failed", "unknown": "no_answer"}.get(outcome)
            session.add(LedgerRow(broadcast_id=made, device_id=device, outcome=outcome, reason=reason))
        broadcast = await session.get_one(BroadcastRow, made)
        broadcast.start = broadcast.latest_start = now - timedelta(minutes=1)
        broadcast.board, broadcast.expected_at, broadcast.closed_at = None, now, now

    house._write(fill)


@pytest.mark.usefixtures("region")
def test_a_monitor_finds_silent_devices_and_keeps_them_in_three_clicks(house: House) -> None:
    with house.guest("monitor", phone=False) as mai:
        mai.enter("mai")
        mai.go("/")
        mai.show("today")
        mai.follow("Giám sát")
        mai.show("overview", look=True)
        silent = mai.page.locator(".counts a", has_text="Mất liên lạc")
        assert silent.locator("strong").inner_text() == "3"
        named = mai.page.locator("tbody th").all_inner_texts()
        assert named == [f"Cụm {one}" for one in ("Bac 3", "Bac 4", "Tan 2", "Bac 1", "Bac 2", "Tan 1")]
        assert "Cần người xem thì đứng trước: mất liên lạc" in mai.text
        mai.lead(silent.click)
        mai.show("silent", look=True)
        assert mai.page.locator("tbody tr").count() == 3
        with mai.page.expect_download() as begun:
            mai.page.get_by_role("button", name="Excel").click()
        sheet = CalamineWorkbook.from_path(str(begun.value.path())).get_sheet_by_index(0).to_python()

        assert [row[0] for row in sheet[1:]] == ["Cụm Bac 3", "Cụm Bac 4", "Cụm Tan 2"]
        assert "loa-1" not in str(sheet)


@pytest.mark.usefixtures("region")
def test_a_monitor_sees_the_receipts_of_the_region_alone(house: House) -> None:
    with house.guest("monitor-receipts", phone=False) as mai:
        mai.enter("mai")
        mai.go("/results")
        mai.show("results", look=True)
        assert mai.page.locator(".results li").count() == 1
        assert "2/6 cụm đã phát" in mai.text
        mai.follow(HEARD[:12])
        mai.show("one", look=True)
        assert mai.page.locator(".answers > li").count() == 6
        answer = mai.page.goto(f"{house.url}/monitoring?unit=xa-an-binh")

        assert answer is not None
        assert answer.status == 404


@pytest.mark.usefixtures("region")
def test_communes_that_have_not_broadcast_today_are_a_press_away(house: House) -> None:
    wait_for(lambda: _heard(house) == 1, "the broadcast is counted")
    with house.guest("communes") as mai:
        mai.enter("mai")
        mai.go("/monitoring")
        mai.show("phone", look=True)
        mai.lead(mai.page.locator(".counts a", has_text="Xã chưa phát hôm nay").click)
        mai.show("not-yet", look=True)
        named = mai.page.locator("tbody th").all_inner_texts()
        assert [one.split("\n")[0].strip() for one in named] == [
            "Xã Tân Lập Vùng Đông Bắc",
            "Xã Trung Thành Đông Vùng Đông Bắc",
        ]
        mai.go("/monitoring?view=communes")
        mai.show("not-yet-first", look=True)
        told = mai.page.locator("tbody tr").all_inner_texts()
        assert [one.split(" Vùng")[0] for one in told] == ["Xã Tân Lập", "Xã Trung Thành Đông", "Xã Bắc Sơn"]
        assert ["không cụm nào phát" in told[0], "chưa phát" in told[1], "có cụm không phát" in told[2]] == [True] * 3
        assert mai.page.locator("td .status.good").count() == 0
        mai.go("/monitoring?view=communes&q=bac+son")
        mai.show("week")

        assert "1 buổi phát đủ" not in (mai.page.locator("svg.week").get_attribute("aria-label") or "")
        assert "có cụm không phát" in (mai.page.locator("svg.week").get_attribute("aria-label") or "")


def _heard(house: House) -> int:
    found: dict[str, Any] = house.system.client.get(f"/monitoring?unit={REGION}")
    return int(found["heard"])


@pytest.mark.parametrize("phone", [True, False], ids=["phone", "desktop"])
@pytest.mark.usefixtures("region")
def test_a_map_shows_pies_that_keys_and_fingers_reach(house: House, *, phone: bool) -> None:
    with house.guest(f"map-{'phone' if phone else 'desktop'}", phone=phone) as mai:
        mai.enter("mai")
        weight = _weighed(mai)
        mai.go("/monitoring?view=map")
        pies = mai.page.locator(".pie")
        expect(pies.first).to_be_visible()
        mai.show("pies", look=True)
        assert sum(weight) <= MAP_BYTES
        assert mai.page.locator("loa-map path.leaflet-interactive").count() == 0
        mai.go("/monitoring?view=map&state=silent")
        expect(pies.first).to_be_visible()
        labels = pies.evaluate_all("found => found.map(one => one.getAttribute('aria-label'))")
        mai.show("silent")

        assert all("mất liên lạc" in one.lower() for one in labels)
        assert mai.page.locator("tbody tr").count() == 3


def _weighed(guest: Guest) -> list[float]:
    session = guest.context.new_cdp_session(guest.page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return sizes


@pytest.mark.usefixtures("region")
def test_without_scripts_the_table_stands_where_the_map_would(house: House) -> None:
    with house.guest("map-no-scripts", phone=False, scripts=False) as mai:
        mai.enter("mai")
        mai.go("/monitoring?view=map&state=silent")
        mai.show("table")

        assert "Bản đồ cần JavaScript" in mai.text
        assert mai.page.locator("tbody tr").count() == 3
        assert mai.page.locator(".map .ground").count() == 0


@pytest.mark.usefixtures("region")
def test_the_wall_has_large_figures_and_nothing_to_go_to(house: House) -> None:
    with house.guest("wall", phone=False, viewport={"width": 1920, "height": 1080}) as mai:
        mai.enter("mai")
        mai.page.clock.install()
        mai.go("/monitoring?wall=1")
        mai.show("wall", look=True)
        figure = mai.page.locator(".counts strong").first
        large = figure.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
        with mai.page.expect_request(lambda one: "/monitoring/part" in one.url) as asked:
            mai.page.clock.fast_forward(31_000)
        assert (asked.value.headers["hx-request"], asked.value.headers["loa-wall"]) == ("true", "1")

        assert large > 60
        assert mai.page.locator(".places").count() == 0
        assert "3" in mai.page.locator(".counts li.bad", has_text="Mất liên lạc").inner_text()
        assert "Xã Tân Lập" in mai.text
