"""What the one who acts in a request may do, asked by whoever needs to know it.

Routes get it as `Allowed`; the session of a request carries it too, for services that look up what a body names. A
thing that somebody may not know of is answered as if it were not there; one that they know and may not change is
refused as `not_allowed`.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, true
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import rules, store
from controller.access.rules import EVERYWHERE, Permission, Reach, RoleHeld
from controller.audit import asking
from controller.people.acting import Actor, Via
from controller.people.approving import local_day
from controller.people.rules import Role
from controller.runtime.database import Database
from controller.runtime.looks import reading
from controller.units import store as units
from loa_protocol.errors import LoaError

if TYPE_CHECKING:
    from controller.access.subjects import Subject

Look = Callable[[], AbstractAsyncContextManager[AsyncSession]]
Missing = Callable[[Sequence[str]], LoaError]
"""Why nothing is done about scopes: nothing is named so, or whoever asks may not know of it."""
_CARRIED = "acts"
LOOKING = frozenset({Permission.KNOW, Permission.SEE})


class NotAllowed(LoaError):
    """Somebody may not do this here."""

    code = "not_allowed"


class SecondFactorNeeded(LoaError):
    """A role counts only for who signed in with two factors."""

    code = "second_factor_needed"


class May:
    """The permissions of one actor in one request, on one day.

    `asked`: whether the route has asked for any; `look` opens a session for queries.
    """

    def __init__(self, look: Look, actor: Actor, roles: Iterable[RoleHeld], on: date) -> None:
        self.actor = actor
        self.asked = False
        self._look, self._roles, self._on = look, tuple(roles), on
        self._reaches: dict[tuple[Permission, bool], Reach] = {}
        self._chains: dict[str, tuple[str, ...]] = {}
        self._tops: frozenset[str] | None = None

    @contextmanager
    def through(self, session: AsyncSession) -> Iterator[None]:
        """Look things up in this session meanwhile."""

        @asynccontextmanager
        async def look() -> AsyncIterator[AsyncSession]:
            yield session

        before, self._look = self._look, look
        try:
            yield
        finally:
            self._look = before

    def settle(self, look: Look) -> None:
        """Look things up in sessions of its own from now on: those of the request have ended."""
        self._look = look

    async def reach(self, permission: Permission) -> Reach:
        """Where they have a permission; the filters of lists are built from it."""
        self.asked = True
        return await self._reach(permission, strong=self.actor.strong)

    async def where(self, permission: Permission, column: Any) -> ColumnElement[bool]:
        """The condition that a column names a unit where they have a permission."""
        return store.within(await self.reach(permission), column)

    async def where_scope(self, permission: Permission, column: Any) -> ColumnElement[bool]:
        """The condition that a column names a scope of a unit where they have a permission."""
        return (await self.scopes(permission))(column)

    async def scopes(self, permission: Permission) -> Callable[[Any], ColumnElement[bool]]:
        """As `where_scope`, for a query that has its own column."""
        return partial(store.scopes_within, await self.reach(permission))

    async def knows(self, column: Any) -> ColumnElement[bool]:
        """As `where` of KNOW, for services that look things up; a route has not thereby asked."""
        return store.within(await self._reach(Permission.KNOW, strong=self.actor.strong), column)

    def mine(self, column: Any) -> ColumnElement[bool]:
        """The condition that a column names who acts, of things that are nobody else's business."""
        self.asked = True
        return true() if self.actor.everywhere else column == self.actor.person_id

    def is_mine(self, person_id: str | None) -> bool:
        """As `mine`, of one thing."""
        self.asked = True
        return self.actor.everywhere or (person_id is not None and person_id == self.actor.person_id)

    async def require(
        self, permission: Permission, *unit_ids: str | None, refused: Callable[[], LoaError] | None = None
    ) -> None:
        """Go on only if they have a permission at every one of these units; None is a thing of no unit.

        Raises:
            NotAllowed, or what `refused` says: they have not.
            SecondFactorNeeded: they would have, had they signed in with two factors.
        """
        self.asked = True
        if await self.holds(permission, unit_ids):
            return
        if not self.actor.strong and await self.holds(permission, unit_ids, strong=True):
            raise _second_factor_needed()
        if refused is not None:
            raise refused()
        raise NotAllowed(
            f"{self.actor.name} may not do this (“{permission}” at {_told(unit_ids)}); ask an administrator of the"
            " unit for the role",
            vi="bạn chưa được giao quyền làm việc này ở đơn vị này; hãy hỏi người quản trị của đơn vị",
            permission=str(permission),
        )

    async def require_anywhere(self, permission: Permission) -> None:
        """Go on only if they have a permission at some unit.

        Raises:
            NotAllowed, SecondFactorNeeded: as `require`.
        """
        reach = await self.reach(permission)
        if not (reach.everywhere or reach.roots):
            would = await self._reach(permission, strong=True)
            await self.require(permission, next(iter(sorted(would.roots)), None))

    async def require_of(
        self, permission: Permission, subject: "Subject", key: str, *, refused: Callable[[], LoaError] | None = None
    ) -> None:
        """Go on only if they have a permission at the units of a thing that a body or a query names.

        Raises:
            LoaError: as the kind of thing says that nothing has an id: so it is, or they may not know of it.
            NotAllowed, SecondFactorNeeded: they may know of it and no more; as `require`.
        """
        self.asked = True
        if self.actor.everywhere:
            return
        async with self._look() as session:
            owners = await subject.find(session, key)
            seen = owners if subject.seen is None else await subject.seen(session, key)
        if owners is None or seen is None or not await self._reads(subject.read, seen):
            if owners is not None:
                asking.hidden()
            raise subject.unknown(key)
        if not (subject.either and permission in LOOKING):
            await self.require(permission, *owners, refused=refused)

    async def _reads(self, permission: Permission, seen: Collection[str | None]) -> bool:
        """Whether they read a thing.

        Raises:
            SecondFactorNeeded: they would, had they signed in with two factors.
        """
        if await self.holds(permission, seen, either=True):
            return True
        if not self.actor.strong and await self.holds(permission, seen, either=True, strong=True):
            raise _second_factor_needed()
        return False

    async def require_scopes(self, permission: Permission, scopes: Iterable[str], missing: Missing) -> None:
        """As `require`, at the unit of every scope; `missing` says that some are not there, or not for them to know.

        Raises:
            NotAllowed, SecondFactorNeeded: as `require`.
        """
        self.asked = True
        if self.actor.everywhere:
            return
        named = list(dict.fromkeys(scopes))
        async with self._look() as session:
            owners = await units.owners(session, named)
        unseen = await self._unseen(named, owners)
        if unseen:
            raise missing(unseen)
        if owners:
            await self.require(permission, *sorted(set(owners.values())))

    async def unknown_scopes(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Those scopes that name nothing, or nothing that they may know of."""
        named = list(dict.fromkeys(scopes))
        async with self._look() as session:
            owners = await units.owners(session, named)
        return await self._unseen(named, owners)

    async def _unseen(self, named: Sequence[str], owners: Mapping[str, str]) -> tuple[str, ...]:
        known = {unit: await self.holds(Permission.KNOW, [unit]) for unit in sorted(set(owners.values()))}
        return tuple(one for one in named if one not in owners or not known[owners[one]])

    async def holds(
        self,
        permission: Permission,
        unit_ids: Collection[str | None],
        *,
        either: bool = False,
        strong: bool | None = None,
    ) -> bool:
        """Whether they have a permission at all of these units; `either`: at one of them; None: a thing of no unit."""
        reach = await self._reach(permission, strong=self.actor.strong if strong is None else strong)
        if reach.everywhere:
            return True
        await self._learn([one for one in unit_ids if one is not None])
        found = [one is not None and reach.has(self._chains[one], one) for one in unit_ids]
        return any(found) if either else bool(found) and all(found)

    async def _learn(self, unit_ids: Iterable[str]) -> None:
        """What stands above these units, if that is not known yet."""
        new = [one for one in dict.fromkeys(unit_ids) if one not in self._chains]
        if not new:
            return
        async with self._look() as session:
            for one in new:
                self._chains[one] = await units.chain(session, one)

    async def _reach(self, permission: Permission, *, strong: bool) -> Reach:
        if self.actor.everywhere:
            return EVERYWHERE
        key = permission, strong
        if key not in self._reaches:
            found = rules.roots(self._roles, permission, on=self._on, strong=strong)
            above: frozenset[str] = frozenset()
            if permission is Permission.KNOW and found:
                async with self._look() as session:
                    above = await units.ancestry(session, found)
            self._reaches[key] = Reach(found, above, whole=bool(found) and await self._are_whole(found))
        return self._reaches[key]

    async def _are_whole(self, roots: frozenset[str]) -> bool:
        """Whether nothing stands beside them."""
        if self._tops is None:
            async with self._look() as session:
                self._tops = await units.tops(session)
        return self._tops <= roots


@asynccontextmanager
async def looking(request: Request) -> AsyncIterator[AsyncSession]:
    """The session of the request where it has one at this moment, else one for queries only."""
    session: AsyncSession | None = getattr(request.state, "session", None) or getattr(request.state, "reading", None)
    if session is not None:
        yield session
        return
    db: Database = request.app.state.controller.db  # not `TheController`: what runs below the API is guarded, too
    async with reading(request, db) as session:
        yield session


def found(request: Request) -> May | None:
    """What the one who acts may do, where a read of the same look has asked."""
    may: May | None = getattr(request.state, "may", None)
    return may


def is_transaction(request: Request) -> bool:
    """Whether a route changes what it changes in the session of its request."""
    return getattr(request.state, "session", None) is not None


def carry_in(request: Request, may: May) -> None:
    """This is what the one who acts may do, in this request and in its session."""
    request.state.may = may
    if is_transaction(request):
        carry(request.state.session, may)


def require_asked(request: Request) -> None:
    """A route whose body or list decides has asked what its caller may do. A defect of ours, if not.

    Raises:
        AssertionError: it has not.
    """
    may = found(request)
    if may is not None and not may.asked:
        raise AssertionError(f"{request.method} {request.url.path} was answered without asking who may")


async def may_of(request: Request, session: AsyncSession, actor: Actor, now: datetime) -> May:
    """What an actor may do now. A token gives what its owner was to do as an integration when it was made, no more."""
    on = local_day(now)
    roles: tuple[RoleHeld, ...] = ()
    if actor.person_id is not None:
        roles = await store.roles_of(session, actor.person_id, on, given_by=actor.given_by)
    if actor.via is Via.TOKEN:
        roles = tuple(one for one in roles if one.role is Role.INTEGRATION)
    return May(partial(looking, request), actor, roles, on)


def _second_factor_needed() -> SecondFactorNeeded:
    return SecondFactorNeeded(
        "this needs a sign-in with a second factor; sign in again with a passkey or a code",
        vi="việc này cần đăng nhập bằng hai lớp; hãy đăng nhập lại bằng khóa truy cập hoặc mã xác thực",
    )


def _told(unit_ids: Collection[str | None]) -> str:
    return ", ".join(one or "the whole tree" for one in unit_ids) or "any unit"


def carry(session: AsyncSession, may: May) -> None:
    """What services look up in this session is what this request may know of."""
    session.info[_CARRIED] = may


def carry_on(request: Request, session: AsyncSession) -> None:
    """As `carry`, into another session of a request."""
    may = found(request)
    if may is not None:
        carry(session, may)


def acting_in(session: AsyncSession) -> May | None:
    """For whom a session looks things up; None: for nobody in particular, as work in the background does."""
    may: May | None = session.info.get(_CARRIED)
    return may


@contextmanager
def settled(session: AsyncSession) -> Iterator[None]:
    """What is looked up meanwhile was named by somebody before, who knew of it."""
    may = session.info.pop(_CARRIED, None)
    try:
        yield
    finally:
        if may is not None:
            session.info[_CARRIED] = may


async def _may(request: Request) -> May:
    may: May = request.state.may
    return may


Allowed = Annotated[May, Depends(_may)]
