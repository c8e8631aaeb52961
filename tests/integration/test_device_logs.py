"""What agents wrote into their own logs: taken in with health, bounded, shown to who looks after the device."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.delivery.tables import SentCommand
from controller.devices import logs
from controller.devices.tables import Device, DeviceLog, DeviceReport
from controller.people.rules import Role
from controller.receipts import reports
from controller.receipts.reports import Heard, Said
from controller.runtime.database import Database
from controller.units import service as units
from loa_protocol.documents.device import Health, LogLevel, LogLine, Signal
from loa_protocol.keys import Ed25519Signer
from tests.fakes.commune import Commune, commune
from tests.fakes.databases import sqlite_url
from tests.fakes.doorway import HOST, UNIT, Browser, Doorway, doorway
from tests.fakes.served import loa, served

AT = datetime(2026, 11, 20, 5, 0, 9, tzinfo=UTC)
HOSTILE = "</span><script>alert(1)</script>\u202e\x00\x1b[2J\nloa-2 is fine {{ 7*7 }}"


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database, ["loa-1", "loa-2"]) as made:
        yield made


def line(number: int, text: str = "", level: LogLevel = "info", at: datetime = AT) -> LogLine:
    return LogLine(number=number, at=at, level=level, text=text or f"dòng {number}")


def said(*lines: LogLine, device: str = "loa-1", boot: str | None = "b-1", **more: Any) -> Said:
    return Said(device, Health(device=device, uptime_s=1, boot=boot, log=lines, **more))


async def hear(xa: Commune, *all_said: Said) -> Heard:
    async with xa.db.transaction() as session:
        return await reports.hear(session, all_said, xa.clock.now())


async def kept(xa: Commune, device: str = "loa-1") -> list[tuple[str, int]]:
    """Lives and numbers, oldest first."""
    async with xa.db.reading() as session:
        found = await logs.newest(session, device, logs.KEPT)
    return [(one["boot"], one["number"]) for one in reversed(found)]


async def test_lines_are_kept_once_in_their_order_however_they_come(xa: Commune) -> None:
    await hear(xa, said(line(3, level="error")))
    await hear(xa, said(line(2), line(3), line(4)), said(line(9), device="loa-2"), said(line(1), line(4, "khác")))

    async with xa.db.reading() as session:
        newest = await logs.newest(session, "loa-1", 1)

    assert await kept(xa) == [("b-1", number) for number in range(1, 5)]
    assert await kept(xa, "loa-2") == [("b-1", 9)]
    assert newest == [{"boot": "b-1", "number": 4, "at": AT.isoformat(), "level": "info", "text": "dòng 4"}]


async def test_a_life_begins_anew_after_the_one_before_and_its_late_lines_stay_in_that(xa: Commune) -> None:
    await hear(xa, said(line(7), line(8)))
    await hear(xa, said(line(1), boot="b-2"))
    await hear(xa, said(line(9)), said(line(2), boot="b-2"))

    assert await kept(xa) == [("b-1", 7), ("b-1", 8), ("b-1", 9), ("b-2", 1), ("b-2", 2)]


async def test_the_newest_two_hundred_are_kept_whatever_a_device_sends(xa: Commune) -> None:
    for begin in range(1, 401, 40):
        await hear(xa, said(*(line(number) for number in range(begin, begin + 40))))
    after = await kept(xa)
    for life in range(300):
        await hear(xa, said(line(2**53 - 1, "x" * 300), boot=f"b-{life}"))

    assert after == [("b-1", number) for number in range(201, 401)]
    assert await kept(xa) == [(f"b-{life}", 2**53 - 1) for life in range(100, 300)]


async def test_pages_are_told_only_where_a_line_is_new(xa: Commune) -> None:
    await hear(xa, said(), said(device="loa-2"))
    first = await hear(xa, said(line(1), line(2)), said(line(3)))
    again = await hear(xa, said(line(2)), said(line(1)))
    nothing = await hear(xa, said(device="loa-2"))
    without_life = await hear(xa, said(line(4), boot=None))

    assert [(one.kind, one.data["device_id"]) for one in first.changes] == [("device", "loa-1")]
    assert (again.changes, nothing.changes, without_life.changes) == ([], [], [])
    async with xa.db.reading() as session:
        assert await session.get(DeviceLog, "loa-2") is None


async def test_a_log_is_no_part_of_the_figures_that_everybody_sees(xa: Commune) -> None:
    await hear(xa, said(line(1), signal=Signal(percent=67, technology="lte", operator="Viettel")))

    async with xa.db.reading() as session:
        report = await session.get_one(DeviceReport, "loa-1")

    assert report.health == {
        "device": "loa-1",
        "uptime_s": 1,
        "boot": "b-1",
        "signal": {"percent": 67, "technology": "lte", "operator": "Viettel"},
    }


@pytest.mark.parametrize("year", [1, 1970, 9999])
async def test_hostile_text_is_one_harmless_line_and_no_instant_breaks_a_calendar(xa: Commune, year: int) -> None:
    at = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
    await hear(xa, said(line(1, HOSTILE, at=at)))

    async with xa.db.reading() as session:
        [found] = await logs.newest(session, "loa-1", 5)

    assert found["text"] == "</span><script>alert(1)</script>   [2J loa-2 is fine {{ 7*7 }}"
    assert datetime.fromisoformat(found["at"]) == (at if year == 1970 else xa.clock.now())


@pytest.fixture
async def door(tmp_path: Path, database: str) -> AsyncIterator[Doorway]:
    """A commune with a loudspeaker and a board, and another commune beside it."""
    async with doorway(tmp_path, database) as made:
        async with made.controller.db.transaction() as session:
            await units.create(session, unit_id="xa-khac", name="Xã khác", kind="commune")
            now = made.clock.now()
            for key, kind, unit in (
                ("loa-1", "speaker", UNIT),
                ("bang-1", "board", UNIT),
                ("loa-khac", "speaker", "xa-khac"),
            ):
                session.add(Device(id=key, name=key, kind=kind, unit_id=unit, public_key="", created_at=now))
        yield made


async def tell(door: Doorway, *all_said: Said) -> None:
    async with door.controller.db.transaction() as session:
        await reports.hear(session, all_said, door.clock.now())


async def page(browser: Browser, path: str, language: str = "vi") -> httpx.Response:
    return await browser.http.get(f"{HOST}{path}", headers={"Accept-Language": language})


async def test_who_looks_after_a_device_reads_its_log_newest_first(door: Doorway) -> None:
    nga = await door.strong("nga", Role.TECHNICIAN)
    await tell(door, said(*(line(number) for number in range(1, 31))), said(*(line(n) for n in range(31, 61))))

    whole = await nga.ask("GET", "/devices/loa-1/log")
    some = await nga.ask("GET", "/devices/loa-1/log?limit=2")
    none = await nga.ask("GET", "/devices/bang-1/log")
    unknown = await nga.ask("GET", "/devices/loa-khac/log")

    assert [one["number"] for one in whole.json()] == list(range(60, 0, -1))
    assert some.json()[0] == {
        "boot": "b-1",
        "number": 60,
        "at": "2026-11-20T05:00:09Z",
        "level": "info",
        "text": "dòng 60",
    }
    assert len(some.json()) == 2
    assert none.json() == []
    assert (unknown.status_code, unknown.json()["code"]) == (404, "device_unknown")


async def test_who_only_sees_a_device_gets_its_page_without_its_log(door: Doorway) -> None:
    hung = await door.strong("hung", Role.MONITOR)
    await tell(door, said(line(1, "riêng cho kỹ thuật viên", "error")))

    answer = await hung.ask("GET", "/devices/loa-1/log")
    shown, part = await page(hung, "/devices/loa-1"), await page(hung, "/devices/loa-1/log")
    condition = await hung.ask("GET", "/devices/loa-1")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert (shown.status_code, part.status_code) == (200, 403)
    assert "riêng cho kỹ thuật viên" not in shown.text + part.text + condition.text
    assert "Nhật ký chương trình" not in shown.text


async def test_a_page_shows_the_newest_fifty_as_text_and_a_button_that_works_without_scripts(door: Doorway) -> None:
    nga = await door.strong("nga", Role.TECHNICIAN)
    lines = [line(number, f"thứ {number}.") for number in range(1, 61)]
    await tell(door, said(*lines[:40]), said(*lines[40:], line(61, HOSTILE, "error")))

    shown = await page(nga, "/devices/loa-1")
    form = {"csrf": nga.csrf, "once": "mot-lan", "order": "show-log"}
    sent = await nga.http.post(
        f"{HOST}/devices/loa-1/commands", data=form, headers={"Sec-Fetch-Site": "same-origin", "Origin": HOST}
    )
    english = await page(nga, "/devices/loa-1/log", "en")
    async with door.controller.db.reading() as session:
        asked = await session.get_one(SentCommand, (await nga.ask("GET", "/devices/loa-1/commands")).json()[0]["id"])

    log = shown.text.partition('id="logged"')[2].partition("</section>")[0]
    assert log.count("<li>") == 50
    assert (">thứ 12.<" in log, ">thứ 11.<" in log) == (True, False)
    assert log.index("loa-2 is fine") < log.index("thứ 60.") < log.index("thứ 12.")
    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in log
    assert "12:00:09" in log
    assert "báo lỗi" in log
    assert '<span lang="en">thứ 60.</span>' in log
    assert (sent.status_code, sent.headers["location"]) == (303, "/devices/loa-1#log")
    assert asked.name == "show-log"
    assert ("error" in english.text, "báo lỗi" in english.text) == (True, False)


async def test_an_empty_log_says_so_and_a_board_has_one_too(door: Doorway) -> None:
    nga = await door.strong("nga", Role.TECHNICIAN)

    shown = await page(nga, "/devices/bang-1")
    asked = await nga.ask("POST", "/devices/bang-1/commands", {"name": "show-log"})

    assert "Chưa có dòng nào." in shown.text
    assert shown.text.count('value="show-log"') == 1
    assert 'value="test-tone"' not in shown.text
    assert asked.status_code == 202


async def test_a_mobile_signal_is_told_in_figures_and_in_a_word(door: Doorway) -> None:
    hung = await door.strong("hung", Role.MONITOR)
    signals = {
        Signal(percent=67, technology="lte", operator="Viettel"): ("mạnh", "67 % · LTE · Viettel"),
        Signal(percent=49, operator="<b>"): ("trung bình", "49 % · &lt;b&gt;"),
        Signal(percent=24, technology="umts"): ("yếu", "24 % · UMTS"),
        Signal(percent=0): ("yếu", "0 %"),
    }

    for signal, (word, figures) in signals.items():
        await tell(door, said(signal=signal))
        shown = (await page(hung, "/devices/loa-1/state")).text
        fact = shown.partition("Sóng di động")[2].partition("</div>")[0]

        assert f"{word}</span> {figures}<" in fact, fact
    await tell(door, said())
    assert "Sóng di động" not in (await page(hung, "/devices/loa-1/state")).text


def test_the_command_line_tells_it_with_the_newest_line_last(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        client.post("/units", {"id": "xa", "name": "Xã", "kind": "commune"})
        key = base64.b64encode(Ed25519Signer.generate().public_raw).decode()
        device = {"id": "loa-1", "name": "Loa 1", "kind": "speaker", "unit_id": "xa", "public_key": key}
        client.post("/devices", device)
        asyncio.run(_stored(sqlite_url(tmp_path), said(line(1), line(2, "[hỏng] nặng", "error"))))
        shown = loa(client, "device", "log", "loa-1")
        as_json = json.loads(loa(client, "device", "log", "loa-1", "--json"))
        unknown = loa(client, "device", "log", "khong-co", code=1)

    assert shown.splitlines() == ["20/11 12:00:09 thông tin dòng 1", "20/11 12:00:09 báo lỗi [hỏng] nặng"]
    assert [one["number"] for one in as_json] == [2, 1]
    assert "device_unknown" in unknown


async def _stored(url: str, *all_said: Said) -> None:
    db = Database(url)
    async with db.transaction() as session:
        await reports.hear(session, all_said, AT)
    await db.close()
