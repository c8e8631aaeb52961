"""Use cases of results: one broadcast on its devices, with how far it came on each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import store as broadcasts
from controller.broadcasts.service import plan_topics
from controller.broadcasts.tables import BroadcastRow
from controller.devices.tables import DeviceReport
from controller.results import rules, store
from controller.results.store import Answered


async def ways(session: AsyncSession, row: BroadcastRow, answers: Sequence[Answered]) -> list[rules.Way]:
    """How far a broadcast came on each of these devices, in their order."""
    topics = plan_topics(await broadcasts.scopes(session, row.id))
    known = await store.plans(session, topics)
    newest = {topic: version for topic, version, _, _ in known}
    published = any(_since(row, issued) and sent for _, _, issued, sent in known)
    roots = await store.roots(session, row.id)
    return [rules.way(_standing(one, newest, roots, published=published)) for one in answers]


def _since(row: BroadcastRow, issued: datetime) -> bool:
    return issued >= row.created_at


def _standing(one: Answered, newest: Mapping[str, int], roots: frozenset[str], *, published: bool) -> rules.Standing:
    state: Mapping[str, Any] = one.report.state if one.report is not None else {}
    return rules.Standing(
        outcome=one.row.outcome,
        reason=one.row.reason,
        started=one.row.started is not None,
        published=published,
        holds=rules.holds(state.get("have"), newest),
        lacks=_lacks(one.report, roots),
        needs=bool(roots),
    )


def _lacks(report: DeviceReport | None, roots: frozenset[str]) -> bool | None:
    if report is None or not report.state:
        return None
    return not roots.isdisjoint(report.state.get("missing") or ())
