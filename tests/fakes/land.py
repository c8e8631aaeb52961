"""A province in which everything stands at four places, as somebody of one commune sees it, and somebody in every role.

At home (the commune), inside it (a village below), above (the province) and foreign (the commune beside it): one of
every kind of thing that the API has. Nothing that a request changes is kept.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from controller.api.app import create_app
from controller.broadcasts import service as broadcasts
from controller.broadcasts.rules import BroadcastRequest
from controller.broadcasts.tables import LedgerRow
from controller.bulletins import document
from controller.bulletins import service as bulletins
from controller.bulletins.service import NewBulletin
from controller.bulletins.tables import Placement
from controller.devices import service as devices
from controller.devices.geo import Point
from controller.devices.tables import Finding
from controller.jobs import service as jobs
from controller.library.tables import AssetUnit
from controller.media.tables import Asset, Rendition, WaveformRow
from controller.notices.tables import Notice, PushSubscription, Webhook
from controller.people import leaves
from controller.people import service as people
from controller.people.acting import HEADER, Actor
from controller.people.rules import Role
from controller.policies import service as policies
from controller.policies import zones
from controller.policies.document import Rules
from controller.runtime.database import Database
from controller.runtime.server import Controller
from controller.runtime.settings import Role as Process
from controller.runtime.settings import Settings
from controller.schedules import service as programmes
from controller.schedules.making import Terms
from controller.schedules.service import SaveRequest
from controller.schedules.slots import service as slots
from controller.sources.config import Source
from controller.speech import service as speech
from controller.units import service as units
from loa_protocol.ids import unit_scope
from loa_protocol.keys import Ed25519Signer
from tests.fakes.commune import T0, SetClock
from tests.fakes.roles import FIRST_DAY

TOKEN = "bi-mat"  # noqa: S105 - of tests alone
OWN = "own"
"""A thing of whoever asks."""
LATER = date(2030, 1, 1)
AIRED = T0 + timedelta(hours=1)


class Place(StrEnum):
    """Where a thing stands, seen from the commune."""

    HOME = "home"
    INSIDE = "inside"
    ABOVE = "above"
    FOREIGN = "foreign"


UNITS: Mapping[str, str] = {"above": "tinh", "home": "xa-a", "foreign": "xa-b", "inside": "thon-a"}
_PARENTS = {"tinh": None, "xa-a": "tinh", "xa-b": "tinh", "thon-a": "xa-a"}
_KINDS = {"tinh": "province", "xa-a": "commune", "xa-b": "commune", "thon-a": "village"}
ALL_ROLES = "everything"
"""Somebody with every role at home."""


@dataclass
class Land:
    """`ids[kind, place]`; `actors` by the name of their role, `none` for nobody's."""

    controller: Controller
    api: httpx.AsyncClient
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    actors: dict[str, str] = field(default_factory=dict)

    def id(self, kind: str, place: str) -> str:
        """The id of a thing at a place; of units and scopes, too."""
        if kind in {"unit", "scope"}:
            return UNITS[place] if kind == "unit" else unit_scope(UNITS[place])
        return self.ids[kind, place]

    async def ask(self, who: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        """As somebody in a role; None is the host's own token."""
        headers = {**more.pop("headers", {}), **({} if who is None else {HEADER: self.actors[who]})}
        return await self.api.request(method, path, headers=headers, **more)


@asynccontextmanager
async def land(folder: Path, database: str) -> AsyncIterator[Land]:
    """Furnished; from then on nothing is kept."""
    clock = SetClock()
    settings = Settings(
        data_dir=folder / "controller",
        database_url=database,
        roles=frozenset({Process.API}),
        brokers=("mqtt://127.0.0.1:1",),
        host_acts_for_people=True,
        library_keep_days=3650,
    )
    controller = await asyncio.to_thread(Controller, settings, clock)
    controller.sources = tuple(
        Source(name=f"nguon-{place}", dialect="folder", path=str(folder), unit=UNITS[place]) for place in Place
    )
    transport = httpx.ASGITransport(app=create_app(controller, TOKEN))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as api:
        made = Land(controller, api)
        try:
            await controller.start()
            await _furnish(made)
            _keep_nothing(controller.db)
            yield made
        finally:
            await controller.stop()


def _keep_nothing(db: Database) -> None:
    """Transactions are done whole, and taken back at their end."""
    kept = db.transaction

    class _Undone(Exception):
        pass

    @asynccontextmanager
    async def undone() -> AsyncIterator[AsyncSession]:
        try:
            async with kept() as session:
                yield session
                raise _Undone  # noqa: TRY301 - what rolls it back
        except _Undone:
            return

    db.transaction = undone  # type: ignore[method-assign]


async def _furnish(made: Land) -> None:
    data = b"OggS of a test"
    sha256 = await made.controller.objects.put_bytes(data)
    async with made.controller.db.transaction() as session:
        for unit_id, parent in _PARENTS.items():
            await units.create(session, unit_id=unit_id, name=unit_id, kind=_KINDS[unit_id], parent_id=parent)
        for role in (*Role, None, ALL_ROLES):
            await _actor(made, session, role)
        for place in Place:
            await _furnish_place(made, session, place, sha256)
        for place in Place:
            broadcast, device = made.id("broadcast", Place.ABOVE), made.id("device", place)
            session.add(LedgerRow(broadcast_id=broadcast, device_id=device))


async def _actor(made: Land, session: AsyncSession, role: Role | str | None) -> None:
    name = "none" if role is None else str(role)
    person = await people.create(session, name=name, unit_id=UNITS["home"], now=T0)
    made.actors[name] = person.id
    roles = [] if role is None else [*Role] if role == ALL_ROLES else [Role(role)]
    for one in roles:
        await people.grant(session, person.id, role=one, unit_id=UNITS["home"], begins=FIRST_DAY, by=None, now=T0)
    made.ids["person", f"{OWN} {name}"] = person.id
    await _of_person(made, session, person.id, f"{OWN} {name}")


async def _of_person(made: Land, session: AsyncSession, person_id: str, place: str) -> None:
    """A role in days to come, a leave, a browser, a notice and a job of somebody."""
    later = {"unit_id": "xa-a", "begins": LATER, "by": None, "now": T0}
    grant = await people.grant(session, person_id, role=Role.MONITOR, **later)
    leave = await leaves.take_leave(
        session, person_id, first_day=LATER, last_day=LATER, deputy_id=None, by=None, now=T0
    )
    made.ids["grant", place], made.ids["leave", place] = grant.id, leave.id
    key = f"s-{person_id}"[:40]
    session.add(
        PushSubscription(
            id=key,
            person_id=person_id,
            endpoint_sha256=key,
            endpoint="https://push.example/1",
            p256dh="k",
            auth="a",
            created_at=T0,
        )
    )
    made.ids["subscription", place] = key
    made.ids["notice", place] = notice = f"n-{person_id}"[:40]
    told = {"kind": "test", "about": "-", "subject": "-", "text": "-", "path": "-"}
    session.add(Notice(id=notice, person_id=person_id, dedupe=notice, created_at=T0, useful_until=T0, **told))
    job = f"j-{person_id}"[:40]
    given = {"kind": "intake", "title": "-", "given": {}, "requested_by": person_id, "now": T0, "most_waiting": 99}
    made.ids["job", place] = (await jobs.submit(session, job_id=job, **given)).id  # type: ignore[arg-type]


async def _furnish_place(made: Land, session: AsyncSession, place: Place, sha256: str) -> None:
    unit = UNITS[place]
    await _device(made, session, place)
    await _assets(made, session, place, sha256)
    person = await people.create(session, name=f"Người {place}", unit_id=unit, now=T0)
    made.ids["person", place] = person.id
    await _of_person(made, session, person.id, place)
    text = document.read({"title": f"Tin {place}", "variants": [{"language": "vi", "text": "Mời bà con."}]})
    wanted = NewBulletin(unit=unit, document=text)
    made.ids["bulletin", place] = (await bulletins.create(session, wanted, by=Actor(person.id, person.name), now=T0)).id
    made.ids["placement", place] = f"pl-{place}"
    session.add(_placement(made, place))
    await _on_air(made, session, place)
    await policies.put(session, unit_scope(unit), Rules(), expected=None, now=T0)
    made.ids["zone", place] = f"vung-{place}"
    circle = zones.Circle(title="Trường", unit_id=unit, centre=Point(21.0, 105.0), radius_m=10)
    await zones.put(session, f"vung-{place}", circle, Rules(), expected=None, now=T0)
    made.ids["group", place] = f"nhom-{place}"
    await units.create_group(session, group_id=f"nhom-{place}", name="Nhóm", unit_id=unit, devices=[f"loa-{place}"])
    await speech.pronounce(session, unit, "UBND", "ủy ban", made_by=None, now=T0)
    session.add(Webhook(unit_id=unit, url="https://cong.example/", made_at=T0))
    made.ids["source", place] = f"nguon-{place}"


async def _device(made: Land, session: AsyncSession, place: Place) -> None:
    made.ids["device", place] = key = f"loa-{place}"
    public = base64.b64encode(Ed25519Signer.generate(key).public_raw).decode()
    more = {"public_key": public, "profile": "default", "languages": ["vi"], "stagger_ms": 0, "now": T0}
    await devices.register(session, device_id=key, name=key, kind="speaker", unit_id=UNITS[place], **more)
    session.add(Finding(device_id=key, code="odd", detail=str(place), at=T0))


async def _assets(made: Land, session: AsyncSession, place: Place, sha256: str) -> None:
    for kind, prefix, codec in (("sound", "am", "opus"), ("image", "anh", "webp")):
        made.ids["asset" if kind == "sound" else "picture", place] = key = f"{prefix}-{place}"
        levels = {"duration_ms": 1000, "loudness_lufs": -16.0, "true_peak_dbtp": -1.5, "facts": {}}
        session.add(
            Asset(id=key, kind=kind, title=key, source_sha256=key, unit_id=UNITS[place], created_at=T0, **levels)
        )
        await session.flush()
        told = {"media_type": "audio/ogg", "root": key.encode().hex().ljust(64, "0")[:64], "bytes": 14}
        session.add(Rendition(id=f"r-{key}", asset_id=key, codec=codec, sha256=sha256, chunk_bytes=16384, **told))
        session.add(AssetUnit(asset_id=key, unit_id=UNITS[place], added_at=T0))
    picture = {"low": [0], "high": [1], "lufs": [-20.0]}
    session.add(WaveformRow(asset_id=f"am-{place}", picture=picture))


def _placement(made: Land, place: Place) -> Placement:
    told = {"late_s": 300, "volume": 70, "repeats": 1, "chime": True, "board_s": 60, "scopes": []}
    return Placement(
        id=f"pl-{place}",
        bulletin_id=made.id("bulletin", place),
        kind="slot",
        state="reserved",
        slot_unit_id=UNITS[place],
        look_at=T0,
        waits_since=T0,
        made_at=T0,
        **told,
    )


async def _on_air(made: Land, session: AsyncSession, place: Place) -> None:
    """A broadcast, a programme with an occurrence, and something that waits in slots."""
    terms = Terms(T0, timedelta(days=2), timedelta(seconds=120))
    unit = UNITS[place]
    request = BroadcastRequest(title=f"Phát {place}", to=[unit_scope(unit)], at=AIRED, board_text="Xin chào")
    row = await broadcasts.accept(session, request, now=T0, answer_deadline=timedelta(seconds=120))
    made.ids["broadcast", place] = row.id
    made.ids["programme", place] = key = f"ct-{place}"
    await programmes.save(session, key, SaveRequest(document=programme(key, unit, place)), terms)
    item = slots.NewItem(unit=unit, title=f"Mục {place}", asset=f"am-{place}")
    made.ids["slot item", place] = (await slots.hand_in(session, item, terms))[0].id


def programme(key: str, unit: str, sound_of: str, **changes: Any) -> dict[str, Any]:
    """A programme of one session that plays the sound of a place."""
    news = {"kind": "content", "asset": f"am-{sound_of}", "duration_s": 60}
    return {
        "format": "loa.programme.v1",
        "id": key,
        "title": key,
        "unit": unit,
        "valid_from": "2026-11-01",
        "sessions": [{"id": "sang", "title": "Buổi sáng", "at": "05:00", "segments": [news]}],
        **changes,
    }


class Asked:
    """A land, and a loop in which it is asked."""

    def __init__(self, runner: asyncio.Runner, made: Land) -> None:
        self.runner, self.land = runner, made

    def ask(self, who: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        return self.runner.run(self.land.ask(who, method, path, **more))


@contextmanager
def asked(folder: Path, url: str) -> Iterator[Asked]:
    """A land in a database, for tests that have no loop of their own."""
    with asyncio.Runner() as runner:
        context = land(folder, url)
        made = runner.run(context.__aenter__())
        try:
            yield Asked(runner, made)
        finally:
            runner.run(context.__aexit__(None, None, None))
