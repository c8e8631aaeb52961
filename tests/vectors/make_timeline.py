"""Makes tests/vectors/timeline/*.json: documents, journal, policy, clock and now → segments, windows and verdicts.

Every case states by hand what must sound and how everything ends; making it fails if the code says otherwise.
`journal` holds the bodies of journal entries; `memory` what the player of this boot knows: stretches of sound, the last
one without end if it sounds now. Of a verdict, `because` and `by` explain and need not be the same on other receivers.

Run: python -m tests.vectors.make_timeline
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from loa_protocol.documents.device import ClockReport, DeviceKind
from loa_protocol.documents.emergency import AlertCancel, AlertStart, Stop
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Ceilings
from loa_protocol.policy import HardLimits, merge
from loa_protocol.receipts import Body, Occurrence
from loa_protocol.timeline import Past, Stretch, Timeline, agenda_of, compute, history_of, stop_order
from tests.vectors.timeline_cases import CASES
from tests.vectors.timeline_words import DAY, Case

FOLDER = Path(__file__).with_name("timeline")


def solve(case: Mapping[str, object]) -> Timeline:
    """Compute what a vector asks, from its JSON alone."""
    given = msgspec.convert(case, _Given)
    documents = given.documents
    history = history_of(given.journal)
    for known in given.memory:
        stretches = tuple(Stretch(s.begin, s.end, s.offset_ms) for s in known.stretches)
        history[known.occurrence] = Past(stretches, at=stretches[0].begin)
    return compute(
        agenda_of(documents.plans, documents.alerts, documents.alert_cancels, languages=given.languages),
        merge(documents.policies, documents.ceilings, HardLimits(given.hard_limits["max_volume"])),
        history,
        clock=given.clock,
        now=given.now,
        kind=given.device_kind,
        stops=[stop_order(s.document, received=s.received, by_plan_key=s.by_plan_key) for s in documents.stops],
        stagger_ms=given.stagger_ms,
        turn=given.turn,
    )


class _Heard(msgspec.Struct):
    begin: datetime
    end: datetime | None
    offset_ms: int


class _Memory(msgspec.Struct):
    occurrence: Occurrence
    stretches: list[_Heard]


class _Halt(msgspec.Struct):
    document: Stop
    received: datetime
    by_plan_key: bool


class _Documents(msgspec.Struct):
    plans: list[Plan]
    alerts: list[AlertStart]
    alert_cancels: list[AlertCancel]
    stops: list[_Halt]
    policies: list[Policy]
    ceilings: Ceilings


class _Given(msgspec.Struct):
    now: datetime
    device_kind: DeviceKind
    stagger_ms: int
    clock: ClockReport
    documents: _Documents
    hard_limits: dict[str, int]
    journal: list[Body]
    memory: list[_Memory]
    turn: int = 0
    languages: list[str] = []


def answer(timeline: Timeline) -> dict[str, object]:
    """The part of the vector that a receiver must give."""
    return {
        "segments": [
            {
                "occurrence": msgspec.to_builtins(s.occurrence),
                "begin": s.begin.isoformat(),
                "end": s.end.isoformat(),
                "offset_ms": s.offset_ms,
                "volume": s.volume,
                "class": s.cls.name.lower(),
            }
            for s in timeline.segments
        ],
        "windows": [
            {
                "occurrence": msgspec.to_builtins(w.occurrence),
                "begin": w.begin.isoformat(),
                "end": w.end.isoformat(),
                "class": w.cls.name.lower(),
            }
            for w in timeline.windows
        ],
        "verdicts": [
            {
                "occurrence": msgspec.to_builtins(v.occurrence),
                "phase": str(v.phase),
                "outcome": str(v.outcome),
                "reason": str(v.reason) if v.reason else None,
                "at": v.at.isoformat(),
                "because": v.because,
                "by": name(v.by) if v.by else None,
            }
            for v in sorted(timeline.verdicts.values(), key=lambda v: (v.planned, name(v.occurrence)))
        ],
        "wake": timeline.wake.isoformat() if timeline.wake else None,
    }


def name(occurrence: Occurrence) -> str:
    """`id`, with the repeat of an alert behind a slash."""
    return f"{occurrence.id}/{occurrence.index}" if occurrence.kind == "alert" else occurrence.id


def in_words(timeline: Timeline) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]:
    """Sound, windows and fates as the cases write them."""
    sound = tuple(
        f"{name(s.occurrence)} {local(s.begin)}-{local(s.end)} at {s.volume}"
        + (f" from {s.offset_ms / 60_000:g} min" if s.offset_ms else "")
        for s in timeline.segments
    )
    shows = tuple(f"{name(w.occurrence)} {local(w.begin)}-{local(w.end)}" for w in timeline.windows)
    fate = {
        name(v.occurrence): " ".join(
            str(word) for word in (v.phase, v.outcome, v.reason, v.because, v.by and f"by {name(v.by)}") if word
        )
        for v in timeline.verdicts.values()
    }
    return sound, shows, fate


def local(instant: datetime) -> str:
    """Inverse of `at`."""
    passed = (instant - DAY).total_seconds()
    text = f"{int(passed // 3600):02d}:{int(passed % 3600 // 60):02d}"
    return text + (f":{passed % 60:04.1f}" if passed % 60 else "")


def vectors(cases: Mapping[str, Case]) -> dict[str, dict[str, object]]:
    """Every case with its answers.

    Raises:
        AssertionError: the code says something else than the case.
    """
    made = {}
    for key, case in cases.items():
        given = json.loads(json.dumps(case.given()))
        timeline = solve(given)
        for said, wanted in zip(in_words(timeline), (case.sound, case.shows, case.fate), strict=True):
            assert said == wanted, f"{key}: {said} instead of {wanted}"
        made[key] = given | answer(timeline)
    return made


def write(cases: Mapping[str, Case]) -> Iterable[Path]:
    """Replace the files."""
    made = vectors(cases)
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.json"):
        stale.unlink()
    for key, vector in made.items():
        path = FOLDER / f"{key}.json"
        path.write_text(json.dumps(vector, indent=1, ensure_ascii=False) + "\n")
        yield path


if __name__ == "__main__":
    for written in write(CASES):
        print(written.name)
