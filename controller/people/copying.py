"""A copy of everything the database keeps about a person, for them: as lines of JSON, the person first.

What names people is read off the tables themselves, so that no table is forgotten: a row that is about the person (its
`person_id`) is given whole but for secrets; of one that only mentions them (`made_by`, a deputy) come its key and where
they stand in it, because the rest is of others.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Table, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit.marks import SECRET
from controller.audit.tables import AuditEntry, AuditPrivate
from controller.notices.tables import Notice, Sending
from controller.people.tables import Person
from controller.runtime.database import Base

FORMAT = "loa.person.v1"
_ABOUT = "person_id"
_PEOPLE, _SENDINGS = (Base.metadata.tables[one.__tablename__] for one in (Person, Sending))


async def lines(session: AsyncSession, person: Person, now: datetime) -> AsyncIterator[bytes]:
    """Everything about a person; one line a row, `table` says of what."""
    yield _line({"format": FORMAT, "made_at": now, "person": _shown(_PEOPLE.columns, vars(person))})
    for table, columns in naming(Base.metadata.sorted_tables):
        rows = await session.stream(select(table).where(or_(*(column == person.id for column in columns))))
        async for row in rows:
            yield _line(_told(table, columns, dict(row._mapping), person.id))  # noqa: SLF001 - the public name in SQLAlchemy
    sent = select(_SENDINGS).join(Notice, Notice.id == _SENDINGS.c.notice_id).where(Notice.person_id == person.id)
    async for row in await session.stream(sent):
        yield _line({"table": "notice_sendings", "row": _shown(_SENDINGS.columns, dict(row._mapping))})  # noqa: SLF001
    done = select(AuditEntry.sequence, AuditEntry.raw).where(AuditEntry.person_id == person.id)
    async for row in await session.stream(done.order_by(AuditEntry.sequence)):
        yield _line({"table": "audit_entries", "sequence": row.sequence, "entry": json.loads(row.raw)})
    beside = select(AuditPrivate.entry_id, AuditPrivate.value).where(AuditPrivate.subject == person.id)
    async for row in await session.stream(beside.order_by(AuditPrivate.entry_id)):
        yield _line({"table": "audit_private", "entry": row.entry_id, "value": row.value})


def naming(tables: Iterable[Table]) -> list[tuple[Table, tuple[Column[Any], ...]]]:
    """The tables that name people, each with the columns that do; not that of the people themselves."""
    found = [
        (table, tuple(one for one in table.columns if any(key.column.table is _PEOPLE for key in one.foreign_keys)))
        for table in tables
        if table is not _PEOPLE
    ]
    return [(table, columns) for table, columns in found if columns]


def _told(table: Table, columns: tuple[Column[Any], ...], row: Mapping[str, Any], person_id: str) -> dict[str, Any]:
    stands = [column.name for column in columns if row[column.name] == person_id]
    if _ABOUT in stands:
        return {"table": table.name, "row": _shown(table.columns, row)}
    return {"table": table.name, "mentioned_as": stands, "row": _shown(table.primary_key.columns, row)}


def _shown(columns: Iterable[Column[Any]], row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: row[column.name] for column in columns if column.info.get("audit") != SECRET["audit"]}


def _line(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, default=_plain).encode() + b"\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    raise TypeError(f"a {type(value).__name__} of a person is not written as text yet")
