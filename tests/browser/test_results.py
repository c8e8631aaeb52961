"""“Kết quả phát”: an officer finds why a device did not play, plays it again where it failed, keeps it as a file."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.devices import beats
from controller.devices.tables import DeviceReport
from controller.receipts.tables import JournalEntry
from controller.web import outcome_words
from loa_protocol.documents.device import ClockReport, ClockState, Evidence
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import GENESIS, Entry, Occurrence, Receipt, encode_entry
from tests.acceptance.rig import wait_for
from tests.browser.house import DEVICES, House

MORNING = "Bản tin sáng thứ Bảy về lịch tiêm phòng cho trẻ em dưới năm tuổi ở mười hai thôn"
ANSWERS: Mapping[str, tuple[str, str | None]] = {
    "loa-2": ("failed", "output_failed"),
    "loa-3": ("skipped", "policy"),
    "loa-4": ("interrupted", "power_cut"),
    "loa-5": ("unknown", "no_answer"),
    "loa-6": ("partial", None),
}


@pytest.fixture(scope="module")
def morning(house: House) -> str:
    """A broadcast that is over: most devices played it, some did not."""
    made = house.over(MORNING)
    finish(house, made, ANSWERS, title=MORNING)
    house.answered(house.over("=1+2 Tin chưa trả lời"), ["played"])
    return made


def finish(house: House, made: str, answers: Mapping[str, tuple[str, str | None]], title: str) -> None:
    """Every device has answered, and the broadcast is closed."""
    now = datetime.now(UTC)

    async def fill(session: AsyncSession) -> None:
        for number in range(1, DEVICES + 1):
            device = f"loa-{number}"
            outcome, reason = answers.get(device, ("played", None))
            row = await session.get(LedgerRow, (made, device)) or LedgerRow(broadcast_id=made, device_id=device)
            session.add(row)
            row.outcome, row.reason, row.answered_at = outcome, reason, now
            if outcome == "played":
                row.started, row.played_ms = now - timedelta(minutes=2), 61_000
                row.journal_id, row.sequence = "j", _next()
                session.add(_entry(made, device, row.sequence, now))
        broadcast = await session.get_one(BroadcastRow, made)
        broadcast.title, broadcast.closed_at = title, now

    house._write(fill)


_sequence = iter(range(1, 10_000))


def _next() -> int:
    return next(_sequence)


def _entry(made: str, device: str, sequence: int, now: datetime) -> JournalEntry:
    receipt = Receipt(
        occurrence=Occurrence(id=made),
        outcome=Outcome.PLAYED,
        planned=now - timedelta(minutes=2),
        started=now - timedelta(minutes=2),
        played_ms=61_000,
        volume=70,
        rms_dbfs=-21.4,
        peak_dbfs=-6.0,
        evidence=Evidence.DEVICE,
        clock=ClockReport(state=ClockState.TRUSTED),
    )
    raw = encode_entry(Entry(sequence=sequence, previous=GENESIS, at=now, body=receipt))
    return JournalEntry(
        device_id=device, journal_id="j", sequence=sequence, hash=GENESIS, kind="receipt", raw=raw, received_at=now
    )


def test_every_answer_of_the_protocol_has_words_and_advice() -> None:
    assert outcome_words.REASONS.keys() == {str(one) for one in Reason}
    assert outcome_words.OUTCOMES.keys() == outcome_words.UNTOLD.keys() == {None, *map(str, Outcome)}
    assert set(outcome_words.EVIDENCE) == {str(one) for one in Evidence}
    for outcome in (None, *map(str, Outcome)):
        for reason in (None, *map(str, Reason)):
            what, then = outcome_words.what_and_next(outcome, reason)

            assert bool(what) == bool(then) == (outcome != "played")


def test_a_level_is_a_word() -> None:
    said = [outcome_words.loudness(level) for level in (-18.0, -30.0, -45.0, -55.0, -70.0)]

    assert said == ["to rõ", "nghe được", "nhỏ", "rất nhỏ", "không nghe thấy"]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.usefixtures("morning")
def test_an_officer_finds_why_a_device_did_not_play(house: House, *, scripts: bool) -> None:
    with house.guest(f"why-{'with' if scripts else 'without'}-scripts", scripts=scripts) as lan:
        lan.enter("lan")
        lan.go("/")
        lan.follow("Kết quả")
        lan.show("list", look=scripts)
        assert f"35/{DEVICES} cụm đã phát" in lan.text
        lan.follow(MORNING[:20])
        lan.show("broadcast", look=scripts)
        first = lan.page.locator(".answers > li").first.inner_text()
        assert "Cụm loa 2" in first
        assert "Không đưa được âm thanh ra loa" in first
        assert "Nên làm: Kỹ thuật viên kiểm tra" in first
        lan.lead(lan.page.locator(".answers > li", has_text="Cụm loa 3").get_by_role("link", name="Vì sao?").click)
        lan.show("why", look=scripts)

        assert "Quy định giờ phát không cho phép" in lan.text
        assert "Nên làm:" in lan.text
        assert lan.page.locator(".way li").count() >= 4


def test_a_device_with_a_wrong_clock_says_so_and_promises_nothing(house: House, morning: str) -> None:
    state: dict[str, Any] = {"ready": True, "agent": "loa 1.4.2", "clock": {"state": "untrusted"}}
    seen, alarms = datetime.now(UTC), int(beats.alarms(state, {}))

    async def report(session: AsyncSession) -> None:
        session.add(DeviceReport(device_id="loa-5", online=True, seen_at=seen, state=state, health={}, alarms=alarms))

    coming = house.broadcast("Tin lát nữa", in_s=4_000)

    async def spoken(session: AsyncSession) -> None:
        row = await session.get_one(BroadcastRow, coming)
        row.board, row.duration_ms, row.segments = None, 60_000, [{"type": "pause", "duration_ms": 60_000}]

    house._write(report)
    house._write(spoken)
    with house.guest("why-clock") as lan:
        lan.enter("lan")
        for path in (f"/results/{morning}/why/loa-5", "/devices/loa-5"):
            lan.go(path)
            lan.show("why" if "why" in path else "device", look=True)

            assert "Đồng hồ của thiết bị chưa đúng" in lan.text
            assert "Chỉ phát khi đồng hồ của thiết bị đã đúng" in lan.text


def test_what_played_says_how_long_and_how_loud(house: House, morning: str) -> None:
    with house.guest("played", phone=False) as lan:
        lan.enter("lan")
        lan.go(f"/results/{morning}?kind=good")
        lan.show("good", look=True)

        first = lan.page.locator(".answers > li").first.inner_text()
        assert "phát 1 phút 1 giây" in first
        assert "loa to rõ (-21.4 dB)" in first


def test_the_list_as_a_file_is_what_the_list_shows_and_no_formula(house: House, morning: str) -> None:
    with house.guest("export", phone=False) as lan:
        lan.enter("lan")
        lan.go(f"/results/{morning}?kind=wrong")
        with lan.page.expect_download() as begun:
            lan.page.get_by_role("button", name="CSV").click()
        text = begun.value.path().read_bytes()
        lines = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
        with lan.page.expect_download() as begun:
            lan.page.get_by_role("button", name="Excel").click()
        sheet = CalamineWorkbook.from_path(str(begun.value.path())).get_sheet_by_index(0).to_python()
        lan.go("/results")
        with lan.page.expect_download() as begun:
            lan.page.get_by_role("button", name="CSV").click()
        listed = begun.value.path().read_bytes().decode("utf-8-sig")

        assert text.startswith(b"\xef\xbb\xbf")
        assert [line[0] for line in lines[1:]] == [f"Cụm loa {number}" for number in (2, 4, 3, 6)]
        assert [row[0] for row in sheet[1:]] == [line[0] for line in lines[1:]]
        assert "'=1+2 Tin chưa trả lời" in listed


def test_it_is_played_again_where_it_failed_and_the_page_follows(house: House) -> None:
    made = house.over("Tin phát lại")
    finish(house, made, {"loa-7": ("failed", "player_died"), "loa-8": ("skipped", "stopped")}, title="Tin phát lại")
    with house.guest("retry") as lan:
        lan.enter("lan")
        lan.go(f"/results/{made}")
        lan.show("before", look=True)
        lan.press("Phát lại ngay cho 1 cụm bị lỗi")
        lan.show("under-way")
        assert "Đang phát lại cho các cụm bị lỗi" in lan.text
        assert "Đây là lần phát lại" in lan.text
        assert "Chưa có cụm loa nào nhận buổi này" not in lan.text
        again = lan.page.url.rpartition("/")[2]
        wait_for(lambda: _expected(house, again) == 1, "the device is awaited")
        expect(lan.page.locator("main")).to_contain_text("Cụm loa 7", timeout=15_000)
        lan.go(f"/results/{made}")
        lan.show("link-to-the-try")

        assert "Phát lại lúc" in lan.text
        assert lan.page.get_by_role("button", name="Phát lại ngay").count() == 0


def test_what_has_just_been_ordered_is_being_sent_and_then_the_page_follows(house: House) -> None:
    made = house.broadcast("Tin vừa đặt", in_s=20)
    with house.guest("sending") as lan:
        lan.enter("lan")
        lan.go(f"/results/{made}")
        lan.show("sending", look=True)

        assert "Đang gửi tới các cụm…" in lan.text
        assert not re.search("Chưa có cụm loa nào|Tất cả|Không có cụm nào", lan.text)
        expect(lan.page.locator("main")).to_contain_text("Cụm loa 1", timeout=50_000)
        assert "Đang gửi tới" not in lan.text


def _expected(house: House, made: str) -> int:
    found: dict[str, Any] = house.system.client.get(f"/broadcasts/{made}/results")
    return int(found["expected"])
