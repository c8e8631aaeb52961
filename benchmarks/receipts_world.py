"""What the receipts benchmark works on: a commune with many devices, broadcasts to be answered, and signed batches."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, insert, select

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.devices.tables import Device
from controller.receipts import service
from controller.receipts.tables import JournalEntry
from controller.runtime.database import Database
from controller.units.tables import Unit
from loa_protocol import topics
from loa_protocol.documents.device import ClockReport, ClockState, Evidence
from loa_protocol.keys import Ed25519Signer
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import GENESIS, Entry, Occurrence, Receipt, ReceiptBatch, encode_entry, entry_hash
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink

COMMUNE = "xa-do"
START = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
NOW = START + timedelta(minutes=5)
_CLOCK = ClockReport(state=ClockState.TRUSTED, error_ms=5, source="controller")


class StandingClock:
    """The benchmark's instant; nothing here depends on it passing."""

    def now(self) -> datetime:
        """An instant after all starts."""
        return NOW

    def monotonic(self) -> float:
        """Any."""
        return 1000.0


@dataclass(slots=True)
class Simulated:
    """A device's key and its journal so far."""

    id: str
    signer: Ed25519Signer
    sequence: int = 0
    hash: str = GENESIS

    def batch(self, receipts: Sequence[Receipt]) -> ReceiptBatch:
        """The next entries of its journal."""
        raws = []
        for receipt in receipts:
            self.sequence += 1
            entry = Entry(sequence=self.sequence, previous=self.hash, at=NOW, body=receipt)
            raws.append(encode_entry(entry))
            self.hash = entry_hash(raws[-1])
        return ReceiptBatch(device=self.id, journal="j-1", entries=tuple(msgspec.Raw(raw) for raw in raws))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed batch as it arrives."""

    device: str
    topic: str
    raw: bytes


@dataclass
class World:
    """A furnished database; `round_of` makes new broadcasts and everybody's answers to them."""

    db: Database
    devices: list[Simulated]
    rounds: int = 0
    answers: int = 0
    newest_answers: int = 0

    @classmethod
    async def furnish(cls, db: Database, count: int) -> "World":
        """A migrated database with `count` devices in one commune."""
        await db.migrate()
        devices = [Simulated(name, Ed25519Signer.generate(name)) for name in (f"loa-{n:05d}" for n in range(count))]
        async with db.transaction() as session:
            await session.execute(insert(Unit), [{"id": COMMUNE, "name": "Xã Đo", "kind": "commune"}])
            await session.execute(insert(Device), [_device(one) for one in devices])
        return cls(db, devices)

    async def round_of(self, broadcasts: int, a_batch: int) -> list[Sealed]:
        """Everybody's answers to so many new broadcasts, in batches; each device's in order, devices mixed."""
        self.rounds += 1
        ids = [f"bc-{self.rounds:03d}-{n:03d}" for n in range(broadcasts)]
        async with self.db.transaction() as session:
            await session.execute(insert(BroadcastRow), [_broadcast(one) for one in ids])
            scopes = [{"broadcast_id": one, "scope": f"u-{COMMUNE}"} for one in ids]
            await session.execute(insert(BroadcastScope), scopes)
        async with self.db.transaction() as session:
            await service.tick(session, NOW)
        self.newest_answers = broadcasts * len(self.devices)
        self.answers += self.newest_answers
        return list(self._answers(ids, a_batch))

    def _answers(self, ids: Sequence[str], a_batch: int) -> Iterator[Sealed]:
        for at in range(0, len(ids), a_batch):
            for device in self.devices:
                batch = device.batch([_receipt(one) for one in ids[at : at + a_batch]])
                raw = seal_uplink("receipts", batch, device.signer)
                yield Sealed(device.id, topics.up(Family.RECEIPTS, device.id), raw)

    async def require_whole(self) -> None:
        """Every answer is in the ledger and every entry in a journal, once; a tick closes what lanes closed together.

        Raises:
            AssertionError: the figures would be of something that does not work.
        """
        async with self.db.transaction() as session:
            await service.tick(session, NOW)
        async with self.db.reading() as session:
            played = select(func.count()).select_from(LedgerRow).where(LedgerRow.outcome == str(Outcome.PLAYED))
            entries = await session.scalar(select(func.count()).select_from(JournalEntry))
            answered = await session.scalar(played)
            closed = select(func.count()).select_from(BroadcastRow).where(BroadcastRow.closed_at.is_(None))
            still_open = await session.scalar(closed)
        assert (answered, entries, still_open) == (self.answers, self.answers, 0), (answered, entries, self.answers)


def _device(one: Simulated) -> dict[str, object]:
    public = base64.b64encode(one.signer.public_raw).decode()
    fixed = {"kind": "speaker", "unit_id": COMMUNE, "profile": "default", "languages": ["vi"], "stagger_ms": 0}
    return {"id": one.id, "name": one.id, "public_key": public, "created_at": START, **fixed}


def _broadcast(broadcast_id: str) -> dict[str, object]:
    return {
        "id": broadcast_id,
        "rev": 0,
        "title": "Bản tin",
        "level": "normal",
        "authority": 1,
        "start": START,
        "latest_start": START,
        "duration_ms": 60_000,
        "segments": [],
        "repeats": 1,
        "on_preempt": "drop",
        "volume": 80,
        "stagger": False,
        "created_at": START,
        "deadline": NOW + timedelta(hours=1),
    }


def _receipt(broadcast_id: str) -> Receipt:
    return Receipt(
        occurrence=Occurrence(id=broadcast_id),
        outcome=Outcome.PLAYED,
        plan_version=1_795_237_500_000,
        planned=START,
        started=START + timedelta(microseconds=180),
        ended=START + timedelta(seconds=60),
        played_ms=60_000,
        skew_ms=0.18,
        volume=80,
        rms_dbfs=-18.4,
        peak_dbfs=-3.1,
        evidence=Evidence.DEVICE,
        roots=(entry_hash(broadcast_id.encode()),),
        clock=_CLOCK,
    )
