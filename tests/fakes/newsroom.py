"""A commune's newsroom: people with roles, a station, and bulletins written, decided and placed as the API does it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.bulletins import document, placing, recalls, service, store, unit_rules, watch
from controller.bulletins.document import Document
from controller.bulletins.places import NewPlacement
from controller.bulletins.service import Decided, NewBulletin
from controller.bulletins.tables import Bulletin, BulletinStep, Placement, PlacementMiss
from controller.notices.tables import Notice
from controller.people.acting import Actor
from controller.people.rules import Role
from controller.people.tables import Person
from controller.runtime.database import Database
from controller.schedules.tables import SlotItem
from tests.fakes.commune import COMMUNE, SCOPE, Commune
from tests.fakes.databases import sqlite_url
from tests.fakes.roles import take_in
from tests.fakes.station import Station, station

T = TypeVar("T")
AHEAD = timedelta(days=2)


def written(title: str = "Tiêm chủng", **changes: Any) -> Document:
    """A bulletin with a Vietnamese recording."""
    variants = [{"language": "vi", "text": "Mời bà con đưa trẻ đi tiêm.", "audio": "tin", "audio_kind": "recording"}]
    return document.read({"title": title, "field": "health", "variants": variants, **changes})


@dataclass
class Newsroom:
    """`actors` by name: lan writes and places, hung and mai approve, tu decides on rules and people."""

    station: Station
    actors: dict[str, Actor] = field(default_factory=dict)
    db: Database | None = None

    async def write(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        return await (self.db or self.station.xa.db).attempt(work)

    @property
    def now(self) -> Any:
        return self.station.xa.clock.now()

    async def person(self, name: str, *roles: Role, unit: str = COMMUNE) -> Actor:
        key = await self.write(lambda session: take_in(session, name, unit, *roles, now=self.now))
        self.actors[name] = Actor(key, name)
        return self.actors[name]

    def by(self, name: str) -> Actor:
        return self.actors[name]

    def id_of(self, name: str) -> str:
        return self.by(name).require_person()

    async def create(self, text: Document | None = None, by: str = "lan", **more: Any) -> Bulletin:
        wanted = NewBulletin(unit=COMMUNE, document=text or written(), **more)
        return await self.write(lambda s: service.create(s, wanted, by=self.by(by), now=self.now))

    async def edit(self, row: Bulletin, expected: int, text: Document | None = None, by: str = "lan") -> Bulletin:
        text = text or written(f"Tiêm chủng, bản {expected + 1}")
        return await self.write(
            lambda s: service.edit(s, row.id, text, expected=expected, by=self.by(by), note="", now=self.now)
        )

    async def submit(self, row: Bulletin, by: str = "lan") -> Bulletin:
        return await self.write(lambda s: service.submit(s, row.id, by=self.by(by), why="", now=self.now))

    async def give_back(self, row: Bulletin, by: str = "hung", why: str = "Sai ngày") -> Bulletin:
        return await self.write(lambda s: service.give_back(s, row.id, by=self.by(by), why=why, now=self.now))

    async def approve(self, row: Bulletin, revision: int, by: str = "hung", despite: Sequence[str] = ()) -> Decided:
        actor, terms = self.by(by), self.station.terms
        return await self.write(
            lambda s: service.approve(s, row.id, revision, by=actor, why="", terms=terms, despite=despite)
        )

    async def withdraw(self, row: Bulletin, by: str = "hung", why: str = "Sai nội dung") -> Decided:
        return await self.write(
            lambda s: service.withdraw(s, row.id, by=self.by(by), why=why, terms=self.station.terms)
        )

    async def would_stop(self, row: Bulletin) -> list[str]:
        """Sessions that a withdrawal would stop now."""
        async with self.station.xa.db.reading() as session:
            placed = await store.placements(session, row.id)
            return [one.id for one in await recalls.running(session, placed, self.now)]

    async def stopped(self, row: Bulletin) -> list[str]:
        """Sessions that were stopped by taking it back."""
        async with self.station.xa.db.reading() as session:
            return [one.id for one in await recalls.stopped(session, row.id)]

    async def place(self, row: Bulletin, by: str = "hung", **fields: Any) -> Placement:
        wanted = NewPlacement(**fields)

        async def add(session: AsyncSession) -> Placement:
            held = await service.held(session, row.id)
            return await placing.add(session, held, wanted, by=self.by(by), terms=self.station.terms)

        return await self.write(add)

    async def place_at(self, row: Bulletin, in_s: float, **fields: Any) -> Placement:
        return await self.place(row, to=[SCOPE], start=self.now + timedelta(seconds=in_s), **fields)

    async def remove(self, row: Bulletin, placement: Placement) -> Placement:
        async def take(session: AsyncSession) -> Placement:
            held = await service.held(session, row.id)
            terms = self.station.terms
            return await placing.remove(session, held, placement.id, by=self.by("lan"), why="", terms=terms)

        return await self.write(take)

    async def rule(self, expected: int | None = None, unit: str = COMMUNE, **fields: Any) -> None:
        wanted = unit_rules.Wanted(**fields)
        await self.write(
            lambda s: unit_rules.put(
                s, unit, wanted, expected=expected, by=self.by("tu"), why="Quy chế xã", now=self.now
            )
        )

    async def approved(self, **changes: Any) -> Bulletin:
        """A bulletin on its way through everything."""
        row = await self.create(written(**changes))
        await self.submit(row)
        return (await self.approve(row, 1)).row

    async def tick(self) -> bool:
        return await watch.tick(self.station.xa.db, self.station.terms)

    async def row(self, row: Bulletin) -> Bulletin:
        async with self.station.xa.db.reading() as session:
            return await service.require(session, row.id)

    async def steps(self, row: Bulletin) -> Sequence[BulletinStep]:
        async with self.station.xa.db.reading() as session:
            return await store.steps(session, row.id)

    async def placements(self, row: Bulletin) -> Sequence[Placement]:
        async with self.station.xa.db.reading() as session:
            return await store.placements(session, row.id)

    async def misses(self, row: Bulletin) -> Sequence[PlacementMiss]:
        async with self.station.xa.db.reading() as session:
            return await store.misses(session, [one.id for one in await store.placements(session, row.id)])

    async def broadcasts(self, *, standing: bool = True) -> Sequence[BroadcastRow]:
        """Those of no programme, by start."""
        query = select(BroadcastRow).where(BroadcastRow.programme_id.is_(None)).order_by(BroadcastRow.start)
        gone = BroadcastRow.cancelled_at.is_not(None)
        async with self.station.xa.db.reading() as session:
            return (await session.scalars(query.where(~gone if standing else gone))).all()

    async def waiting(self) -> Sequence[SlotItem]:
        """What waits in slots."""
        query = select(SlotItem).where(SlotItem.withdrawn_at.is_(None)).order_by(SlotItem.position)
        async with self.station.xa.db.reading() as session:
            return (await session.scalars(query)).all()

    async def told(self) -> list[tuple[str, str]]:
        """(who, what kind) of every notice, in order."""
        names = {actor.person_id: name for name, actor in self.actors.items()}
        async with self.station.xa.db.reading() as session:
            rows = (await session.scalars(select(Notice).order_by(Notice.created_at, Notice.id))).all()
        return [(names.get(row.person_id, "?"), row.kind.removeprefix("bulletin_")) for row in rows]


@asynccontextmanager
async def newsroom_at(database: str) -> AsyncIterator[Newsroom]:
    """One that was furnished before."""
    db = Database(database)
    try:
        room = Newsroom(Station(Commune(db), ahead=AHEAD))
        async with db.reading() as session:
            rows = (await session.scalars(select(Person))).all()
        room.actors = {row.name: Actor(row.id, row.name) for row in rows}
        yield room
    finally:
        await db.close()


@asynccontextmanager
async def newsroom(database: str) -> AsyncIterator[Newsroom]:
    """Furnished, with the four people."""
    async with station(database) as made:
        made.ahead = AHEAD
        room = Newsroom(made)
        await room.person("lan", Role.OPERATOR)
        await room.person("hung", Role.APPROVER)
        await room.person("mai", Role.APPROVER)
        await room.person("tu", Role.ADMINISTRATOR)
        yield room


def furnished_file(folder: Path) -> Path:
    """A newsroom's database in a file of this folder, to be copied for each test that changes it."""

    async def make() -> None:
        async with newsroom(sqlite_url(folder)):
            pass

    asyncio.run(make())
    return folder / "loa.db"
