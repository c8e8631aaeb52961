"""The audit over HTTP: who may look into it at a unit sees what concerns that unit and those below it."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.access.store import within
from controller.api.dependencies import Read, TheController
from controller.api.models import UtcField, View
from controller.audit import recording, service, store
from controller.audit.rules import part_of
from controller.audit.service import Shown
from controller.audit.store import Mine, Sought
from controller.audit.tables import AuditUnit
from controller.people import store as people
from controller.units.tables import Unit

router = APIRouter(tags=["audit"])

_Sequence = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
_Since = Annotated[int, Query(ge=0, le=2**63 - 1, description="Only entries after this sequence")]


class WhoView(View):
    """Who acted; `via`: host, session, token, loa (the controller itself) or nobody (not signed in)."""

    via: str
    person: str | None
    name: str | None
    credential: str | None


class ChangeView(View):
    """A row that changed; new ones have no `before`, those that went no `after`."""

    table: str
    key: dict[str, Any]
    units: list[str]
    before: dict[str, Any]
    after: dict[str, Any]


class EntryView(View):
    """What happened. `outcome` is `done` or the code of a refusal; `more` counts changed rows that are not listed."""

    sequence: int
    at: datetime
    who: WhoView
    action: str
    outcome: str
    count: int
    request: str
    about: dict[str, str]
    units: list[str]
    changes: list[ChangeView]
    more: dict[str, int]
    facts: dict[str, Any]
    hash: str


class HeadView(View):
    """How many entries there are, and the hash of the newest."""

    head: str
    sequence: int
    hash: str


@router.get("/audit")
async def list_entries(  # noqa: PLR0917 - a filter of parts
    session: Read,
    may: Allowed,
    before: _Sequence = None,
    person: str | None = None,
    action: str | None = None,
    since: UtcField | None = None,
    until: UtcField | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[EntryView]:
    """Entries that concern where the reader may look, newest first; `before` the last sequence is the next page."""
    mine = await _mine(may)
    unit_ids = None if mine is None else mine(AuditUnit.unit_id)
    sought = Sought(before=before, person_id=person, action=action, since=since, until=until, unit_ids=unit_ids)
    shown = await service.page(session, sought, limit)
    units = None if mine is None else await _within(session, mine, shown)
    names = {row.row.person_id: await people.find(session, row.row.person_id) for row in shown if row.row.person_id}
    told = {key: person.name for key, person in names.items() if person is not None}
    return [_view(one, units, told) for one in shown]


@router.get("/audit/head")
async def head(session: Read) -> HeadView:
    """Where the chain ends: what every signed time answer tells the devices."""
    found = await store.head_of(session)
    return HeadView(head=found.text, sequence=found.sequence, hash=found.hash)


@router.get("/audit/export", response_class=StreamingResponse)
async def export(
    controller: TheController, may: Allowed, after: _Since = 0, *, private: bool = False
) -> StreamingResponse:
    """The chain as lines of JSON, which `loa audit verify` checks without the controller.

    Of what does not concern where the reader may look come only the links; of what concerns others besides, the link
    and what the list shows. `private`: with values that people who belong there may have erased; a copy of them outside
    is no longer reached by that.
    """
    mine = await _mine(may)
    now = controller.clock.now()
    async with controller.db.transaction() as session:
        facts = {"after": after, "private": private}
        recording.record(session, "GET /audit/export", by=may.actor, now=now, facts=facts)

    async def lines() -> AsyncIterator[bytes]:
        async with controller.db.reading() as reading:
            async for line in service.exported(reading, now, after=after, mine=mine, private=private):
                yield line

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def _mine(may: May) -> Mine | None:
    """Where the reader may look, by a column that names a unit; None: everywhere, also at what concerns no unit."""
    reach = await may.reach(Permission.AUDIT)
    return None if reach.everywhere else partial(within, reach)


async def _within(session: AsyncSession, mine: Mine, shown: list[Shown]) -> frozenset[str]:
    """Of the units these entries name, those where the reader may look."""
    named = {unit for one in shown if one.entry for unit in one.entry.units}
    return await store.units_where(session, named, mine(Unit.id))


def _view(shown: Shown, units: frozenset[str] | None, names: dict[str, str]) -> EntryView:
    row, entry = shown.row, shown.entry
    if entry is None:
        raise AssertionError(f"entry {row.sequence} of the audit cannot be read; run “loa audit verify”")
    if units is not None:
        entry = part_of(entry, units)
    who = WhoView(
        via=entry.who.via,
        person=entry.who.person or None,
        name=names.get(entry.who.person) or None,
        credential=entry.who.credential or None,
    )
    changes = [
        ChangeView(table=one.table, key=one.key, units=list(one.units), before=one.before, after=one.after)
        for one in entry.changes
    ]
    return EntryView(
        sequence=row.sequence,
        at=entry.at,
        who=who,
        action=entry.action,
        outcome=entry.outcome,
        count=entry.count,
        request=entry.request,
        about=entry.about,
        units=list(entry.units),
        changes=changes,
        more=entry.more,
        facts=entry.facts,
        hash=row.hash,
    )
