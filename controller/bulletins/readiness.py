"""Looks up what `checklist` judges: sounds, who hears them where, the rules of the air there, and who may approve."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import rules as broadcast_rules
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.service import OPENING
from controller.bulletins import announcing, checklist, place_words, places, slot_times, store, writing
from controller.bulletins.checklist import Heard, Known, Place, Point
from controller.bulletins.document import Document
from controller.bulletins.tables import Bulletin, Placement
from controller.devices.tables import Device
from controller.media import words
from controller.media.tables import Asset
from controller.policies import service as policies
from controller.policies.objections import Effect
from controller.policies.rules import airing
from controller.units import store as units
from controller.units.languages import BY_CODE
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import CHIME_MS, Broadcast, ChimeSegment, ContentSegment, Segment
from loa_protocol.ids import Level, unit_scope

AHEAD = timedelta(days=7)
_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_AWAKE = (5, 22)
"""Hours."""


async def points(session: AsyncSession, row: Bulletin, now: datetime) -> list[Point]:
    """What should be known before the newest revision goes on air."""
    text = await writing.head(session, row)
    standing = [one for one in await store.placements(session, row.id) if one.state in places.STANDING]
    sounds = await broadcast_store.sounds(session, sorted(set(text.sounds.values())))
    known = Known(
        sounds=await _heard(session, text, sounds),
        gone=await _gone(session, text),
        places=tuple([await _place(session, text, one, sounds, now) for one in standing]),
        approvers=1 if row.handed_down else len(await announcing.approvers(session, row, now)),
        readings={one.language: digest(one.reading) for one in text.variants if one.reading},
    )
    return checklist.points(text, known, {code: one.vi for code, one in BY_CODE.items()})


def digest(reading: str) -> str:
    """A reading as the facts of the sound name it that was spoken from it."""
    return hashlib.sha256(reading.encode()).hexdigest()


async def _heard(
    session: AsyncSession, text: Document, playable: Mapping[str, broadcast_rules.Sound]
) -> dict[str, Heard]:
    rows = await session.scalars(select(Asset).where(Asset.id.in_(sorted(set(text.sounds.values())))))
    return {row.id: _sound(row, playable=row.id in playable and row.purged_at is None) for row in rows}


async def _gone(session: AsyncSession, text: Document) -> frozenset[str]:
    query = select(Asset.id).where(Asset.id.in_(text.pictures), Asset.purged_at.is_not(None))
    return frozenset(await session.scalars(query))


def _sound(row: Asset, *, playable: bool) -> Heard:
    speech = row.facts.get("speech") or {}
    return Heard(
        duration_ms=row.duration_ms,
        playable=playable,
        findings=tuple(_told(code, value) for code, value in sorted((row.facts.get("findings") or {}).items())),
        machine="speech" in row.facts,
        reading_sha256=speech.get("reading_sha256"),
        fell_back=speech.get("fell_back"),
    )


def _told(code: str, value: float) -> tuple[str, str, str]:
    said = words.of_finding(code, value)
    return code, said.vi, said.en


async def _place(
    session: AsyncSession,
    text: Document,
    one: Placement,
    sounds: Mapping[str, broadcast_rules.Sound],
    now: datetime,
) -> Place:
    if one.slot_unit_id is not None:
        return await _slot(session, text, one, sounds, now)
    classes = await units.languages_of_scopes(session, one.scopes)
    return Place(
        id=one.id,
        name=await place_words.where(session, one),
        classes=classes,
        boards=await _boards(session, one.scopes),
        objections=await _objections(session, text, one, sounds, classes),
        night=_night(one.start or now),
    )


def _night(start: datetime) -> str:
    """The local time of a start at which people sleep, whatever a unit's own rules of the air say; else empty."""
    local = start.astimezone(_ZONE)
    return "" if _AWAKE[0] <= local.hour < _AWAKE[1] else f"{local:%H:%M}"


async def _slot(
    session: AsyncSession,
    text: Document,
    one: Placement,
    sounds: Mapping[str, broadcast_rules.Sound],
    now: datetime,
) -> Place:
    unit_id = one.slot_unit_id or ""
    coming = await slot_times.ahead(session, unit_id, now, now + AHEAD)
    scopes = {scope for at in coming for scope in at.session.to or (unit_scope(at.revision.document.unit),)}
    classes = await units.languages_of_scopes(session, scopes)
    return Place(
        id=one.id,
        name=await place_words.where(session, one),
        classes=classes,
        slot_ms=max((slot_times.longest_slot_ms(at, unit_id) for at in coming), default=0),
        longest_ms=_length_ms(text, one, sounds, classes),
    )


async def _boards(session: AsyncSession, scopes: list[str]) -> int:
    query = select(func.count()).select_from(Device).where(units.listens_to(scopes))
    return int(await session.scalar(query.where(Device.kind == DeviceKind.BOARD)) or 0)


async def _objections(
    session: AsyncSession,
    text: Document,
    one: Placement,
    sounds: Mapping[str, broadcast_rules.Sound],
    classes: frozenset[tuple[str, ...]],
) -> tuple[tuple[str, str], ...]:
    """What the rules of the air have against a start, as far as there is one."""
    length_ms = _length_ms(text, one, sounds, classes)
    if one.start is None or not length_ms:
        return ()
    broadcast = Broadcast(
        id=one.broadcast_id or one.id,
        title=text.title,
        start=one.start,
        latest_start=one.start + timedelta(seconds=one.late_s),
        duration_ms=length_ms,
        level=Level(text.level),
        segments=_segments(text, one, sounds),
        repeats=one.repeats,
        volume=one.volume,
    )
    without = [] if one.broadcast_id is None else [one.broadcast_id]
    found = await policies.check(session, [airing(broadcast, one.scopes)], now=one.made_at, without=without)
    return tuple((said.vi, said.en) for said in found if said.effect is Effect.REFUSED)


def _length_ms(
    text: Document,
    one: Placement,
    sounds: Mapping[str, broadcast_rules.Sound],
    classes: frozenset[tuple[str, ...]],
) -> int:
    segments = _segments(text, one, sounds)
    repeats = 1 if one.slot_unit_id is not None else one.repeats
    return broadcast_rules.length_ms(segments, sounds.values(), repeats, classes) if segments else 0


def _segments(text: Document, one: Placement, sounds: Mapping[str, broadcast_rules.Sound]) -> tuple[Segment, ...]:
    home = text.home
    if home is None or home.audio is None or home.audio not in sounds:
        return ()
    variants = {code: sounds[asset].ref for code, asset in text.sounds.items() if asset in sounds}
    spoken = ContentSegment(ref=sounds[home.audio].ref, variants=variants)
    chime = one.chime and one.slot_unit_id is None
    return (ChimeSegment(name=OPENING, duration_ms=CHIME_MS[OPENING]), spoken) if chime else (spoken,)
