"""What speaks to a scope and is still to come: programmes, sessions on the way, bulletins that wait, policies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.bulletins.places import PlacementState
from controller.bulletins.tables import Bulletin, Placement
from controller.policies import store as policies
from controller.schedules import accepting
from controller.schedules import store as programmes
from controller.schedules.tables import ProgrammeRevision, ProgrammeRow

_TOLD = 3


@dataclass(frozen=True, slots=True)
class Spoken:
    """Titles of what speaks to a scope, each once; `ruled`: it has rules of the air of its own."""

    programmes: Sequence[str]
    broadcasts: Sequence[str]
    bulletins: Sequence[str]
    ruled: bool

    @property
    def anything(self) -> bool:
        """Whether there is any of it."""
        return bool(self.programmes or self.broadcasts or self.bulletins or self.ruled)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        kinds = ("programmes", "broadcasts", "bulletins")
        return {name: len(getattr(self, name)) for name in kinds} | {"policies": int(self.ruled)}

    @property
    def en(self) -> str:
        """In English words."""
        return self._words("programme", "broadcast to come", "bulletin that waits", "a policy of its own")

    @property
    def vi(self) -> str:
        """In Vietnamese words."""
        return self._words("chương trình", "buổi sắp phát", "bản tin chờ duyệt", "quy định giờ phát riêng")

    def _words(self, programme: str, broadcast: str, bulletin: str, policy: str) -> str:
        named = ((programme, self.programmes), (broadcast, self.broadcasts), (bulletin, self.bulletins))
        found = [f"{kind} {_quoted(titles)}" for kind, titles in named if titles]
        return "; ".join([*found, policy] if self.ruled else found)


def _quoted(titles: Sequence[str]) -> str:
    told = ", ".join(f"“{title}”" for title in titles[:_TOLD])
    return f"{told} (+{len(titles) - _TOLD})" if len(titles) > _TOLD else told


async def to(session: AsyncSession, scope: str, now: datetime) -> Spoken:
    """What speaks to it from now on."""
    policy = await policies.find(session, scope)
    return Spoken(
        programmes=await _programmes(session, scope, now),
        broadcasts=await _broadcasts(session, scope, now),
        bulletins=await _bulletins(session, scope),
        ruled=policy is not None and policy.in_force,
    )


async def _programmes(session: AsyncSession, scope: str, now: datetime) -> list[str]:
    """Those that say so on some day from today on, by title."""
    query = (
        select(ProgrammeRow.id, ProgrammeRow.title)
        .join(ProgrammeRevision, ProgrammeRevision.programme_id == ProgrammeRow.id)
        .where(ProgrammeRow.retired_at.is_(None), cast(ProgrammeRevision.document, Text).contains(f'"{scope}"'))
        .distinct()
    )
    rows = (await session.execute(query)).all()
    return sorted([row.title for row in rows if scope in await _ahead(session, row.id, now)])


async def _ahead(session: AsyncSession, programme_id: str, now: datetime) -> frozenset[str]:
    """All that a programme speaks to on some day from today on."""
    revisions = await programmes.revisions(session, programme_id)
    found: set[str] = set()
    for one in programmes.in_force(revisions, (now - timedelta(days=1)).date()):
        document = await programmes.document(session, programme_id, one.number)
        ended = [later.effective_from for later in revisions if later.number > one.number]
        if document is not None and all(now.astimezone(ZoneInfo(document.zone)).date() < day for day in ended):
            found |= accepting.targets(document)
    return frozenset(found)


async def _broadcasts(session: AsyncSession, scope: str, now: datetime) -> list[str]:
    """Those that are not over on every device, each title once."""
    query = (
        select(BroadcastRow)
        .join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRow.id)
        .where(BroadcastScope.scope == scope, BroadcastRow.cancelled_at.is_(None), BroadcastRow.deadline >= now)
    )
    found = set()
    for row in await session.scalars(query):
        ends = row.latest_start + timedelta(milliseconds=row.duration_ms)
        if ends + await broadcasts.turns(session, row, [scope]) > now:
            found.add(row.title)
    return sorted(found)


async def _bulletins(session: AsyncSession, scope: str) -> list[str]:
    """Those that wait for a decision and shall then be heard there; what is decided is a broadcast."""
    query = select(Bulletin.title, Placement.scopes).join(Placement, Placement.bulletin_id == Bulletin.id)
    query = query.where(Placement.state == str(PlacementState.RESERVED))
    query = query.where(cast(Placement.scopes, Text).contains(f'"{scope}"'))
    return sorted({row.title for row in await session.execute(query) if scope in row.scopes})
