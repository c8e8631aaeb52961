"""The first start: while nobody can sign in, the process prints a link that makes the first administrator, once.

There is no account, no password and no secret that two installations share. The link is made anew at every start until
it was used; the one before leads nowhere then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import inviting, naming, passwords, signing_in, store
from controller.accounts.doors import Doors
from controller.accounts.inviting import Kind
from controller.accounts.sessions import Caller, How
from controller.accounts.signing_in import Begun
from controller.accounts.tables import Account
from controller.accounts.telling import Event, tell
from controller.audit.recording import as_loa
from controller.people import service as people
from controller.people.approving import local_day
from controller.people.rules import Role
from controller.runtime.database import Database, alone
from controller.units import service as units
from controller.units.tables import Unit
from loa_protocol.errors import LoaError

_SET_UP = "set up"


class SetUpUnitNeeded(LoaError):
    """It is not said at which unit the first administrator works."""

    code = "set_up_unit_needed"


@dataclass(frozen=True, slots=True)
class NewUnit:
    """The top of the tree, where nothing is there yet."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class First:
    """The first administrator, as they want to be known; one of `unit_id` and `unit`, or the only root there is."""

    name: str
    sign_in_name: str
    password: str
    unit_id: str | None = None
    unit: NewUnit | None = None


async def first_secret(db: Database, now: datetime) -> str | None:
    """The secret of a fresh set-up link; None where somebody can sign in already."""

    async def work(session: AsyncSession) -> str | None:
        await alone(session, _SET_UP)
        if await store.anybody(session):
            return None
        as_loa(session, "set-up link", now)
        return (await inviting.make(session, Kind.SET_UP, None, by=None, now=now))[0]

    return await db.attempt(work)


async def set_up(doors: Doors, secret: str, first: First, caller: Caller) -> Begun:
    """Use the link: make the person, administrator at their unit, with a password, and sign them in.

    Raises:
        SignInTooOften, LinkOver, SetUpUnitNeeded, UnitUnknown, SignInNameRefused, PasswordRefused, SignInBusy: not so,
            or not now.
    """
    await doors.addresses.require(caller.address, doors.now)
    name = naming.require(first.sign_in_name)
    async with doors.db.reading() as reading:
        await inviting.require(reading, Kind.SET_UP, secret, doors.now)
        chosen = await _chosen(reading, first)
    told = (first.name, name, chosen if isinstance(chosen, str) else chosen.name)
    made = await passwords.hashed(doors, first.password, told)

    async def work(session: AsyncSession) -> Begun:
        await alone(session, _SET_UP)
        now = doors.now
        await inviting.require(session, Kind.SET_UP, secret, now, held=True)
        unit_id = await _unit(session, await _chosen(session, first))
        person = await people.create(session, name=first.name, unit_id=unit_id, now=now)
        await people.grant(
            session, person.id, role=Role.ADMINISTRATOR, unit_id=unit_id, begins=local_day(now), by=None, now=now
        )
        session.add(Account(person_id=person.id, sign_in_name=name, made_at=now, made_by=None))
        await passwords.put(session, person.id, made, now)
        await store.drop_invitations(session, None)
        tell(session, Event.SET_UP, person, now, caller=caller)
        return await signing_in.begin(doors, session, person, How.PASSWORD, caller)

    return await doors.db.attempt(work)


async def _chosen(session: AsyncSession, first: First) -> str | NewUnit:
    """The unit, by id, or as it is to be made."""
    if first.unit_id is not None:
        return (await units.require_open(session, first.unit_id)).id
    tops = select(Unit).where(Unit.parent_id.is_(None), Unit.closed_at.is_(None))
    roots: Sequence[Unit] = (await session.scalars(tops.limit(2))).all()
    if not roots and first.unit is not None:
        return first.unit
    if len(roots) == 1 and first.unit is None:
        return roots[0].id
    raise SetUpUnitNeeded(
        "say at which unit the first administrator works: `unit_id` of one that is there, or `unit` of the first one",
        vi="hãy cho biết người quản trị đầu tiên thuộc đơn vị nào (mã đơn vị có sẵn, hoặc đơn vị mới đầu tiên)",
    )


async def _unit(session: AsyncSession, chosen: str | NewUnit) -> str:
    if isinstance(chosen, str):
        return chosen
    return (await units.create(session, unit_id=chosen.id, name=chosen.name, kind=chosen.kind)).id
