"""One occurrence on its way through the player, and the receipt it ends in. No I/O.

Rules: what has begun never begins anew, only a cut one may go on; silence is not `played`; the levels of several
stretches are joined by energy; a receipt names the assets that sounded, not those that would have.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from edge_agent.player import wire
from edge_agent.programmes import Programme
from loa_protocol.documents.device import ClockReport, Evidence
from loa_protocol.documents.plan import OnLate
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import GRACE
from loa_protocol.receipts import Occurrence, Receipt
from loa_protocol.timeline import Item, Past, Stretch

SILENT_DBFS = -60.0
_MS = timedelta(milliseconds=1)
_FLOOR_DBFS = -120.0
_TOLD_MS = 500
_DETAIL_MAX = 300
_CONTENT_BAD = frozenset({"content_undecodable", "content_truncated", "chime_unknown", "offset_past_end"})


class Stage(StrEnum):
    """Where a performance stands with the player."""

    PREPARING = "preparing"
    READY = "ready"
    ARMED = "armed"  # start_at was sent: it sounds, or will
    CUT = "cut"  # it sounded and may go on
    ENDED = "ended"  # its receipt is due


@dataclass(frozen=True, slots=True)
class Ending:
    """How an occurrence ends."""

    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""


@dataclass(slots=True)
class Performance:
    """`begin_ns` and `offset_ms` are of the stretch that is prepared or sounds; `started` is in the journal."""

    item: Item
    planned: datetime
    programme: Programme
    begin_ns: int
    offset_ms: int
    volume: int
    stage: Stage = Stage.PREPARING
    attempt: int = 0
    started: datetime | None = None
    sounding: bool = False
    sent_end_ms: int | None = None
    ending: Ending | None = None
    stretches: list[Stretch] = field(default_factory=list)
    parts: list[wire.Ended] = field(default_factory=list)
    relay: wire.RelayChanged | None = None

    @property
    def occurrence(self) -> Occurrence:
        """What it performs."""
        return self.item.occurrence

    @property
    def cue(self) -> str:
        """Its name at the player: the occurrence, and which stretch of it."""
        name = cue_name(self.occurrence)
        return f"{name}.{self.attempt}" if self.attempt else name

    @property
    def past(self) -> Past:
        """What the timeline must know of it."""
        return Past(tuple(self.stretches), item=self.item, at=self.started)

    def begun(self, begin: datetime) -> None:
        """The player was told to start."""
        self.stage = Stage.ARMED
        self.stretches.append(Stretch(begin, None, self.offset_ms))

    def first_sample(self, at: datetime) -> None:
        """The real begin of the stretch that sounds."""
        self.sounding = True
        if self.stretches:
            self.stretches[-1] = replace(self.stretches[-1], begin=at)

    def stretch_ended(self, ended: wire.Ended, begin: datetime | None, now: datetime) -> None:
        """Close the stretch with what the player measured."""
        self.parts.append(ended)
        self.sounding = False
        self.relay = None
        self.stage = Stage.CUT
        if self.stretches:
            last = self.stretches[-1]
            since = begin or min(last.begin, now)
            self.stretches[-1] = replace(last, begin=since, end=since + ended.played_ms * _MS)

    @property
    def played_ms(self) -> int:
        """Sound that really left."""
        return sum(part.played_ms for part in self.parts)


@dataclass(frozen=True, slots=True)
class Relayed:
    """What was heard of the relays of several stretches, in ms."""

    stream_ms: int
    fallback_ms: int
    silence_ms: int
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, parts: Sequence[wire.Ended]) -> "Relayed":
        """All of them together."""
        return cls(
            sum(part.relayed_ms for part in parts),
            sum(part.fallback_ms for part in parts),
            sum(part.relay_silence_ms for part in parts),
            tuple(dict.fromkeys(reason for part in parts for reason in part.relay_reasons)),
        )

    @property
    def failed(self) -> bool:
        """Nothing was heard of the stream, or too long nothing at all instead."""
        missing = self.stream_ms == 0 and self.fallback_ms > 0
        return missing or self.silence_ms * _MS > GRACE

    @property
    def text(self) -> str:
        """As the receipt says it; "" where there was no relay."""
        spans = ((self.stream_ms, "stream"), (self.fallback_ms, "fallback"), (self.silence_ms, "silence"))
        told = ", ".join(f"{ms / 1000:.0f} s {name}" for ms, name in spans if ms >= _TOLD_MS or name == "stream")
        reasons = ", ".join(reason.removeprefix("relay_") for reason in self.reasons)
        if not any(ms for ms, _ in spans):
            return ""
        return f"relay: {told} ({reasons})" if reasons else f"relay: {told}"


def cue_name(occurrence: Occurrence) -> str:
    """An occurrence in one word."""
    if occurrence.kind == "broadcast" and not occurrence.index:
        return occurrence.id
    return f"{occurrence.kind}:{occurrence.id}:{occurrence.index}"


def ending_of(performance: Performance, ended: wire.Ended) -> Ending | None:
    """How the occurrence ends by what the player said; None where it was cut and the timeline decides."""
    if performance.ending is not None:
        return performance.ending
    match ended.outcome:
        case "played":
            return _complete(performance)
        case "failed":
            return _failed(ended)
        case "interrupted":
            return Ending(Outcome.INTERRUPTED, Reason.PLAYER_DIED, ended.reason or "")
        case _ if ended.reason == "superseded":
            return None
        case _:
            return Ending(Outcome.INTERRUPTED, Reason.PLAYER_DIED, "the player was restarted or stopped by itself")


def _complete(performance: Performance) -> Ending:
    heard = performance.played_ms * _MS
    rest = performance.item.on_late is OnLate.REST and performance.item.duration - heard > GRACE
    if rest:
        return Ending(Outcome.PARTIAL, Reason.TOO_LATE, "only the rest of it sounded")
    return Ending(Outcome.PLAYED)


def _failed(ended: wire.Ended) -> Ending:
    code = ended.reason or "unknown"
    if code == "too_late":
        return Ending(Outcome.SKIPPED, Reason.TOO_LATE, "the player got to it too late")
    reason = Reason.CONTENT_BAD if code in _CONTENT_BAD else Reason.OUTPUT_FAILED
    return Ending(Outcome.FAILED, reason, code)


def failed_to_prepare(code: str, message: str) -> Ending:
    """How an occurrence ends that the player cannot take."""
    reason = Reason.CONTENT_BAD if code in _CONTENT_BAD else Reason.OUTPUT_FAILED
    return Ending(Outcome.FAILED, reason, f"{code}: {message}"[:_DETAIL_MAX])


def receipt_of(performance: Performance, ending: Ending, *, ended: datetime, clock: ClockReport) -> Receipt:
    """The receipt of something the player was told to start."""
    begin = performance.stretches[0].begin if performance.stretches and performance.played_ms else None
    rms, peak = joined_levels(performance.parts)
    relayed = Relayed.of(performance.parts)
    if ending.outcome is Outcome.PLAYED:
        ending = _judged(ending, relayed, rms)
    item, heard = performance.item, bool(performance.played_ms)
    return Receipt(
        occurrence=item.occurrence,
        outcome=ending.outcome,
        reason=ending.reason,
        detail=_detail(ending.detail, relayed, performance.parts),
        plan_version=item.version,
        rev=item.rev,
        planned=performance.planned,
        started=begin,
        ended=(performance.stretches[-1].end or ended) if begin else ended,
        played_ms=performance.played_ms,
        relayed_ms=relayed.stream_ms,
        fallback_ms=relayed.fallback_ms,
        skew_ms=round((begin - performance.planned) / _MS, 3) if begin else None,
        volume=performance.volume,
        rms_dbfs=round(rms, 2) if heard else None,
        peak_dbfs=round(peak, 2) if heard else None,
        evidence=Evidence(performance.parts[-1].evidence) if heard else None,
        roots=_roots(performance, ending, ended, fallback=bool(relayed.fallback_ms)),
        xruns=sum(part.xruns for part in performance.parts),
        clock=clock,
    )


def _roots(performance: Performance, ending: Ending, ended: datetime, *, fallback: bool) -> tuple[str, ...]:
    """The assets that really sounded, in the order of the programme; all of one that was played whole."""
    programme, required = performance.programme, set(performance.programme.required)
    heard = frozenset(required)
    if ending.outcome is not Outcome.PLAYED:
        heard = programme.heard((one.offset_ms, one.offset_ms + one.sounded_ms(ended)) for one in performance.stretches)
    return tuple(root for root in programme.roots if root in heard or (fallback and root not in required))


def joined_levels(parts: Sequence[wire.Ended]) -> tuple[float, float]:
    """RMS (by energy) and peak in dBFS of several stretches."""
    frames = sum(part.frames for part in parts)
    energy = sum(part.frames * 10 ** (part.rms_dbfs / 10) for part in parts)
    rms = 10 * math.log10(energy / frames) if frames and energy else _FLOOR_DBFS
    return max(rms, _FLOOR_DBFS), max((part.peak_dbfs for part in parts if part.frames), default=_FLOOR_DBFS)


def _judged(ending: Ending, relayed: "Relayed", rms_dbfs: float) -> Ending:
    """What was played to its end, unless nothing audible left, or a relay was not one."""
    if rms_dbfs < SILENT_DBFS:
        if relayed.failed:
            return Ending(Outcome.FAILED, Reason.RELAY_FAILED)
        return Ending(Outcome.FAILED, Reason.SILENT, f"{rms_dbfs:.1f} dBFS left the device")
    return Ending(Outcome.PARTIAL, Reason.RELAY_FAILED) if relayed.failed else ending


def _detail(detail: str, relayed: "Relayed", parts: Sequence[wire.Ended]) -> str:
    starved_ms = sum(part.starved_ms for part in parts)
    starved = f"decoding was late by {starved_ms} ms" if starved_ms else ""
    return " ".join(filter(None, (detail, relayed.text, starved)))[:_DETAIL_MAX]
