"""What the rules of the air are asked about a programme: all that is new in it, as long as it may become.

A slot counts as full, so that nothing is refused later only because something waits in it.
"""

from collections.abc import Collection

from controller.policies.rules import Airing, airing
from controller.schedules.making import Cast, Made
from controller.schedules.planning import wanted_of
from loa_protocol.documents.plan import Broadcast, OnLate, OnPreempt
from loa_protocol.ids import Level


def proposals(made: Made, fresh: Collection[str]) -> list[Airing]:
    """What a save adds and changes; of `fresh` sessions also what stays silent only until its slots are filled."""
    new = {one.id for one in made.diff.add} | {wanted.id for _, wanted in made.diff.change}
    return [_airing(one) for one in made.casts if one.occurrence.id in new or _waits(one, fresh)]


def _waits(cast: Cast, fresh: Collection[str]) -> bool:
    return cast.composed.silent and cast.occurrence.session.id in fresh


def _airing(cast: Cast) -> Airing:
    wanted = wanted_of(cast.occurrence, cast.composed)
    broadcast = Broadcast(
        id=wanted.id,
        title=wanted.title,
        start=wanted.start,
        latest_start=wanted.latest_start,
        duration_ms=max(cast.composed.sound_ms, cast.composed.full_ms),
        level=Level(wanted.level),
        authority=wanted.authority,
        segments=wanted.segments,
        on_preempt=OnPreempt(wanted.on_preempt),
        on_late=OnLate(wanted.on_late),
        volume=wanted.volume,
        stagger=wanted.stagger,
    )
    return airing(broadcast, wanted.scopes, recurring=True)
