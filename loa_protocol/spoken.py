"""What a device that speaks certain languages sounds of a broadcast, and how long that takes. Pure, for both sides.

- Of a content segment it sounds every variant of its languages, one after another in the order of its languages, each
  sound once; `ref` where there is none. Languages are compared whole: `zh` is not `zh-Hant`.
- A relay that names its place (`at_ms`, within one pass) begins there, because the other station does not wait: a
  device whose variants before it are shorter is silent until then, one whose are longer loses the relay's beginning.
- A broadcast without variants lasts what it says. So does one of which a device sounds something that the manifest
  does not name or gives no length for: it says the longest, and no promise built on that is broken.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from loa_protocol.documents.plan import (
    Broadcast,
    ContentSegment,
    PauseSegment,
    RelaySegment,
    Segment,
    Segments,
)

SHORTEST_RELAY_MS = 1000
"""What is left of a relay is not sounded if it is shorter."""


class Timed(Protocol):
    """A sound whose length is known; 0 where it is not. What a manifest names is one."""

    @property
    def duration_ms(self) -> int:
        """How long it lasts."""


Manifest = Mapping[str, Timed]


def varies(segments: Iterable[Segment]) -> bool:
    """Whether devices sound different things, by their languages."""
    return any(isinstance(one, ContentSegment) and one.variants for one in segments)


def refs_of(segment: Segment, languages: Sequence[str]) -> tuple[str, ...]:
    """Manifest keys of what a device with these languages, in their order, sounds of a segment or falls back on."""
    if isinstance(segment, RelaySegment):
        return () if segment.fallback is None else (segment.fallback,)
    if not isinstance(segment, ContentSegment):
        return ()
    spoken = (segment.variants[language] for language in languages if language in segment.variants)
    return tuple(dict.fromkeys(spoken)) or (segment.ref,)


def languages_in(segments: Iterable[Segment], languages: Sequence[str]) -> tuple[str, ...]:
    """Those of a device's languages in which it sounds something, in their order."""
    there = {language for one in segments if isinstance(one, ContentSegment) for language in one.variants}
    return tuple(language for language in languages if language in there)


def every_ref(segments: Iterable[Segment]) -> frozenset[str]:
    """Manifest keys of everything that any device may sound or fall back on."""
    found: set[str] = set()
    for segment in segments:
        found.update(refs_of(segment, ()))
        if isinstance(segment, ContentSegment):
            found.update(segment.variants.values())
    return frozenset(found)


def parts_of(segments: Segments, manifest: Manifest, languages: Sequence[str]) -> Segments:
    """One pass as a device with these languages sounds it: its own sounds one by one, relays in their places."""
    if not varies(segments):
        return segments
    parts: list[Segment] = []
    at_ms: int | None = 0
    for segment in segments:
        for part in _placed(segment, at_ms, languages):
            length_ms = _length_ms(part, manifest)
            at_ms = None if at_ms is None or length_ms is None else at_ms + length_ms
            parts.append(part)
    return tuple(parts)


def sound_ms(broadcast: Broadcast, manifest: Manifest, languages: Sequence[str]) -> int:
    """How long all repeats take on a device with these languages."""
    if not broadcast.duration_ms or not varies(broadcast.segments):
        return broadcast.duration_ms
    once_ms = pass_ms(broadcast.segments, manifest, languages)
    return broadcast.duration_ms if once_ms is None else once_ms * broadcast.repeats


def pass_ms(segments: Segments, manifest: Manifest, languages: Sequence[str]) -> int | None:
    """How long one pass takes on a device with these languages; None where the manifest does not say it of a sound."""
    total_ms = 0
    for part in parts_of(segments, manifest, languages):
        length_ms = _length_ms(part, manifest)
        if length_ms is None:
            return None
        total_ms += length_ms
    return total_ms


def _placed(segment: Segment, at_ms: int | None, languages: Sequence[str]) -> Segments:
    if isinstance(segment, ContentSegment):
        return tuple(ContentSegment(ref=ref) for ref in refs_of(segment, languages))
    if isinstance(segment, RelaySegment) and segment.at_ms is not None and at_ms is not None:
        return _relay(segment, segment.at_ms - at_ms)
    return (segment,)


def _relay(relay: RelaySegment, early_ms: int) -> Segments:
    """A relay for a device that comes to it that much too early, or too late."""
    if early_ms > 0:
        return PauseSegment(duration_ms=early_ms), relay
    rest_ms = relay.duration_ms + early_ms
    if rest_ms < min(SHORTEST_RELAY_MS, relay.duration_ms):
        return ()
    return (RelaySegment(url=relay.url, duration_ms=rest_ms, fallback=relay.fallback, at_ms=relay.at_ms),)


def _length_ms(part: Segment, manifest: Manifest) -> int | None:
    """How long a part lasts; None where nobody says."""
    if not isinstance(part, ContentSegment):
        return part.duration_ms
    sound = manifest.get(part.ref)
    return (sound.duration_ms or None) if sound is not None else None
