"""What a change of a programme costs in the database: it grows with the scopes it changes, not with the devices.

Ours: save, compare with what is there, write the difference, ask for the plans, check that they fit and count who is
reached. Raw is the same rows written bare, in one transaction. Processor time of the whole process, on SQLite.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.measuring import Figure, Growth, Options, Report
from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.delivery import store as delivery
from controller.devices.tables import Device
from controller.media.tables import Asset, Rendition
from controller.runtime.database import Database
from controller.schedules import horizon, service
from controller.schedules.making import Terms
from controller.schedules.service import SaveRequest
from controller.units.tables import Unit
from loa_protocol import topics
from loa_protocol.topics import Family

DEVICES_A_COMMUNE = 30
PROVINCE = 3_000
SIZES = (100, 1_000, 10_000)
SCOPES = (1, 10, 100)
NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
GRACE = timedelta(seconds=120)
TWO_WEEKS, YEAR = timedelta(days=14), timedelta(days=365)
_ROUNDS = 9
_AT_ONCE = 500


def run(options: Options) -> Report:
    """One change among 100, 1,000 and 10,000 devices; one that changes 1, 10 and 100 scopes; a year of a province."""
    return asyncio.run(_run(options))


async def _run(options: Options) -> Report:
    sizes = SIZES[:2] if options.quick else SIZES
    ones, days = [], []
    for count in sizes:
        async with _World(count) as made:
            await made.save_all(TWO_WEEKS)
            ones.append(await _one_change(made))
            days.append(await _a_day(made))
    async with _World(SCOPES[-1] * DEVICES_A_COMMUNE) as made:
        wide = [await _wide_change(made, scopes) for scopes in SCOPES[: 2 if options.quick else 3]]
    async with _World(PROVINCE if not options.quick else PROVINCE // 10) as made:
        year = await _year(made)
    growths = [
        _growth("A change of one commune's session, by devices", ones),
        _growth("A change of a province's session, by scopes changed", wide),
    ]
    return Report("replanning", [*ones, *wide, *days, year], growths)


def _growth(title: str, figures: Sequence[Figure]) -> Growth:
    ours = [(figure.n or 0, figure.ours) for figure in figures]
    return Growth(title, "ms", {"ours": ours, "bare rows": [(one.n or 0, one.raw or 0.0) for one in figures]})


@dataclass
class _World:
    """A database with communes of 30 devices, each with a programme of two sessions a day."""

    devices: int
    heads: dict[str, int] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self.db = Database(f"sqlite+aiosqlite:///{Path(self._folder.name) / 'loa.db'}")
        await self.db.migrate()
        self.communes = [f"xa-{number}" for number in range(max(1, self.devices // DEVICES_A_COMMUNE))]
        async with self.db.transaction() as session:
            await self._furnish(session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.db.close()
        self._folder.cleanup()

    async def _furnish(self, session: AsyncSession) -> None:
        units = [{"id": "tinh", "name": "Tỉnh", "kind": "province", "parent_id": None}]
        await session.execute(insert(Unit), units)
        below = [{"id": one, "name": one, "kind": "commune", "parent_id": "tinh"} for one in self.communes]
        await session.execute(insert(Unit), below)
        fixed = {"kind": "speaker", "public_key": "", "profile": "default", "languages": ["vi"], "stagger_ms": 0}
        rows = [
            {"id": f"loa-{n}", "name": "", "unit_id": self.communes[n % len(self.communes)], "created_at": NOW, **fixed}
            for n in range(self.devices)
        ]
        await session.execute(insert(Device), rows)
        levels = {"loudness_lufs": -16.0, "true_peak_dbtp": -1.5, "facts": {}, "created_at": NOW}
        session.add(Asset(id="tin", title="Tin", source_sha256="0" * 64, duration_ms=60_000, **levels))
        await session.flush()
        kind = {"codec": "opus", "media_type": "audio/ogg", "sha256": "0" * 64, "bytes": 9, "chunk_bytes": 16384}
        session.add(Rendition(id="r-tin", asset_id="tin", root="0" * 64, **kind))

    async def save(self, document: dict[str, Any], ahead: timedelta = TWO_WEEKS) -> None:
        """Save a programme, made from what was saved last."""
        name = document["id"]
        request = SaveRequest(document=document, expected=self.heads.get(name))
        made = await self.db.attempt(lambda session: service.save(session, name, request, Terms(NOW, ahead, GRACE)))
        self.heads[name] = made.revision

    async def save_all(self, ahead: timedelta) -> None:
        """Every commune's programme."""
        for commune in self.communes:
            await self.save(_programme(commune), ahead)


def _programme(unit: str, *, volume: int = 70, to: Sequence[str] = ()) -> dict[str, Any]:
    segments = [{"kind": "chime"}, {"kind": "content", "asset": "tin", "duration_s": 60}]
    times = {"sang": "05:00", "chieu": "17:00"}
    sessions = [
        {"id": name, "title": name, "at": at, "segments": segments, "to": list(to), "volume": 70}
        for name, at in times.items()
    ]
    sessions[1]["volume"] = volume
    return {
        "format": "loa.programme.v1",
        "id": f"ct-{unit}",
        "title": unit,
        "unit": unit,
        "valid_from": "2026-11-01",
        "sessions": sessions,
    }


async def _one_change(made: _World) -> Figure:
    """The evening session of one commune becomes louder, and quieter again."""
    unit = made.communes[0]
    what = "re-planning after one commune's change"
    return await _compare(made, what, made.devices, lambda volume: _programme(unit, volume=volume), [unit])


async def _wide_change(made: _World, scopes: int) -> Figure:
    """The same of a programme that goes to so many communes."""
    units = made.communes[:scopes]
    to = [f"u-{one}" for one in units]
    document = _programme("tinh", to=to)
    await made.save(document)
    what = "re-planning after a province's change, by scopes"
    return await _compare(made, what, scopes, lambda volume: _programme("tinh", volume=volume, to=to), units)


async def _compare(
    made: _World, what: str, n: int, document: Callable[[int], dict[str, Any]], units: Sequence[str]
) -> Figure:
    ours, raw = [], []
    for turn in range(_ROUNDS):
        volume = 60 + turn
        ours.append(await _milliseconds(made.save(document(volume))))
        raw.append(await _milliseconds(_bare_change(made, document(volume)["id"], units)))
    return Figure(what, statistics.median(ours), statistics.median(raw), "ms", n)


async def _bare_change(made: _World, programme_id: str, units: Sequence[str]) -> None:
    """The same rows, without asking what they should be."""
    async with made.db.transaction() as session:
        query = select(BroadcastRow.id).where(
            BroadcastRow.programme_id == programme_id, BroadcastRow.session_id == "chieu", BroadcastRow.start > NOW
        )
        ids = (await session.scalars(query)).all()
        connection = await session.connection()
        table = BroadcastRow.__table__
        statement = update(table).where(table.c.id == bindparam("key")).values(rev=table.c.rev)  # type: ignore[arg-type]
        await connection.execute(statement, [{"key": one} for one in ids])
        await delivery.want(session, [topics.scoped(Family.PLAN, f"u-{one}") for one in units])


async def _a_day(made: _World) -> Figure:
    """A day later the horizon is a day further, for every programme."""
    terms = Terms(NOW + timedelta(days=1), TWO_WEEKS, GRACE)
    ours_ms = await _milliseconds(horizon.extend_all(made.db, terms, most=len(made.communes)))
    rows = 2 * len(made.communes)
    raw_ms = await _milliseconds(_bare_rows(made, "day", rows))
    return Figure("planning one day further, all programmes", ours_ms, raw_ms, "ms", made.devices)


async def _year(made: _World) -> Figure:
    """A year of every commune's programme, from nothing."""
    ours_ms = await _milliseconds(made.save_all(YEAR))
    async with made.db.reading() as session:
        rows = len((await session.scalars(select(BroadcastRow.id))).all())
    raw_ms = await _milliseconds(_bare_rows(made, "year", rows))
    what = f"planning a year of a province ({rows:,} broadcasts)"
    return Figure(what, ours_ms / 1e3, raw_ms / 1e3, "s", made.devices)


async def _bare_rows(made: _World, name: str, count: int) -> None:
    """As many broadcasts, inserted as they are, some hundred at a time."""
    fixed = {
        "rev": 0,
        "title": "Bản tin",
        "level": "normal",
        "authority": 100,
        "start": NOW,
        "latest_start": NOW,
        "duration_ms": 1,
        "segments": [{"type": "content", "ref": "r-tin"}],
        "board": None,
        "repeats": 1,
        "on_preempt": "resume",
        "volume": 70,
        "stagger": True,
        "created_at": NOW,
        "deadline": NOW,
    }
    for at in range(0, count, _AT_ONCE):
        ids = [f"{name}-{n}" for n in range(at, min(count, at + _AT_ONCE))]
        async with made.db.transaction() as session:
            await session.execute(insert(BroadcastRow), [{"id": one, **fixed} for one in ids])
            await session.execute(insert(BroadcastScope), [{"broadcast_id": one, "scope": "u-tinh"} for one in ids])


async def _milliseconds(work: Awaitable[object]) -> float:
    begin = time.process_time()
    await work
    return (time.process_time() - begin) * 1e3
