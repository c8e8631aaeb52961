"""What the audit costs a write, on both databases, and how fast a chain is checked.

Raw is the very same transaction without its entry, in rounds that alternate with ours. Writers of PostgreSQL queue at
the head of the chain: the figure with several of them says how much.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.measuring import Figure, Options, Report, at_least, at_least_raw, percentile
from controller.audit import recording, service
from controller.audit.rules import Who
from controller.audit.tables import AuditEntry
from controller.audit.verifying import verified
from controller.people.tables import Person
from controller.runtime.database import Database
from controller.units.tables import Unit

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SESSION = Who(via="session", person="p-lan", credential="s-1")
WRITERS = 8
_ROUNDS = 5
_BATCH = 500
_numbers = count()


def run(options: Options) -> Report:
    """Writes a second, and 50,000 entries checked (5,000 where it is to be quick)."""
    writes, entries = (40, 5_000) if options.quick else (400, 50_000)
    return Report("audit", figures=asyncio.run(_measured(writes, entries)))


async def _measured(writes: int, entries: int) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        async with _opened(f"sqlite+aiosqlite:///{Path(folder) / 'loa.db'}") as db:
            figures.append(await _writing("writes a second, SQLite", db, writes, writers=1, goal=0.5))
            figures += await _checking(db, entries)
    async with _postgres() as db:
        figures.append(await _writing("writes a second, PostgreSQL, 1 writer", db, writes, writers=1, goal=0.4))
        figures.append(await _writing(f"…, {WRITERS} writers", db, writes, writers=WRITERS, goal=0.25))
    return figures


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    db = Database(url)
    try:
        await db.migrate()
        async with db.transaction() as session:
            session.add(Unit(id="xa", name="Xã", kind="commune"))
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def _postgres() -> AsyncIterator[Database]:
    """A server of our own, with durable commits as in production."""
    from tests.fakes.postgres import PostgresServer  # noqa: PLC0415 - only where it is measured

    server = await asyncio.to_thread(PostgresServer)
    try:
        await asyncio.to_thread(server.prepare)
        async with _opened(await asyncio.to_thread(server.empty)) as db:
            yield db
    finally:
        await asyncio.to_thread(server.end)


async def _writing(what: str, db: Database, writes: int, *, writers: int, goal: float) -> Figure:
    """Medians of alternating rounds."""
    ours: list[float] = []
    raw: list[float] = []
    for _ in range(_ROUNDS):
        raw.append(await _round(db, writes, writers, recorded=False))
        ours.append(await _round(db, writes, writers, recorded=True))
    return Figure(what, percentile(ours, 0.5), percentile(raw, 0.5), "1/s", goal=at_least_raw(goal))


async def _round(db: Database, writes: int, writers: int, *, recorded: bool) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def writer() -> None:
        for _ in range(writes // writers):
            await db.attempt(lambda session: _write(session, recorded=recorded))

    await asyncio.gather(*(writer() for _ in range(writers)))
    return writes / (loop.time() - began)


async def _write(session: AsyncSession, *, recorded: bool) -> None:
    """A person taken in, and changed: two rows' worth of what requests do."""
    number = next(_numbers)
    if recorded:
        recording.as_loa(session, "POST /people", NOW, by=SESSION)
    row = Person(id=f"p-{number}", unit_id="xa", name=f"Người {number}", email=None, webhook=False, created_at=NOW)
    session.add(row)
    await session.flush()
    await session.scalar(select(Unit.name).where(Unit.id == "xa"))
    row.email = f"nguoi{number}@xa.example"


async def _checking(db: Database, entries: int) -> list[Figure]:
    """From the database to the verdict, and the verdict alone."""
    async with db.reading() as session:
        held = len((await session.scalars(select(AuditEntry.sequence))).all())
    for first in range(held, entries, _BATCH):
        async with db.transaction() as session:
            for number in range(first, min(entries, first + _BATCH)):
                recording.record(session, "PATCH /people/{person_id}", by=SESSION, now=NOW, facts={"number": number})
    loop = asyncio.get_running_loop()
    began = loop.time()
    lines = await _exported(db)
    exported_s = loop.time() - began
    began = loop.time()
    report = verified(lines)
    checked_s = loop.time() - began
    if report.found:
        raise AssertionError(f"the chain of the benchmark is not whole: {msgspec.json.encode(report.found[0])!r}")
    return [
        Figure(
            "entries exported a second", report.checked / exported_s, unit="1/s", n=report.checked, goal=at_least(2_000)
        ),
        Figure(
            "entries checked a second", report.checked / checked_s, unit="1/s", n=report.checked, goal=at_least(5_000)
        ),
    ]


async def _exported(db: Database) -> Sequence[bytes]:
    async with db.reading() as session:
        return [line async for line in service.exported(session, NOW, private=True)]
