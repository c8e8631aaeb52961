"""What a receipt says of relays, and what monitors see while one is down."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent import checks
from edge_agent.performance import Performance, ending_of, receipt_of
from edge_agent.player import wire
from edge_agent.programmes import Programme
from loa_protocol.documents.device import ClockReport, ClockState
from loa_protocol.documents.plan import Content, RelaySegment
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence, Receipt
from loa_protocol.timeline import Class, Item

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
CLOCK = ClockReport(state=ClockState.TRUSTED)
FALLBACK = Content(root="ab" * 32, bytes=10, chunk_bytes=16_384, media_type="audio/ogg")
LOUD, MUTE = -20.0, -120.0


def ended(stream_ms=0, fallback_ms=0, silence_ms=0, reasons=(), *, rms_dbfs=LOUD, outcome="played", reason=None):
    played_ms = stream_ms + fallback_ms + silence_ms
    return wire.Ended(
        occurrence="a",
        outcome=outcome,
        reason=reason,
        evidence="signal",
        played_ms=played_ms,
        frames=played_ms * 48,
        rms_dbfs=rms_dbfs,
        relayed_ms=stream_ms,
        fallback_ms=fallback_ms,
        relay_silence_ms=silence_ms,
        relay_reasons=reasons,
    )


def receipt(*parts: wire.Ended) -> Receipt:
    item = Item(
        occurrence=Occurrence(id="a"),
        cls=Class.NORMAL,
        start=NOW,
        latest_start=NOW,
        issued=NOW,
        duration_ms=sum(part.played_ms for part in parts),
        expires=NOW + timedelta(days=1),
    )
    relay = RelaySegment(url="http://radio.example/live", duration_ms=900_000, fallback="f")
    performance = Performance(item, NOW, Programme((relay,), 1, {"f": FALLBACK}), 0, 0, 70)
    for part in parts:
        performance.begun(NOW)
        performance.stretch_ended(part, NOW, NOW)
    ending = ending_of(performance, parts[-1])
    assert ending is not None
    return receipt_of(performance, ending, ended=NOW, clock=CLOCK)


CASES = {
    "all of it": ((ended(900_000),), Outcome.PLAYED, None, "relay: 900 s stream"),
    "a minute of fallback": (
        (ended(840_000, 60_000, 0, ("relay_stalled",)),),
        Outcome.PLAYED,
        None,
        "relay: 840 s stream, 60 s fallback (stalled)",
    ),
    "in two stretches": (
        (
            ended(100_000, 0, 0, outcome="stopped", reason="superseded"),
            ended(200_000, 50_000, 700, ("relay_silent", "relay_ended")),
        ),
        Outcome.PLAYED,
        None,
        "relay: 300 s stream, 50 s fallback, 1 s silence (silent, ended)",
    ),
    "never the station": (
        (ended(0, 900_000, 0, ("relay_unreachable",)),),
        Outcome.PARTIAL,
        Reason.RELAY_FAILED,
        "relay: 0 s stream, 900 s fallback (unreachable)",
    ),
    "a gap": (
        (ended(800_000, 0, 100_000, ("relay_stalled",)),),
        Outcome.PARTIAL,
        Reason.RELAY_FAILED,
        "relay: 800 s stream, 100 s silence (stalled)",
    ),
    "nothing": (
        (ended(0, 0, 900_000, ("relay_unreachable",), rms_dbfs=MUTE),),
        Outcome.FAILED,
        Reason.RELAY_FAILED,
        "relay: 0 s stream, 900 s silence (unreachable)",
    ),
    "a station too faint to hear": ((ended(900_000, rms_dbfs=MUTE),), Outcome.FAILED, Reason.SILENT, None),
}


@pytest.mark.parametrize("what", CASES)
def test_the_receipt_says_what_was_heard_of_a_relay(what: str) -> None:
    parts, outcome, reason, detail = CASES[what]

    told = receipt(*parts)

    assert (told.outcome, told.reason) == (outcome, reason)
    assert told.relayed_ms == sum(part.relayed_ms for part in parts)
    assert told.fallback_ms == sum(part.fallback_ms for part in parts)
    assert detail is None or told.detail == detail
    assert told.roots == ((FALLBACK.root,) if told.fallback_ms else ())


def test_a_relay_that_is_down_is_a_fault_until_it_is_not() -> None:
    condition = checks.Condition(
        clock=ClockState.TRUSTED,
        connected=True,
        free_bytes=10,
        min_free_bytes=1,
        output_open=True,
        output_down_s=0,
        unacknowledged=0,
        unacknowledged_s=0,
        relay_down="http://radio.example/live: it has stalled",
    )

    assert checks.faults(condition) == {"relay_down": "http://radio.example/live: it has stalled"}
    assert checks.faults(replace(condition, relay_down="")) == {}
