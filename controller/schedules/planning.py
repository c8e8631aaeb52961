"""What has to change so that the broadcasts made of a programme are those it has now. Pure.

- An occurrence is one broadcast, under an id that follows from its name: planned again it stays the same one, in a
  higher revision where anything of it differs.
- What has begun, what somebody took back by hand and what a device has answered is left as it is, whatever the
  programme says now. `after`: what starts then or earlier has begun.
- Planning twice changes nothing the second time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.schedules.composing import Composed
from controller.schedules.rules import Occurrence
from loa_protocol.documents.plan import Segment
from loa_protocol.ids import unit_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A broadcast as a programme has it; `occurrence` is when its rule begins it, local; `scopes` are sorted.

    `items`: what of the slots' queues is in it, sorted.
    """

    id: str
    session: str
    occurrence: str
    title: str
    level: str
    authority: int
    start: datetime
    latest_start: datetime
    duration_ms: int
    segments: tuple[Segment, ...]
    on_preempt: str
    on_late: str
    volume: int
    stagger: bool
    scopes: tuple[str, ...]
    items: tuple[str, ...] = ()

    @property
    def ends(self) -> datetime:
        """When the last device can have ended it."""
        return self.latest_start + timedelta(milliseconds=self.duration_ms)


@dataclass(frozen=True, slots=True)
class Held:
    """A broadcast that is there. `settled`: taken back by hand or answered; `dropped`: taken back by planning."""

    as_made: Wanted
    rev: int
    settled: bool = False
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Diff:
    """What has to be done: `change` has what is there beside what is wanted."""

    add: tuple[Wanted, ...] = ()
    change: tuple[tuple[Held, Wanted], ...] = ()
    cancel: tuple[Held, ...] = ()

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scopes whose plans say something else afterwards, sorted."""
        changed = (one for held, wanted in self.change for one in (held.as_made, wanted))
        touched = (*self.add, *changed, *(held.as_made for held in self.cancel))
        return tuple(sorted({scope for one in touched for scope in one.scopes}))

    def starts(self) -> dict[str, datetime]:
        """Id → when it would have started or will, the earlier, of everything touched."""
        found = {one.id: one.start for one in self.add}
        found |= {held.as_made.id: held.as_made.start for held in self.cancel}
        for held, wanted in self.change:
            found[wanted.id] = wanted.start if held.dropped else min(held.as_made.start, wanted.start)
        return found


def wanted_of(occurrence: Occurrence, composed: Composed) -> Wanted:
    """The broadcast of an occurrence."""
    session, document = occurrence.session, occurrence.revision.document
    return Wanted(
        id=occurrence.id,
        session=session.id,
        occurrence=occurrence.key[2],
        title=session.title,
        level=str(session.level),
        authority=document.authority,
        start=occurrence.start,
        latest_start=occurrence.start + timedelta(seconds=session.late_s),
        duration_ms=composed.sound_ms,
        segments=composed.segments,
        on_preempt=str(session.on_preempt),
        on_late=str(composed.on_late),
        volume=session.volume,
        stagger=session.stagger,
        scopes=scopes_of(occurrence),
        items=composed.items,
    )


def scopes_of(occurrence: Occurrence) -> tuple[str, ...]:
    """Where an occurrence goes, sorted: its programme's unit if its session names nothing."""
    to = tuple(sorted(set(occurrence.session.to)))
    return to or (unit_scope(occurrence.revision.document.unit),)


def difference(wanted: Iterable[Wanted], held: Iterable[Held], *, after: datetime, until: datetime) -> Diff:
    """What to do so that `held` is `wanted`; both have everything that starts in (after, until).

    `held` may have more: of what is not `wanted` only that which starts within is cancelled.
    """
    standing: Mapping[str, Held] = {one.as_made.id: one for one in held}
    coming = {one.id: one for one in wanted if after < one.start < until}
    add = [one for one in coming.values() if one.id not in standing]
    pairs = [(standing[one.id], one) for one in coming.values() if one.id in standing]
    change = [(there, one) for there, one in pairs if _differs(there, one, after)]
    cancel = [one for one in standing.values() if one.as_made.id not in coming and _falls_away(one, after, until)]
    return Diff(_in_order(add), tuple(sorted(change, key=lambda pair: _order(pair[1]))), _cancels(cancel))


def _differs(held: Held, wanted: Wanted, after: datetime) -> bool:
    if held.settled or held.as_made.start <= after:
        return False
    return held.dropped or held.as_made != wanted


def _falls_away(held: Held, after: datetime, until: datetime) -> bool:
    return not (held.settled or held.dropped) and after < held.as_made.start < until


def _order(wanted: Wanted) -> tuple[datetime, str]:
    return (wanted.start, wanted.id)


def _in_order(found: Sequence[Wanted]) -> tuple[Wanted, ...]:
    return tuple(sorted(found, key=_order))


def _cancels(found: Sequence[Held]) -> tuple[Held, ...]:
    return tuple(sorted(found, key=lambda one: _order(one.as_made)))
