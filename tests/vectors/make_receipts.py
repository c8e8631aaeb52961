"""Makes tests/vectors/receipts/*.json: journal entries as exact bytes, with the chain hash after each.

Run: python -m tests.vectors.make_receipts
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loa_protocol.documents.device import ClockReport, ClockState, Evidence
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import (
    GENESIS,
    BoardProof,
    Body,
    Entry,
    Note,
    Occurrence,
    Receipt,
    Refused,
    Started,
    encode_entry,
    entry_hash,
)

FOLDER = Path(__file__).with_name("receipts")
START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
CLOCK = ClockReport(state=ClockState.TRUSTED, error_ms=4, source="time-answer")
LP1, LP2, LP3 = (Occurrence(id=f"lp-{n}") for n in (1, 2, 3))

BODIES: dict[str, tuple[Body, ...]] = {
    "played": (
        Note(code="boot"),
        Started(occurrence=LP1, at=START, planned=START, plan_version=7),
        Receipt(
            occurrence=LP1,
            outcome=Outcome.PLAYED,
            plan_version=7,
            planned=START,
            started=START + timedelta(milliseconds=1),
            ended=START + timedelta(seconds=12),
            played_ms=12_000,
            skew_ms=1.25,
            volume=70,
            rms_dbfs=-21.5,
            peak_dbfs=-4.25,
            evidence=Evidence.SIGNAL,
            roots=("ab" * 32,),
            clock=CLOCK,
        ),
    ),
    "board-and-refusal": (
        Refused(topic="loa/v1/plan/u-xa-1", reason="not_signed", digest="cd" * 32, count=3),
        Receipt(
            occurrence=LP2,
            outcome=Outcome.PLAYED,
            planned=START,
            clock=CLOCK,
            board=BoardProof(window_end=START + timedelta(minutes=1), frames=12, read_back="ef" * 32),
        ),
        Receipt(
            occurrence=LP3, outcome=Outcome.SKIPPED, reason=Reason.CONFLICT, detail="lp-2", planned=START, clock=CLOCK
        ),
    ),
    "relayed": (
        Receipt(
            occurrence=LP1,
            outcome=Outcome.PLAYED,
            detail="relay: 840 s stream, 60 s fallback (stalled)",
            plan_version=8,
            planned=START,
            started=START,
            ended=START + timedelta(minutes=15),
            played_ms=900_000,
            relayed_ms=840_000,
            fallback_ms=60_000,
            skew_ms=0.5,
            volume=70,
            rms_dbfs=-19.0,
            peak_dbfs=-1.5,
            evidence=Evidence.DEVICE,
            roots=("ab" * 32,),
            clock=CLOCK,
        ),
        Note(code="relay_down", text="http://radio.example/live: nothing comes from the stream (relay_stalled)"),
        Receipt(
            occurrence=LP2,
            outcome=Outcome.FAILED,
            reason=Reason.RELAY_FAILED,
            detail="relay: 0 s stream, 900 s silence (unreachable)",
            planned=START,
            clock=CLOCK,
        ),
    ),
}


def cases() -> dict[str, list[dict[str, str]]]:
    """For each case the entries in order: exact text and the chain hash after it."""
    made: dict[str, list[dict[str, str]]] = {}
    for name, bodies in BODIES.items():
        previous = GENESIS
        made[name] = []
        for sequence, body in enumerate(bodies, 1):
            at = START + timedelta(seconds=sequence)
            raw = encode_entry(Entry(sequence=sequence, previous=previous, at=at, body=body))
            previous = entry_hash(raw)
            made[name].append({"entry": raw.decode(), "hash": previous})
    return made


if __name__ == "__main__":
    for case, entries in cases().items():
        FOLDER.joinpath(f"{case}.json").write_text(json.dumps(entries, indent=1) + "\n")
