"""Use cases of policies: set one, clear one, show what binds a device. `check` is for whoever saves what will sound.

Rules: a write names the revision it was made from; every revision is kept; a scope's policy is asked to be signed in
the transaction that changes it, and a cleared one is signed as empty from then on, so that devices let go of it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import store as delivery
from controller.devices import service as devices
from controller.policies import document, store
from controller.policies.checking import PolicyViolated, check, require_allowed, silenced
from controller.policies.document import Rules
from controller.policies.objections import Effect, Objection
from controller.policies.rules import Airing
from controller.policies.tables import PolicyRevision, PolicyRow
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.documents.trust import Ceilings
from loa_protocol.errors import LoaError
from loa_protocol.ids import device_scope
from loa_protocol.policy import EffectivePolicy, merge

__all__ = [
    "Airing",
    "Effect",
    "Objection",
    "PolicyMovedOn",
    "PolicyScopeUnknown",
    "PolicyUnknown",
    "PolicyViolated",
    "Saved",
    "check",
    "clear",
    "merged",
    "put",
    "require",
    "require_allowed",
]


class PolicyUnknown(LoaError):
    """A scope has no policy."""

    code = "policy_unknown"


class PolicyScopeUnknown(LoaError):
    """A policy is for a scope that is no unit, group or device."""

    code = "policy_scope_unknown"


class PolicyMovedOn(LoaError):
    """A policy has another revision than the one that was to be changed: somebody was faster."""

    code = "policy_moved_on"


@dataclass(frozen=True, slots=True)
class Saved:
    """A stored revision and what of the planned it silences."""

    row: PolicyRow
    silenced: list[Objection]


@dataclass(frozen=True, slots=True)
class Merged:
    """What binds a device: the policies of its scopes, narrowest first, and what they make together."""

    device_id: str
    scopes: tuple[str, ...]
    names: dict[str, str]
    rules: dict[str, Rules]
    ceilings: Ceilings
    policy: EffectivePolicy


async def put(
    session: AsyncSession, scope: str, rules: Rules, *, expected: int | None, by: str = "", now: datetime
) -> Saved:
    """Make these the rules of a scope; `expected` is the revision they were made from, None if there was none.

    Raises:
        PolicyScopeUnknown, PolicyMovedOn, PolicyUnsound: what is wrong; nothing is changed.
    """
    if await units.missing_scopes(session, [scope]):
        raise scope_unknown(scope)
    return await _replace(session, scope, document.sound(rules), expected=expected, by=by, now=now)


async def clear(session: AsyncSession, scope: str, *, expected: int | None, by: str = "", now: datetime) -> Saved:
    """Lift the rules of a scope.

    Raises:
        PolicyUnknown, PolicyMovedOn: what is wrong; nothing is changed.
    """
    await require(session, scope)
    return await _replace(session, scope, None, expected=expected, by=by, now=now)


async def _replace(
    session: AsyncSession, scope: str, rules: Rules | None, *, expected: int | None, by: str, now: datetime
) -> Saved:
    await delivery.want(session, [topics.scoped(topics.Family.POLICY, scope)])  # first: it is the lock
    row = await store.find_to_change(session, scope)
    in_force = row is not None and row.in_force
    if (row.revision if row is not None and in_force else None) != expected:
        stands = f"revision {row.revision}" if row is not None and in_force else "no policy"
        raise PolicyMovedOn(
            f"{scope} has {stands} now, not {expected or 'none'}; read it again and make your change there",
            scope=scope,
            revision=row.revision if row is not None and in_force else None,
        )
    before = document.read(row.document) if row is not None and in_force else None
    made = PolicyRow(
        scope=scope,
        revision=1 if row is None else row.revision + 1,
        document=document.plain(rules or Rules()),
        in_force=rules is not None,
        made_at=now,
        made_by=by,
    )
    affected = await silenced(session, scope, before, rules, now=now)
    row = await session.merge(made)
    await session.flush()
    session.add(
        PolicyRevision(
            scope=scope,
            revision=row.revision,
            document=row.document,
            in_force=row.in_force,
            made_at=now,
            made_by=by,
        )
    )
    await session.flush()
    return Saved(row, affected)


def scope_unknown(scope: str) -> PolicyScopeUnknown:
    """Why there are no rules for a scope: nothing has it, or whoever asks may not know of it."""
    return PolicyScopeUnknown(f"no unit, group or device is {scope}; list them to find the right one", scope=scope)


def unknown(scope: str) -> PolicyUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return PolicyUnknown(f"{scope} has no policy of its own; those above it may bind its devices", scope=scope)


async def require(session: AsyncSession, scope: str) -> PolicyRow:
    """The policy in force.

    Raises:
        PolicyUnknown: there is none.
    """
    row = await store.find(session, scope)
    if row is None or not row.in_force:
        raise unknown(scope)
    return row


async def merged(session: AsyncSession, device_id: str) -> Merged:
    """What binds a device, by the very rule by which it merges its documents itself.

    Raises:
        DeviceUnknown: there is none.
    """
    device = await devices.require(session, device_id)
    chain, groups = await units.scopes_of_device(session, device)
    scopes = (device_scope(device_id), *(one.group for one in groups), *chain)
    rules = await store.rules_of(session, scopes)
    ceilings = await store.ceilings(session)
    policy = merge((document.as_policy(scope, one) for scope, one in rules.items()), ceilings)
    names = await store.names(session, scopes)
    return Merged(device_id, tuple(s for s in scopes if s in rules), names, rules, ceilings, policy)
