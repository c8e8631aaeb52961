"""How a device is by its newest report, and how it was by the quarter of an hour: bits, and strips made of them. Pure.

A day has 96 slots of a byte each: 0, nothing was heard of the device; `HEARD`, and the alarms that were up in it. So a
device costs 96 bytes a day, and a row is written only where a slot begins or something new is found in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntFlag
from typing import Any

SLOT = timedelta(minutes=15)
SLOTS = 96
DAYS = 8
"""How many days are kept: a week and what is begun of today."""
HEARD = 128
HOT_C = 80.0
_EPOCH = date(1970, 1, 1)
_SLOT_S = 900


class Alarm(IntFlag):
    """What is wrong with a device that is there."""

    CLOCK = 1
    CONTENT = 2
    DISK = 4
    HOT = 8
    OUTPUT = 16
    RELAY = 32
    JOURNAL = 64


NAMES: Mapping[Alarm, str] = {
    Alarm.CLOCK: "clock_untrusted",
    Alarm.CONTENT: "not_ready",
    Alarm.DISK: "disk_low",
    Alarm.HOT: "hot",
    Alarm.OUTPUT: "output_failing",
    Alarm.RELAY: "relay_down",
    Alarm.JOURNAL: "journal_unacknowledged",
}
"""As devices themselves call what they find, where they do."""
_OF_FAULTS = {name: alarm for alarm, name in NAMES.items()}


def alarms(state: Mapping[str, Any], health: Mapping[str, Any]) -> Alarm:
    """What is wrong by the newest state and the newest figures, as they are stored; nothing is where nothing is known.

    “Not ready” is an alarm of its own only where nothing else explains it.
    """
    found = Alarm(0)
    for fault in health.get("faults") or ():
        found |= _OF_FAULTS.get(fault, Alarm(0))
    if state and (state.get("clock") or {}).get("state") == "untrusted":
        found |= Alarm.CLOCK
    if state.get("relay_down"):
        found |= Alarm.RELAY
    if (health.get("temperature_c") or 0.0) >= HOT_C:
        found |= Alarm.HOT
    if state and not state.get("ready") and not found & (Alarm.CLOCK | Alarm.OUTPUT):
        found |= Alarm.CONTENT
    return found


def names(found: int) -> list[str]:
    """Alarms by name."""
    return [name for alarm, name in NAMES.items() if found & alarm]


def slot_of(at: datetime) -> int:
    """Quarters of an hour since 1970."""
    return int(at.timestamp()) // _SLOT_S


def day_of(slot: int) -> date:
    """Whose day (UTC) a slot is."""
    return _EPOCH + timedelta(days=slot // SLOTS)


def begin_of(slot: int) -> datetime:
    """When it begins."""
    return datetime.fromtimestamp(slot * _SLOT_S, UTC)


def noted(slots: bytes, slot: int, beat: int) -> bytes:
    """A day's slots with what was found in one of them besides."""
    known = bytearray(slots.ljust(SLOTS, b"\0"))
    known[slot % SLOTS] |= beat
    return bytes(known)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring slots that were alike. `state`: heard, faulty, silent; `alarms` by name."""

    begin: datetime
    end: datetime
    state: str
    alarms: tuple[str, ...]


def stretches(days: Mapping[date, bytes], first: int, last: int, known_from: int) -> list[Stretch]:
    """Slots `first`…`last` as stretches; before `known_from` the device was not there to be heard."""
    found: list[Stretch] = []
    for slot in range(max(first, known_from), last + 1):
        day = days.get(day_of(slot), b"")
        beat = day[slot % SLOTS] if slot % SLOTS < len(day) else 0
        one = Stretch(begin_of(slot), begin_of(slot) + SLOT, _state(beat), tuple(names(beat)))
        before = found[-1] if found else None
        if before is not None and (before.state, before.alarms) == (one.state, one.alarms):
            found[-1] = Stretch(before.begin, one.end, one.state, one.alarms)
        else:
            found.append(one)
    return found


def share(found: Iterable[Stretch]) -> float | None:
    """Which part of the time it was heard, 0…1; None where there was no time."""
    lengths = [(one.state != "silent", (one.end - one.begin).total_seconds()) for one in found]
    total = sum(length for _, length in lengths)
    return sum(length for heard, length in lengths if heard) / total if total else None


def _state(beat: int) -> str:
    if not beat & HEARD:
        return "silent"
    return "faulty" if beat & ~HEARD else "heard"
