"""Use cases of broadcasts: accept one, take it back, stop what sounds."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import rules, store
from controller.broadcasts.rules import BroadcastRequest, Sound
from controller.broadcasts.tables import BroadcastRendition, BroadcastRow, BroadcastScope
from controller.delivery import drafts
from controller.delivery import store as delivery
from controller.delivery.tables import StopRow
from controller.library import service as library
from controller.media.known import among
from controller.policies import service as policies
from controller.policies.objections import Objection
from controller.policies.rules import airing
from controller.runtime.ids import new_id
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.documents.plan import CHIME_MS, ChimeSegment, ContentSegment, Segment
from loa_protocol.errors import LoaError
from loa_protocol.spoken import every_ref
from loa_protocol.timeline import turn_length_ms

OPENING = "opening"
LONGEST_STOP = timedelta(hours=1)


class TargetUnknown(LoaError):
    """A target names no unit, group or device."""

    code = "target_unknown"


class TargetEmpty(LoaError):
    """The targets contain no device in service."""

    code = "target_empty"


class BroadcastUnknown(LoaError):
    """No broadcast has this id."""

    code = "broadcast_unknown"


class BroadcastOver(LoaError):
    """The broadcast has ended; there is nothing left to take back."""

    code = "broadcast_over"


def plan_topics(scopes: Sequence[str]) -> list[str]:
    """Topics of the plans that speak to these scopes."""
    return [topics.scoped(topics.Family.PLAN, scope) for scope in scopes]


async def accept(
    session: AsyncSession,
    request: BroadcastRequest,
    *,
    now: datetime,
    answer_deadline: timedelta,
    noted: Callable[[Objection], None] = lambda _: None,
) -> BroadcastRow:
    """Make the broadcast and ask for its scopes' plans to be signed, in the caller's transaction.

    `noted` is told what the rules of the air change without forbidding it.

    Raises:
        BroadcastInvalid, StartInPast, EmergencyNeedsAlert, TargetUnknown, TargetEmpty, AssetUnknown, AssetOfOtherKind,
            AssetGone, PolicyViolated, PlanTooLarge: what is wrong.
    """
    rules.require_sound_request(request)
    scopes = tuple(dict.fromkeys(request.to))
    await _require_targets(session, scopes)
    sounds = await _sounds(session, request)
    segments = _segments(request, sounds)
    classes = await units.languages_of_scopes(session, scopes) if request.variants else ()
    length_ms = rules.length_ms(segments, sounds.values(), request.repeats, classes)
    timing = rules.timing(request, duration_ms=length_ms, now=now)
    shown = await _pictures(session, request)
    board = rules.board_item(request, timing.start, shown)
    row = BroadcastRow(
        id=new_id(now),
        rev=0,
        title=request.title,
        level=str(request.level),
        authority=100,
        start=timing.start,
        latest_start=timing.latest_start,
        duration_ms=length_ms,
        segments=msgspec.to_builtins(segments),
        board=msgspec.to_builtins(board) if board else None,
        repeats=request.repeats,
        on_preempt=str(request.on_preempt),
        volume=request.volume,
        stagger=request.stagger,
        created_at=now,
        deadline=timing.ends + answer_deadline,
    )
    session.add(row)
    await session.flush()
    row.deadline += await turns(session, row, scopes)
    session.add_all(BroadcastScope(broadcast_id=row.id, scope=scope) for scope in scopes)
    refs = sorted({*every_ref(segments), *shown.values()})
    session.add_all(BroadcastRendition(broadcast_id=row.id, rendition_id=ref) for ref in refs)
    await session.flush()
    await delivery.want(session, plan_topics(scopes))  # first: the fitting must hold until the commit
    objections = await policies.check(session, [airing(drafts.wire_broadcast(row), scopes)], now=now)
    policies.require_allowed(objections)
    for one in objections:
        noted(one)
    await drafts.require_fitting(session, scopes, now=now)
    return row


async def turns(session: AsyncSession, row: BroadcastRow, scopes: Sequence[str]) -> timedelta:
    """How much later than the first the last of the devices of these scopes has its turn."""
    turn_ms = turn_length_ms(drafts.wire_broadcast(row))
    last = await units.last_turn(session, scopes) if turn_ms else 0
    return timedelta(milliseconds=last * turn_ms)


async def reckon_anew(session: AsyncSession, broadcast_id: str) -> None:
    """Devices speak something else now: what has variants lasts as long as the longest of them needs.

    Raises:
        BroadcastUnknown: there is none.
    """
    row = _known(await store.find_to_change(session, broadcast_id), broadcast_id)
    scopes = await store.scopes(session, broadcast_id)
    segments = drafts.wire_broadcast(row).segments
    described = await drafts.described(session, every_ref(segments))
    classes = await units.languages_of_scopes(session, scopes)
    sounds = [Sound("", ref, content.duration_ms) for ref, content in described.items()]
    length_ms = rules.length_ms(segments, sounds, row.repeats, classes)
    if length_ms == row.duration_ms:
        return
    waited = timedelta(milliseconds=row.duration_ms) + await turns(session, row, scopes)
    row.duration_ms, row.rev = length_ms, row.rev + 1
    row.deadline += max(timedelta(), timedelta(milliseconds=length_ms) + await turns(session, row, scopes) - waited)
    await delivery.want(session, plan_topics(scopes))


async def cancel(session: AsyncSession, broadcast_id: str, *, now: datetime) -> BroadcastRow:
    """Withdraw a broadcast: it does not start, and where it runs it stops.

    Raises:
        BroadcastUnknown: there is none.
        BroadcastOver: every device has answered or the deadline has passed.
    """
    row = _known(await store.find_to_change(session, broadcast_id), broadcast_id)
    if row.cancelled_at is not None:
        return row
    if row.closed_at is not None or now > row.deadline:
        raise BroadcastOver(f"“{row.title}” has ended; there is nothing left to take back", broadcast=row.id)
    row.cancelled_at = now if row.expected_at is None else max(now, row.start)
    await delivery.want(session, plan_topics(await store.scopes(session, row.id)))
    return row


async def stop(
    session: AsyncSession,
    *,
    now: datetime,
    scopes: Sequence[str] = (),
    broadcast_id: str | None = None,
    for_s: int = 0,
    reason: str = "",
) -> tuple[str, ...]:
    """Silence scopes, or one broadcast wherever it goes: what plays now and all that starts within `for_s`.

    Returns the scopes that were told.

    Raises:
        BroadcastUnknown, TargetUnknown, TargetEmpty: what is wrong.
        BroadcastInvalid: neither scopes nor a broadcast were named.
    """
    if broadcast_id is not None:
        await require(session, broadcast_id)
        scopes = scopes or await store.scopes(session, broadcast_id)
    if not scopes:
        raise rules.BroadcastInvalid("a stop names scopes or a broadcast; this one names nothing")
    await _require_targets(session, scopes)
    await delivery.want(session, [topics.scoped(topics.Family.STOP, scope) for scope in scopes])
    asked = rules.Silence(now + min(timedelta(seconds=for_s), LONGEST_STOP), broadcast_id)
    for scope in dict.fromkeys(scopes):
        await _silence(session, scope, asked, reason, now)
    return tuple(dict.fromkeys(scopes))


async def _silence(session: AsyncSession, scope: str, asked: rules.Silence, reason: str, now: datetime) -> None:
    row = await session.get(StopRow, scope)
    standing = None if row is None else rules.Silence(row.until, row.broadcast_id)
    found = rules.silence_after(standing, asked, now=now)
    await session.merge(
        StopRow(scope=scope, issued=now, until=found.until, broadcast_id=found.broadcast_id, reason=reason)
    )


def targets_unknown(scopes: Sequence[str]) -> TargetUnknown:
    """Why nothing goes to some scopes: nothing is named so, or whoever asks may not know of it."""
    return TargetUnknown(f"no unit, group or device is named {', '.join(scopes)}; list them to find the right one")


def unknown(broadcast_id: str) -> BroadcastUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return BroadcastUnknown(f"there is no broadcast {broadcast_id}; list the broadcasts to find the right id")


async def require(session: AsyncSession, broadcast_id: str) -> BroadcastRow:
    """The broadcast.

    Raises:
        BroadcastUnknown: there is none.
    """
    return _known(await store.find(session, broadcast_id), broadcast_id)


def _known(row: BroadcastRow | None, broadcast_id: str) -> BroadcastRow:
    if row is None:
        raise unknown(broadcast_id)
    return row


async def _require_targets(session: AsyncSession, scopes: Sequence[str]) -> None:
    missing = await units.missing_scopes(session, scopes)
    if missing:
        raise targets_unknown(missing)
    if not await units.any_listens(session, scopes):
        raise TargetEmpty(f"{', '.join(scopes)} has no device in service; register one or choose another target")


async def _sounds(session: AsyncSession, request: BroadcastRequest) -> Mapping[str, Sound]:
    """Asset → what the plan's manifest names of it: today's devices all take Opus."""
    named = {*request.variants.values()} | ({request.asset_id} if request.asset_id is not None else set())
    known = await among(session, named)
    found = await store.sounds(session, sorted(known))
    for asset_id in sorted(named - found.keys()):
        await library.require_usable(session, asset_id, "sound")
        raise rules.BroadcastInvalid(f"“{request.title}” names {asset_id}, which is no sound; name one that is")
    return found


async def _pictures(session: AsyncSession, request: BroadcastRequest) -> dict[str, str]:
    """Asset → the rendition that boards fetch of it."""
    wanted = ((request.board_image, "image"), (request.board_video, "video"))
    return {
        asset_id: (await library.rendition_of(session, asset_id, kind))[1].id
        for asset_id, kind in wanted
        if asset_id is not None
    }


def _segments(request: BroadcastRequest, sounds: Mapping[str, Sound]) -> tuple[Segment, ...]:
    if request.asset_id is None:
        return ()
    chime = (ChimeSegment(name=OPENING, duration_ms=CHIME_MS[OPENING]),) if request.chime else ()
    variants = {language: sounds[asset_id].ref for language, asset_id in sorted(request.variants.items())}
    return (*chime, ContentSegment(ref=sounds[request.asset_id].ref, variants=variants))
