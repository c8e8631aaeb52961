"""The policy of a scope as the document that devices get, before it is signed.

A policy lives longer than a plan, and both are signed anew every day: whoever holds a plan that still counts was given
the policy of that day or a later one, and nobody can pass off a much older one as today's.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.policies import document, store
from loa_protocol.documents.policy import Policy

POLICY_LIFE = timedelta(days=30)


async def draft(session: AsyncSession, scope: str, *, version: int, now: datetime) -> Policy | None:
    """What the policy of a scope says now; one that was cleared allows everything, of one that never was nothing."""
    row = await store.find(session, scope)
    if row is None:
        return None
    rules = document.read(row.document) if row.in_force else None
    return document.as_policy(scope, rules, version=version, issued=now, expires=now + POLICY_LIFE)
