"""What will keep a unit's devices from playing what is planned: their own timeline, asked for all of them at once.

Only so far ahead as broadcasts are made, and only for units whose devices are few enough to be looked at one class
after another within an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device
from controller.policies import rules as ruled
from controller.policies import store as policies
from controller.policies import words as policy_words
from controller.policies.words import Sentence
from controller.timelines import rules, store, words
from controller.timelines.rules import Alike, Scene
from controller.units import store as units
from loa_protocol.documents.device import DeviceKind
from loa_protocol.ids import unit_scope
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import GRACE
from loa_protocol.timeline import Verdict

MOST_DEVICES = 400
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a broadcast does not play whole and at its time on `devices` of a unit's `of` loudspeakers.

    `then`: when it begins instead, None: not at all. `ruled`: a rule of the air says so, not another broadcast.
    """

    because: str
    vi: str
    en: str
    ruled: bool
    devices: int
    of: int
    then: datetime | None


async def troubles(
    session: AsyncSession, unit_id: str, *, now: datetime, begin: datetime, until: datetime
) -> dict[str, list[Trouble]] | None:
    """Broadcast → what keeps it from playing, of those that begin in [begin, until) and after now.

    None: the unit has too many devices for that.
    """
    if until <= now:
        return {}
    heard = (Device.kind == DeviceKind.SPEAKER, units.listens_to([unit_scope(unit_id)]))
    counted = int(await session.scalar(select(func.count()).select_from(Device).where(*heard)) or 0)
    if counted > MOST_DEVICES:
        return None
    devices = (await session.scalars(select(Device).where(*heard).order_by(Device.id))).all()
    listeners = await store.listeners(session, devices)
    scopes = frozenset(scope for one in listeners for scope in one.scopes)
    scene = await store.scene(session, now - _DAY, until, now=now, scopes=scopes)
    names = await policies.names(session, scopes.intersection(scene.policies))
    found: dict[tuple[str, str, str, datetime | None], int] = {}
    said: dict[tuple[str, str, str, datetime | None], tuple[str, str, bool]] = {}
    for alike, members in scene.classes(listeners).items():
        foreseen = scene.foresee(alike, now=now, until=until)
        begins = rules.begins(foreseen)
        for occurrence, verdict in foreseen.verdicts.items():
            then = begins[occurrence][0] if occurrence in begins else None
            if not begin <= verdict.planned < until or verdict.planned < now or _well(verdict, then):
                continue
            sentence = _sentence(verdict, scene, alike, names)
            key = (occurrence.id, verdict.because, sentence.vi, then)
            found[key] = found.get(key, 0) + len(members)
            said[key] = (sentence.vi, sentence.en, verdict.reason is Reason.POLICY)
    told: dict[str, list[Trouble]] = {}
    for key, count in found.items():
        vi, en, by_rule = said[key]
        told.setdefault(key[0], []).append(Trouble(key[1], vi, en, by_rule, count, counted, key[3]))
    return told


def _sentence(verdict: Verdict, scene: Scene, alike: Alike, names: Mapping[str, str]) -> Sentence:
    """Why, with the name of what it loses to, or of whose rule it is and what that allows."""
    by = scene.broadcast(verdict.by) if verdict.by is not None else None
    scope, _, detail = verdict.detail.partition(": ")
    part = next((one for one in scene.policy(alike.scopes).parts if one.scope == scope), None)
    if verdict.reason is Reason.POLICY and part is not None:
        name = names.get(scope, scope)
        trouble = ruled.Trouble(verdict.occurrence.id, verdict.because, part, verdict.at, detail)
        told = policy_words.why(trouble, Sentence(name, name))
        return Sentence(f"{told.vi}.", f"{told.en}.")
    told = words.BECAUSE[verdict.because]
    return told.with_(by=by.title if by else "", whose=names.get(scope, scope), detail=detail)


def _well(verdict: Verdict, then: datetime | None) -> bool:
    return verdict.outcome is Outcome.PLAYED and then is not None and then - verdict.planned <= GRACE
