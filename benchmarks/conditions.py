"""10,000 devices that report every minute, on PostgreSQL: what noting how they were costs, and how fast one is found.

Raw is the same states taken in within a quarter of an hour that is noted already, so that the ratio says what writing
the quarter costs; of searching, the same fifty rows by their keys. Every page is the median of some rounds.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.measuring import Figure, Options, Report, at_most, percentile
from controller.devices import beat_store, beats, listing
from controller.devices.listing import State, Wanted
from controller.devices.tables import Device, DeviceDay
from controller.receipts import reports
from controller.receipts.reports import Said
from controller.runtime.database import Database
from controller.units import branches
from controller.units import service as units
from controller.units.tables import Unit
from loa_protocol.documents.device import ClockReport, ClockState, DeviceState
from tests.fakes.databases import postgres_server

START = datetime(2026, 11, 21, tzinfo=UTC)
COMMUNES = 1_000
_BATCH = 200
_ROUNDS = 9
_KEY = base64.b64encode(bytes(32)).decode()

Ask = Callable[[AsyncSession], Awaitable[object]]


def run(options: Options) -> Report:
    """10,000 devices in 1,000 communes; 1,000 where it is to be quick."""
    devices = 1_000 if options.quick else 10_000
    with postgres_server() as server:
        figures = asyncio.run(_measured(server.database(), devices))
    return Report("conditions", figures=figures)


async def _measured(url: str, devices: int) -> list[Figure]:
    db = Database(url)
    try:
        await _fill(db, devices)
        await _round(db, devices, START)
        again_ms = await _round(db, devices, START + timedelta(minutes=1))
        fresh_ms = await _round(db, devices, START + timedelta(minutes=15))
        bytes_a_day = await _bytes(db) / devices
        raw_ms = await _time_ms(db, _by_keys)
        figures = [
            Figure("states of all, a quarter begins", fresh_ms, again_ms, unit="ms", n=devices),
            Figure("on the disk, a device and day", bytes_a_day, float(beats.SLOTS), unit="B", n=devices),
        ]
        for what, ask in _ASKED.items():
            ours_ms = await _time_ms(db, ask)
            figures.append(Figure(what, ours_ms, raw_ms, unit="ms", n=devices, goal=at_most(150)))
        return figures
    finally:
        await db.close()


async def _round(db: Database, devices: int, now: datetime) -> float:
    """Everybody reports once; gives how long all of them took."""
    loop, clock = asyncio.get_running_loop(), ClockReport(state=ClockState.TRUSTED)
    began = loop.time()
    for first in range(0, devices, _BATCH):
        names = [f"loa-{number:05}" for number in range(first, first + _BATCH)]
        said = [Said(one, DeviceState(device=one, boot="b", issued=now, clock=clock, ready=True)) for one in names]
        async with db.transaction() as session:
            await reports.hear(session, said, now)
    return 1000 * (loop.time() - began)


async def _bytes(db: Database) -> float:
    async with db.reading() as session:
        whole = await session.scalar(text("SELECT pg_total_relation_size('device_days')"))
        rows = await session.scalar(select(func.count()).select_from(DeviceDay))
    return float(whole or 0) if rows else 0.0


async def _by_keys(session: AsyncSession) -> object:
    return (await session.execute(select(Device).where(Device.id.in_([f"loa-{n:05}" for n in range(50)])))).all()


async def _of_first(session: AsyncSession) -> object:
    return await beat_store.days(session, "loa-00001", START.date())


async def _branch(session: AsyncSession) -> object:
    return await branches.look(session, await units.require(session, "tinh"))


async def _page(session: AsyncSession, wanted: Wanted) -> object:
    page = await listing.search(session, wanted)
    await listing.last_heard(session, [row[0] for row in page.rows], START)
    return await listing.counts(session, wanted)


_ASKED: dict[str, Ask] = {
    "a page of all, with counts": lambda session: _page(session, Wanted()),
    "a page far behind": lambda session: _page(session, Wanted(after="loa-00900")),
    "by a word of the name": lambda session: _page(session, Wanted(q="ngã ba")),
    "of one commune": lambda session: _page(session, Wanted(unit_id="xa-7")),
    "the faulty ones": lambda session: _page(session, Wanted(state=State.FAULTY)),
    "a week of one device": _of_first,
    "a province's communes, counted": _branch,
}


async def _time_ms(db: Database, ask: Ask) -> float:
    """The median of some rounds."""
    loop, taken = asyncio.get_running_loop(), []
    for _ in range(_ROUNDS):
        async with db.reading() as session:
            began = loop.time()
            await ask(session)
            taken.append(1000 * (loop.time() - began))
    return percentile(taken, 0.5)


async def _fill(db: Database, devices: int) -> None:
    async with db.transaction() as session:
        session.add(Unit(id="tinh", name="Tỉnh", kind="province"))
        await session.flush()
        session.add_all(Unit(id=f"xa-{n}", name=f"Xã {n}", kind="commune", parent_id="tinh") for n in range(COMMUNES))
    for first in range(0, devices, 1000):
        async with db.transaction() as session:
            await session.execute(insert(Device), [_device(number) for number in range(first, first + 1000)])
    async with db.transaction() as session:
        await session.execute(text("ANALYZE"))


def _device(number: int) -> dict[str, object]:
    place = ("cổng chợ", "ngã ba", "đình làng", "trạm y tế")[number % 4]
    return {
        "id": f"loa-{number:05}",
        "name": f"Cụm loa {number} {place}",
        "kind": "speaker",
        "unit_id": f"xa-{number % COMMUNES}",
        "public_key": _KEY,
        "languages": [],
        "created_at": START,
    }
