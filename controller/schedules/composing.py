"""From a session to what is sent of it: wire segments, its length against the planned one, its slots filled. Pure.

- A slot is what fills it, else its fallback, else nothing. A sound that is not there is left out.
- A relay keeps the place in the session that was planned for it, because the other station does not wait: what is
  short before it is a pause, what is over is cut off the relay's beginning.
- Where sounds have variants, a session lasts as long as on the devices that need longest; `classes` of languages are
  those that its devices speak. A relay then names its place, so that the others wait for it.
- A session that names its languages sends only those of the variants; where it names one, all its devices hear that.
- A session of which only chimes and pauses are left although more was planned is not sent: `Composed.segments` is
  empty and `silent` says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from controller.broadcasts.rules import Sound
from controller.schedules import programme as written
from controller.schedules.programme import Session
from controller.schedules.slots.filling import Filling, Waiting, fill
from loa_protocol.documents.plan import (
    CHIME_MS,
    ChimeSegment,
    ContentSegment,
    OnLate,
    PauseSegment,
    RelaySegment,
    Segment,
)
from loa_protocol.spoken import refs_of, varies

_SPOKEN = (written.ContentSegment, written.RelaySegment, written.BulletinsSegment)
_SHORTEST_RELAY_MS = 1000

Languages = tuple[str, ...]
ALIKE: tuple[Languages, ...] = ((),)
"""The classes of devices where nothing has variants."""


@dataclass(frozen=True, slots=True)
class Material:
    """What sessions are made of: sounds by their id, and what waits at each unit."""

    sounds: Mapping[str, Sound] = field(default_factory=dict)
    waiting: Mapping[str, Sequence[Waiting]] = field(default_factory=dict)

    def varies(self, segments: Iterable[written.Segment]) -> bool:
        """Whether devices may sound different things of these, by their languages."""
        if any(isinstance(one, written.ContentSegment) and one.variants for one in segments):
            return True
        return any(item.variants for unit in slots_of(segments) for item in self.waiting.get(unit, ()))


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of a session, filled; `at` is its place among the segments."""

    at: int
    title: str
    of: str
    length_ms: int
    filling: Filling
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """What is sent. `length_ms` is planned, `sound_ms` what there is at most; of `spare_ms` and `over_ms` one is 0.

    `full_ms` is what its segments may take if every slot is full. `missing` are ids of sounds that are not there.
    """

    segments: tuple[Segment, ...]
    length_ms: int
    sound_ms: int
    full_ms: int
    slots: tuple[Slot, ...]
    missing: tuple[str, ...] = ()

    @property
    def items(self) -> tuple[str, ...]:
        """Ids of what waited in slots and is in it, sorted."""
        return tuple(sorted({item.id for slot in self.slots for item in slot.filling.chosen}))

    @property
    def silent(self) -> bool:
        """Whether it is not sent because nothing would be said."""
        return not self.segments

    @property
    def spare_ms(self) -> int:
        """What is left of the planned length."""
        return max(0, self.length_ms - self.sound_ms)

    @property
    def over_ms(self) -> int:
        """By how much it exceeds the planned length."""
        return max(0, self.sound_ms - self.length_ms)

    @property
    def on_late(self) -> OnLate:
        """A device that begins late joins a relay where it is by then."""
        return OnLate.REST if any(isinstance(one, RelaySegment) for one in self.segments) else OnLate.BEGIN


def planned_ms(segment: written.Segment) -> int:
    """How much time a segment is given."""
    match segment:
        case written.ChimeSegment(name=name):
            return CHIME_MS.get(name, 0)
        case written.BulletinsSegment(max_duration_s=seconds):
            return seconds * 1000
        case written.PauseSegment(duration_ms=milliseconds):
            return milliseconds
        case _:
            return segment.duration_s * 1000


def sounds_of(segments: Iterable[written.Segment]) -> set[str]:
    """Ids of the sounds that segments name."""
    found: set[str] = set()
    for segment in segments:
        if isinstance(segment, written.ContentSegment):
            found.update((segment.asset, *segment.variants.values()))
        elif isinstance(segment, written.RelaySegment | written.BulletinsSegment) and segment.fallback is not None:
            found.add(segment.fallback)
    return found


def slots_of(segments: Iterable[written.Segment]) -> set[str]:
    """Units whose queues fill slots of these segments."""
    return {segment.of for segment in segments if isinstance(segment, written.BulletinsSegment)}


def compose(session: Session, start: datetime, material: Material, classes: Sequence[Languages] = ALIKE) -> Composed:
    """What a session that begins at `start` sends to devices that speak these `classes` of languages."""
    making = _Making(start, material, tuple(classes) or ALIKE, session.languages)
    for at, segment in enumerate(session.segments):
        making.take(at, segment)
    length_ms = session.length_s * 1000 if session.length_s is not None else making.planned_ms
    meant = any(isinstance(one, _SPOKEN) for one in session.segments)
    kinds = (ContentSegment, RelaySegment) if meant else (ContentSegment, RelaySegment, ChimeSegment)
    heard = any(isinstance(one, kinds) for one in making.segments)
    segments = tuple(making.segments) if heard else ()
    sound_ms = making.sound_ms if heard else 0
    return Composed(segments, length_ms, sound_ms, making.planned_ms, tuple(making.slots), tuple(making.missing))


@dataclass(slots=True)
class _Making:
    """A session on its way: `planned_ms` counts what was planned so far, `sounded_ms` what there is for each class."""

    start: datetime
    material: Material
    classes: tuple[Languages, ...]
    languages: Languages
    segments: list[Segment] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    planned_ms: int = 0
    sounded_ms: list[int] = field(default_factory=list)

    @property
    def sound_ms(self) -> int:
        """What there is where it lasts longest."""
        return max(self.sounded_ms, default=0)

    def take(self, at: int, segment: written.Segment) -> None:
        """The next segment."""
        length_ms = planned_ms(segment)
        match segment:
            case written.ChimeSegment(name=name):
                self._add(ChimeSegment(name=name, duration_ms=length_ms), length_ms)
            case written.PauseSegment():
                self._add(PauseSegment(duration_ms=length_ms), length_ms)
            case written.ContentSegment(asset=asset, variants=variants):
                self._sound(asset, variants)
            case written.RelaySegment():
                self._relay(segment, length_ms)
            case written.BulletinsSegment():
                self._slot(at, segment, length_ms)
        self.planned_ms += length_ms

    def _add(self, segment: Segment, *lengths_ms: int) -> None:
        """A segment and how long it lasts, on every class or on each."""
        each_ms = lengths_ms if len(lengths_ms) > 1 else lengths_ms * len(self.classes)
        before_ms = self.sounded_ms or [0] * len(self.classes)
        self.segments.append(segment)
        self.sounded_ms = [one + more for one, more in zip(before_ms, each_ms, strict=True)]

    def _find(self, asset: str | None) -> Sound | None:
        found = None if asset is None else self.material.sounds.get(asset)
        if asset is not None and found is None:
            self.missing.append(asset)
        return found

    def _sound(self, asset: str, variants: Mapping[str, str]) -> None:
        sound = self._find(asset)
        if sound is not None:
            segment, lengths_ms = self._spoken(sound, variants)
            self._add(segment, *lengths_ms)

    def _spoken(self, sound: Sound, variants: Mapping[str, str]) -> tuple[ContentSegment, tuple[int, ...]]:
        """A sound with those of its variants that are there, and how long it lasts on each class."""
        wanted = {language: variants[language] for language in sorted(variants) if self._speaks(language)}
        found = {language: self._find(asset) for language, asset in wanted.items()}
        there = {language: one for language, one in found.items() if one is not None}
        if len(self.languages) == 1 and there:
            sound, there = there[self.languages[0]], {}
        lengths = {one.ref: one.duration_ms for one in (sound, *there.values())}
        segment = ContentSegment(ref=sound.ref, variants={language: one.ref for language, one in there.items()})
        each = (refs_of(segment, languages) for languages in self.classes)
        return segment, tuple(sum(lengths[ref] for ref in refs) for refs in each)

    def _speaks(self, language: str) -> bool:
        return not self.languages or language in self.languages

    def _relay(self, segment: written.RelaySegment, length_ms: int) -> None:
        early_ms = self.planned_ms - self.sound_ms
        rest_ms = length_ms + min(0, early_ms)
        if rest_ms < _SHORTEST_RELAY_MS:
            return
        if early_ms > 0:
            self._add(PauseSegment(duration_ms=early_ms), early_ms)
        fallback = self._find(segment.fallback)
        at_ms = self.sound_ms
        relay = RelaySegment(
            url=segment.url,
            duration_ms=rest_ms,
            fallback=fallback.ref if fallback else None,
            at_ms=at_ms if varies(self.segments) else None,
        )
        self._add(relay, rest_ms)
        self.sounded_ms = [at_ms + rest_ms] * len(self.classes)

    def _slot(self, at: int, segment: written.BulletinsSegment, length_ms: int) -> None:
        waiting = [self._measured(item) for item in self.material.waiting.get(segment.of, ())]
        filling = fill(waiting, start=self.start, length_ms=length_ms)
        fallback = None if filling.chosen else segment.fallback
        self.slots.append(Slot(at, segment.title, segment.of, length_ms, filling, fallback))
        for item in filling.chosen:
            self._sound(item.asset, item.variants)
        if fallback is not None:
            self._sound(fallback, {})

    def _measured(self, item: Waiting) -> Waiting:
        """An item that waits, with its length on each class."""
        sound = self.material.sounds.get(item.asset) if item.variants else None
        if sound is None:
            return item
        missing = len(self.missing)
        lengths_ms = self._spoken(sound, item.variants)[1]
        del self.missing[missing:]
        return replace(item, lengths_ms=lengths_ms)
