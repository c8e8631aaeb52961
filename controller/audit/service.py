"""Use cases of the audit: look into it, export it, cut it where the retention says, let people's values go."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit import recording, store
from controller.audit.checkpoints import Checkpoint, months_before, sealed
from controller.audit.rules import Beside, Entry
from controller.audit.store import Mine, Sought
from controller.audit.tables import AuditCheckpoint, AuditEntry
from controller.audit.verifying import Begin, End
from controller.runtime.database import Database, alone
from controller.runtime.keys import Signers, newest_envelope

log = logging.getLogger(__name__)

_ALONE = "audit retention"
_ERASED = "(erased)"


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry with the values that still stand beside it in their places; `raw` cannot be read where it is None."""

    row: AuditEntry
    entry: Entry | None


async def page(session: AsyncSession, sought: Sought, limit: int) -> list[Shown]:
    """The newest entries that fit, newest first."""
    rows = await store.found(session, sought, limit)
    values = await store.values_of(session, rows)
    return [Shown(row, _told(row, values.get(row.id, {}))) for row in rows]


def _told(row: AuditEntry, values: dict[str, Beside]) -> Entry | None:
    try:
        entry = msgspec.json.decode(row.raw, type=Entry)
    except msgspec.MsgspecError:
        return None
    changes = tuple(
        msgspec.structs.replace(one, before=_filled(one.before, values), after=_filled(one.after, values))
        for one in entry.changes
    )
    return msgspec.structs.replace(entry, changes=changes, facts=_filled(entry.facts, values))


def _filled(given: dict[str, Any], values: dict[str, Beside]) -> dict[str, Any]:
    return {name: _value(value, values) for name, value in given.items()}


def _value(value: Any, values: dict[str, Beside]) -> Any:
    if not isinstance(value, dict) or value.keys() != {"private"}:
        return value
    held = values.get(value["private"])
    return _ERASED if held is None else held.value


async def exported(
    session: AsyncSession,
    now: datetime,
    *,
    after: int = 0,
    mine: Mine | None = None,
    private: bool = False,
) -> AsyncIterator[bytes]:
    """The audit as lines of JSON; of what is not `mine` only the links. `private`: with erasable values."""
    head = await store.head_of(session) if await store.has_head(session) else None
    trust = await newest_envelope(session)
    cuts = [row.envelope.decode() for row in await store.checkpoints(session)]
    witnessed = {one.text: count for one, count in (await store.witnessed(session)).items()}
    yield _line(
        Begin(
            made=now,
            trust="" if trust is None else trust.decode(),
            checkpoints=tuple(cuts),
            witnessed=witnessed,
            head="" if head is None else head.text,
            after=after,
        )
    )
    count = 0
    async for kept in store.kept(session, after, mine):
        count += 1
        yield _line(kept if private else msgspec.structs.replace(kept, beside={}))
    yield _line(End(entries=count))


def _line(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value) + b"\n"


async def forget(session: AsyncSession, person_id: str) -> int:
    """Let everything go that stands beside the chain about a person, what this transaction says included; how many."""
    recording.forget(session, person_id)
    return await store.erase(session, person_id)


async def retain(db: Database, keys: Signers, *, now: datetime, months: int) -> int:
    """Cut what is older than so many months off the chain's beginning, a checkpoint first; how many entries went."""
    cutoff = months_before(now, months)
    async with db.reading() as session:
        if await store.last_before(session, cutoff) is None:
            return 0

    async def cut(session: AsyncSession) -> int:
        await alone(session, _ALONE)
        last = await store.last_before(session, cutoff)
        if last is None:
            return 0
        checkpoint = Checkpoint(sequence=last.sequence, hash=last.hash, at=last.at, made=now)
        session.add(AuditCheckpoint(sequence=last.sequence, envelope=sealed(checkpoint, keys.plan), made_at=now))
        gone = await store.cut(session, last.sequence)
        recording.record(
            session, "audit retention", by=recording.LOA, now=now, facts={"up_to": last.sequence, "entries": gone}
        )
        return gone

    gone = await db.attempt(cut)
    log.info("the audit: %d entries from before %s were cut off, as the checkpoint says", gone, cutoff.date())
    return gone
