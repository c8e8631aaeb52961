"""A commune's station: sounds in its library, a programme of ordinary sessions, and saving it as the API does."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from controller.broadcasts.tables import BroadcastRow
from controller.delivery import drafts, rules
from controller.delivery.tables import PendingTopic
from controller.library.tables import AssetUnit
from controller.media.tables import Asset, Rendition
from controller.schedules import broadcast_store, horizon, service
from controller.schedules.effects import Effect
from controller.schedules.making import Terms
from controller.schedules.planning import Held
from controller.schedules.service import Saved, SaveRequest
from controller.schedules.slots import service as slots
from loa_protocol.documents.plan import Plan
from tests.fakes.commune import COMMUNE, SCOPE, Commune, commune

PROGRAMME = "chuong-trinh"
EARLY = datetime(2020, 1, 1, tzinfo=UTC)
NEWS = {"kind": "content", "asset": "tin", "duration_s": 60}
MORNING = {"id": "sang", "title": "Buổi sáng", "at": "05:00", "segments": [NEWS]}
EVENING = {"id": "chieu", "title": "Buổi chiều", "at": "17:00", "segments": [NEWS]}


def programme(*sessions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document as a person would write it; two sessions a day unless others are given."""
    return {
        "format": "loa.programme.v1",
        "id": PROGRAMME,
        "title": "Chương trình xã An Bình",
        "unit": COMMUNE,
        "valid_from": "2026-11-01",
        "sessions": list(sessions or (MORNING, EVENING)),
        **changes,
    }


def slot(seconds: int = 300, of: str = COMMUNE, **changes: Any) -> dict[str, Any]:
    """A segment for what waits at a unit."""
    return {"kind": "bulletins", "title": "Bản tin", "of": of, "max_duration_s": seconds, **changes}


@dataclass
class Station:
    """A commune with sounds; `saved` is the head its programme was left at."""

    xa: Commune
    saved: dict[str, int] = field(default_factory=dict)
    ahead: timedelta = timedelta(days=14)

    @property
    def terms(self) -> Terms:
        return Terms(self.xa.clock.now(), self.ahead, timedelta(seconds=120))

    async def sound(self, name: str, duration_ms: int = 60_000) -> str:
        async with self.xa.db.transaction() as session:
            told = {"title": name, "source_sha256": f"source of {name}", "created_at": self.xa.clock.now()}
            levels = {"loudness_lufs": -16.0, "true_peak_dbtp": -1.5, "facts": {}}
            session.add(Asset(id=name, duration_ms=duration_ms, **told, **levels))
            await session.flush()
            kind = {"codec": "opus", "media_type": "audio/ogg", "sha256": "0" * 64, "bytes": 1000, "chunk_bytes": 16384}
            root = name.encode().hex().ljust(64, "0")[:64]
            session.add(Rendition(id=f"r-{name}", asset_id=name, root=root, **kind))
            session.add(AssetUnit(asset_id=name, unit_id=COMMUNE, added_at=self.xa.clock.now()))
        return name

    async def save(self, document: dict[str, Any] | None = None, **changes: Any) -> Saved:
        """Save it, made from what was saved last."""
        document = programme() if document is None else document
        request = SaveRequest(document=document, **{"expected": self.saved.get(document["id"]), **changes})
        made = await self._write(lambda session: service.save(session, document["id"], request, self.terms))
        self.saved[document["id"]] = made.revision
        return made

    async def change(self, **change: Any) -> Saved:
        """Change one occurrence of the programme."""
        expected = self.saved[PROGRAMME]
        made = await self._write(lambda session: service.change(session, PROGRAMME, change, expected, self.terms))
        self.saved[PROGRAMME] = made.revision
        return made

    async def hand_in(self, title: str, asset: str, **changes: Any) -> tuple[str, Effect]:
        """Put a sound into the commune's queue."""
        wanted = slots.NewItem(**{"unit": COMMUNE, "title": title, "asset": asset, "valid_from": EARLY, **changes})
        row, effect = await self._write(lambda session: slots.hand_in(session, wanted, self.terms))
        return row.id, effect

    async def _write(self, work: Callable[[Any], Any]) -> Any:
        return await self.xa.db.attempt(work)

    async def retire(self) -> Saved:
        """Take the programme off the air."""
        expected = self.saved[PROGRAMME]
        made = await self._write(lambda session: service.retire(session, PROGRAMME, expected, self.terms))
        self.saved[PROGRAMME] = made.revision
        return made

    async def extend(self) -> bool:
        """As the job does it, once a minute."""
        return await horizon.extend_all(self.xa.db, self.terms)

    async def rows(self, *, gone: bool = False) -> Sequence[BroadcastRow]:
        """The programme's broadcasts by start: those that stand, or those that were taken back."""
        query = select(BroadcastRow).where(BroadcastRow.programme_id == PROGRAMME).order_by(BroadcastRow.start)
        cancelled = BroadcastRow.cancelled_at.is_not(None)
        async with self.xa.db.reading() as session:
            return (await session.scalars(query.where(cancelled if gone else ~cancelled))).all()

    async def held(self) -> list[Held]:
        """Everything of the programme, as planning sees it."""
        async with self.xa.db.transaction() as session:
            return await broadcast_store.held(session, PROGRAMME, EARLY, [])

    async def starts(self) -> list[str]:
        """Local starts of what stands."""
        return [(row.start + timedelta(hours=7)).strftime("%m-%dT%H:%M") for row in await self.rows()]

    async def plan(self, scope: str = SCOPE) -> Plan:
        """What would be signed for a scope now."""
        async with self.xa.db.reading() as session:
            now = self.xa.clock.now()
            version = rules.next_version(0, now)
            made, _ = await drafts.plan(session, scope, version=version, now=now, sign=msgspec.json.encode)
        assert isinstance(made, Plan)
        return made

    async def wanted(self) -> dict[str, int]:
        """How often each plan was asked for since this was last asked."""
        async with self.xa.db.transaction() as session:
            rows = (await session.scalars(select(PendingTopic).where(PendingTopic.wanted > PendingTopic.done))).all()
            counts = {row.topic: row.wanted - row.done for row in rows}
            for row in rows:
                row.done = row.wanted
        return {topic.rpartition("/")[2]: count for topic, count in counts.items() if "/plan/" in topic}


@asynccontextmanager
async def station(database: str) -> AsyncIterator[Station]:
    """A furnished commune with one sound, `tin`, of a minute."""
    async with commune(database) as xa:
        made = Station(xa)
        await made.sound("tin")
        yield made
