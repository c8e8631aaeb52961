"""A commune in a real database: units, devices with keys made per test, broadcasts, without any process."""

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts.rules import BroadcastRequest
from controller.broadcasts.tables import BroadcastRow
from controller.devices import service as devices
from controller.runtime.database import Database
from controller.units import service as units
from loa_protocol.keys import Ed25519Signer

COMMUNE = "xa-an-binh"
SCOPE = f"u-{COMMUNE}"
T0 = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


@dataclass
class SetClock:
    """A clock that stands until it is moved."""

    at: datetime = T0
    monotonic_s: float = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.monotonic_s

    def move(self, **by: float) -> datetime:
        step = timedelta(**by)
        self.at += step
        self.monotonic_s += step.total_seconds()
        return self.at


@dataclass
class Commune:
    """Its database and what is in it."""

    db: Database
    clock: SetClock = field(default_factory=SetClock)
    signers: dict[str, Ed25519Signer] = field(default_factory=dict)

    async def furnish(self, device_ids: Sequence[str] = ("loa-1", "loa-2")) -> None:
        async with self.db.transaction() as session:
            await units.create(session, unit_id="tinh", name="Tỉnh", kind="province")
            await units.create(session, unit_id=COMMUNE, name="Xã An Bình", kind="commune", parent_id="tinh")
            for device_id in device_ids:
                await self.register(session, device_id)

    async def register(self, session: AsyncSession, device_id: str, unit_id: str = COMMUNE) -> None:
        signer = self.signers.setdefault(device_id, Ed25519Signer.generate(device_id))
        await devices.register(
            session,
            device_id=device_id,
            name=device_id,
            kind="speaker",
            unit_id=unit_id,
            public_key=base64.b64encode(signer.public_raw).decode(),
            profile="default",
            languages=["vi"],
            stagger_ms=0,
            now=self.clock.now(),
        )

    async def broadcast(self, *, in_s: float = 60, grace_s: float = 120, **changes: object) -> str:
        """Accept a board text for the commune; its last end is start + 60 s, late starts are not allowed."""
        fields: dict[str, object] = {
            "title": "Thử",
            "to": [SCOPE],
            "at": self.clock.now() + timedelta(seconds=in_s),
            "late_s": 0,
            "board_text": "Xin chào",
            "board_s": 60,
        }
        request = BroadcastRequest(**{**fields, **changes})  # type: ignore[arg-type]
        async with self.db.transaction() as session:
            row = await broadcasts.accept(
                session, request, now=self.clock.now(), answer_deadline=timedelta(seconds=grace_s)
            )
        return row.id

    async def cancel(self, broadcast_id: str) -> None:
        async with self.db.transaction() as session:
            await broadcasts.cancel(session, broadcast_id, now=self.clock.now())

    async def row(self, broadcast_id: str) -> BroadcastRow:
        async with self.db.reading() as session:
            return await broadcasts.require(session, broadcast_id)


@asynccontextmanager
async def commune(database: str, device_ids: Sequence[str] = ("loa-1", "loa-2")) -> AsyncIterator[Commune]:
    """A furnished commune in the database of this URL."""
    db = Database(database)
    try:
        await db.migrate()
        made = Commune(db)
        await made.furnish(device_ids)
        yield made
    finally:
        await db.close()
