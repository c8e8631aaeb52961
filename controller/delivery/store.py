"""All queries of delivery: what waits to be signed, the newest signed documents, what was published of them.

`want` belongs into the very transaction that changes something: what was accepted is then signed and published, even
if every process dies right after the commit. It also locks the topics until then, against planners and against whoever
changes them too: what the change depends on is read after it. Topics are always locked in the order of their names.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery.tables import DocumentRow, PendingTopic, TrustListRow
from controller.runtime.upsert import insert

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A signed document as it lies in the outbox."""

    topic: str
    kind: str
    version: int
    envelope: bytes


async def want(session: AsyncSession, topics: Iterable[str]) -> None:
    """Ask for these topics' documents to be made and signed anew, once the caller's transaction is committed."""
    wanted = sorted(set(topics))
    for at in range(0, len(wanted), _AT_ONCE):
        rows = [{"topic": topic, "wanted": 1, "done": 0} for topic in wanted[at : at + _AT_ONCE]]
        statement = insert(session, PendingTopic).values(rows)
        raised = {"wanted": PendingTopic.wanted + 1}
        await session.execute(statement.on_conflict_do_update(index_elements=["topic"], set_=raised))


async def want_all(session: AsyncSession) -> None:
    """Ask for every document there is, e.g. because a key changed."""
    await want(session, await session.scalars(select(DocumentRow.topic)))


async def pending(session: AsyncSession) -> Sequence[str]:
    """Topics that wait to be signed."""
    query = select(PendingTopic.topic).where(PendingTopic.wanted > PendingTopic.done)
    return (await session.scalars(query)).all()


async def waiting_of(session: AsyncSession, topics: Collection[str]) -> frozenset[str]:
    """Those of the topics that wait to be signed."""
    query = select(PendingTopic.topic).where(PendingTopic.topic.in_(topics))
    return frozenset(await session.scalars(query.where(PendingTopic.wanted > PendingTopic.done)))


async def wanted_all(session: AsyncSession, topics: Collection[str]) -> dict[str, int]:
    """Those of the topics that still wait, locked, with the counts to `settle`.

    Read them before what the documents are made from.
    """
    query = select(PendingTopic.topic, PendingTopic.wanted).where(PendingTopic.topic.in_(topics))
    query = query.where(PendingTopic.wanted > PendingTopic.done).order_by(PendingTopic.topic).with_for_update()
    return {row.topic: row.wanted for row in await session.execute(query)}


async def settle(session: AsyncSession, topic: str, count: int) -> None:
    """Everything wanted up to `count` is in the stored document; a later wish stays."""
    await session.execute(
        update(PendingTopic).where(PendingTopic.topic == topic, PendingTopic.done < count).values(done=count)
    )


async def versions_of(session: AsyncSession, topics: Collection[str]) -> dict[str, int]:
    """Version of the newest document of each topic that has one."""
    query = select(DocumentRow.topic, DocumentRow.version).where(DocumentRow.topic.in_(topics))
    return {row.topic: row.version for row in await session.execute(query)}


async def replace(session: AsyncSession, document: Stored, *, after: int, issued: datetime, expires: datetime) -> bool:
    """Compare-and-set: store it if the topic still stands at version `after`; False if somebody was faster."""
    values = {
        "kind": document.kind,
        "version": document.version,
        "envelope": document.envelope,
        "issued": issued,
        "expires": expires,
    }
    if after == 0:
        statement = insert(session, DocumentRow).values(topic=document.topic, published_version=0, **values)
        statement = statement.on_conflict_do_nothing(index_elements=["topic"])
        return (await session.scalar(statement.returning(DocumentRow.topic))) is not None
    same = (DocumentRow.topic == document.topic, DocumentRow.version == after)
    changed = update(DocumentRow).where(*same).values(**values).returning(DocumentRow.topic)
    return (await session.scalar(changed)) is not None


async def unpublished(session: AsyncSession, now: datetime) -> Sequence[str]:
    """Topics whose newest version no publisher has brought to the brokers yet."""
    behind = (DocumentRow.published_version < DocumentRow.version, DocumentRow.expires > now)
    return (await session.scalars(select(DocumentRow.topic).where(*behind))).all()


async def named(session: AsyncSession, topics: Collection[str]) -> Sequence[Stored]:
    """The newest documents of these topics."""
    return await _stored(session, DocumentRow.topic.in_(topics))


async def page(session: AsyncSession, after: str, now: datetime, limit: int) -> Sequence[Stored]:
    """Documents in force by topic, for publishing everything again."""
    return await _stored(session, DocumentRow.topic > after, DocumentRow.expires > now, limit=limit)


async def published_plans(session: AsyncSession, now: datetime) -> Sequence[Stored]:
    """Plans in force that had reached a broker before."""
    reached = DocumentRow.published_version == DocumentRow.version
    return await _stored(session, DocumentRow.kind == "plan", reached, DocumentRow.expires > now)


async def _stored(session: AsyncSession, *where: ColumnElement[bool], limit: int | None = None) -> Sequence[Stored]:
    columns = (DocumentRow.topic, DocumentRow.kind, DocumentRow.version, DocumentRow.envelope)
    rows = await session.execute(select(*columns).where(*where).order_by(DocumentRow.topic).limit(limit))
    return [Stored(row.topic, row.kind, row.version, row.envelope) for row in rows]


async def mark_published(session: AsyncSession, published: Iterable[tuple[str, int]]) -> None:
    """These versions have reached the brokers. Where a newer one went before them, it goes once more."""
    for topic, version in sorted(published):
        newer = DocumentRow.version > version
        await session.execute(
            update(DocumentRow)
            .where(DocumentRow.topic == topic)
            .values(published_version=case((newer, 0), else_=version))
        )


async def publish_again(session: AsyncSession, topics: Collection[str]) -> None:
    """Have the publishers bring these documents once more."""
    await session.execute(update(DocumentRow).where(DocumentRow.topic.in_(topics)).values(published_version=0))


async def versions(session: AsyncSession, topics: Collection[str], now: datetime) -> dict[str, int]:
    """Newest version of each of these topics that has a document in force."""
    query = select(DocumentRow.topic, DocumentRow.version)
    rows = await session.execute(query.where(DocumentRow.topic.in_(topics), DocumentRow.expires > now))
    return {row.topic: row.version for row in rows}


async def signed_before(session: AsyncSession, *, plans: datetime, assignments: datetime) -> Sequence[str]:
    """Topics to sign anew not wanted yet: plans and policies older than one instant, assignments than another."""
    aged = or_(
        DocumentRow.kind.in_(["plan", "policy"]) & (DocumentRow.issued < plans),
        (DocumentRow.kind == "assignment") & (DocumentRow.issued < assignments),
    )
    wished = select(PendingTopic.topic).where(PendingTopic.wanted > PendingTopic.done)
    return (await session.scalars(select(DocumentRow.topic).where(aged, DocumentRow.topic.not_in(wished)))).all()


async def trust_lists(session: AsyncSession) -> Sequence[TrustListRow]:
    """Every trust list since the oldest supported one, oldest first."""
    return (await session.scalars(select(TrustListRow).order_by(TrustListRow.version))).all()
