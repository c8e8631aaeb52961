"""A device's figures on the wire: old and new programs understand each other, and what comes is bounded."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from loa_protocol.documents.device import LOG_LINES, Health, LogLine, Signal
from loa_protocol.errors import DocumentInvalid
from loa_protocol.strict_json import decode

OLD = b'{"device":"loa-1","uptime_s":42,"cpu_percent":1.5,"faults":{"disk_low":"64 MB"}}'
LINE: dict[str, Any] = {"number": 7, "at": "2026-11-20T05:00:00Z", "level": "warning", "text": "chú ý"}


class OldHealth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As controllers knew it before signals and logs."""

    device: str
    uptime_s: int
    faults: dict[str, str] = {}


def document(**more: Any) -> bytes:
    return msgspec.json.encode({"device": "loa-1", "uptime_s": 42, "boot": "b-1", **more})


def test_figures_of_an_old_agent_are_read() -> None:
    found = decode(OLD, Health)

    assert (found.signal, found.log, found.boot) == (None, (), None)
    assert msgspec.json.encode(found).count(b"signal") == 0


def test_an_old_controller_reads_what_a_new_agent_says() -> None:
    line = LogLine(number=1, at=datetime(2026, 11, 20, 5, tzinfo=UTC), level="info", text="x")
    said = Health(device="loa-1", uptime_s=42, boot="b-1", signal=Signal(percent=0), log=(line,))

    assert decode(msgspec.json.encode(said), OldHealth) == OldHealth(device="loa-1", uptime_s=42)
    assert decode(msgspec.json.encode(said), Health) == said


def test_a_signal_may_say_no_more_than_how_strong_it_is() -> None:
    assert decode(document(signal={"percent": 67, "bars": 4}), Health).signal == Signal(percent=67)


@pytest.mark.parametrize(
    "wrong",
    [
        {"signal": {"percent": 101}},
        {"signal": {"percent": -1}},
        {"signal": {}},
        {"signal": {"percent": 5, "technology": "x" * 21}},
        {"signal": {"percent": 5, "operator": "x" * 41}},
        {"log": [LINE] * (LOG_LINES + 1)},
        {"log": [LINE | {"number": 0}]},
        {"log": [LINE | {"number": 2**53}]},
        {"log": [LINE | {"level": "debug"}]},
        {"log": [LINE | {"text": "x" * 301}]},
        {"log": [LINE | {"at": "2026-11-20T05:00:00"}]},
        {"log": [{"number": 1}]},
        {"boot": "<script>"},
    ],
)
def test_what_is_out_of_bounds_is_refused_whole(wrong: dict[str, Any]) -> None:
    with pytest.raises(DocumentInvalid):
        decode(document(**wrong), Health)


def test_forty_lines_are_taken() -> None:
    assert len(decode(document(log=[LINE] * LOG_LINES), Health).log) == LOG_LINES
