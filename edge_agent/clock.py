"""The device's clock: how the running monotonic clock, kept on disk, and signed time answers make one reading.

Rules: everything that plays runs on CLOCK_MONOTONIC; the wall clock of the system is looked at only on a device whose
profile says it has an RTC, and only after a reboot. A restarted process of the same boot carries on where it was,
unless the machine slept in between (then the monotonic clock stood still).
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from edge_agent import durable
from loa_protocol.clock import DRIFT_PPM, ClockReading, DeviceClock, Discipline, carried_over
from loa_protocol.ids import Instant

BUILT = datetime(2026, 1, 1, tzinfo=UTC)
_SLEPT_NS = 50_000_000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemTime(Protocol):
    """The clocks of the machine."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC."""

    def boottime_ns(self) -> int:
        """CLOCK_BOOTTIME: like monotonic, but runs on while the machine sleeps."""

    def wall(self) -> datetime:
        """What the system believes the time is (UTC); may be anything."""

    def boot_id(self) -> str:
        """Names this boot of the kernel."""


class RealTime:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def boottime_ns(self) -> int:
        """CLOCK_BOOTTIME."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def wall(self) -> datetime:
        """The system's wall clock."""
        return datetime.now(UTC)  # noqa: TID251 - this is the adapter

    def boot_id(self) -> str:
        """The kernel's id of this boot."""
        return _BOOT_ID.read_text().strip()


class SavedClock(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept on disk: at `mono_ns` of `boot` it was `utc`, within `error_ms`; disciplined at `disciplined_ns`."""

    boot: str
    mono_ns: int
    slept_ns: int
    utc: Instant
    error_ms: float | None
    disciplined_ns: int | None = None
    floor: Instant


class ClockKeeper:
    """Holds the device's clock, and puts it on disk."""

    def __init__(self, path: Path, system: SystemTime, *, has_rtc: bool = False) -> None:
        self._path, self._system, self._has_rtc = path, system, has_rtc
        self._clock = DeviceClock(floor=BUILT)
        self._born_ns = system.monotonic_ns()
        self._usable_from_ns: int | None = None
        self._carries = False

    def load(self, issued: datetime) -> None:
        """Carry on from the disk; `issued` is that of the newest root-signed list. Blocks on the disk."""
        self._clock = self._clock.raised(issued)
        saved = self._saved()
        if saved is not None:
            floor = max(self._clock.floor, saved.floor)
            self._clock = DeviceClock(floor, self._carried(saved))
        self._note_usable()
        self._carries = self._usable_from_ns is not None

    @property
    def monotonic_ns(self) -> int:
        """Now, on the clock that never steps."""
        return self._system.monotonic_ns()

    def read(self) -> ClockReading:
        """Now, as the device believes it."""
        return self._clock.read(self._system.monotonic_ns())

    def now(self) -> datetime:
        """The instant of `read`."""
        return self.read().now

    def mono_of(self, instant: datetime) -> int:
        """The monotonic nanoseconds at which that instant comes; only while `read().schedules_play`."""
        basis = self._clock.discipline
        if basis is None:
            raise ValueError("an undisciplined clock has no instants")
        return basis.mono_ns + round((instant - basis.utc).total_seconds() * 1e9)

    def utc_of(self, mono_ns: int) -> datetime:
        """The instant at a monotonic reading, as the clock stands now."""
        basis = self._clock.discipline
        return self._clock.floor if basis is None else basis.utc_at(mono_ns)

    def clockless(self) -> tuple[datetime, datetime] | None:
        """(from, until) in which this process ran without a usable clock, once it has one."""
        if self._usable_from_ns is None or self._carries or self._clock.discipline is None:
            return None
        return self.utc_of(self._born_ns), self.utc_of(self._usable_from_ns)

    def answered(self, *, sent_ns: int, received_ns: int, now: datetime) -> bool:
        """Take a time answer; whether it changed anything."""
        before = self._clock
        self._clock = before.answered(sent_ns=sent_ns, received_ns=received_ns, now=now)
        self._note_usable()
        return self._clock is not before and self._clock != before

    def raised(self, issued: datetime) -> None:
        """A root-signed document was issued then."""
        self._clock = self._clock.raised(issued)

    def save(self) -> None:
        """Put the clock on disk, durably; blocks."""
        durable.write(self._path, self.snapshot())

    def snapshot(self) -> bytes:
        """What `save` writes."""
        mono_ns = self._system.monotonic_ns()
        reading, basis = self._clock.read(mono_ns), self._clock.discipline
        return msgspec.json.encode(
            SavedClock(
                boot=self._system.boot_id(),
                mono_ns=mono_ns,
                slept_ns=self._system.boottime_ns() - mono_ns,
                utc=basis.utc_at(mono_ns) if basis else reading.now,
                error_ms=basis.error_ms_at(mono_ns) if basis else None,
                disciplined_ns=basis.mono_ns if basis else None,
                floor=max(self._clock.floor, reading.now),
            )
        )

    def _saved(self) -> SavedClock | None:
        raw = durable.read(self._path)
        if raw is None:
            return None
        try:
            return msgspec.json.decode(raw, type=SavedClock)
        except msgspec.MsgspecError:
            durable.set_aside(self._path)
            return None

    def _carried(self, saved: SavedClock) -> Discipline | None:
        """The basis that survives from before this process."""
        if saved.error_ms is None:
            return None
        mono_ns = self._system.monotonic_ns()
        if saved.boot == self._system.boot_id():
            slept_ns = self._system.boottime_ns() - mono_ns
            if saved.mono_ns > mono_ns or abs(slept_ns - saved.slept_ns) > _SLEPT_NS or saved.disciplined_ns is None:
                return None
            # Back to the instant of the discipline, so that its age goes on counting.
            at = Discipline(saved.mono_ns, saved.utc, 0, "carried")
            aged_ms = (saved.mono_ns - saved.disciplined_ns) * DRIFT_PPM * 1e-12
            error_ms = max(0.0, saved.error_ms - aged_ms)
            return Discipline(saved.disciplined_ns, at.utc_at(saved.disciplined_ns), error_ms, "carried")
        if not self._has_rtc:
            return None
        return carried_over(
            saved_utc=saved.utc,
            saved_error_ms=saved.error_ms,
            wall_now=self._system.wall(),
            mono_ns=mono_ns,
            source="rtc",
        )

    def _note_usable(self) -> None:
        mono_ns = self._system.monotonic_ns()
        if self._usable_from_ns is None and self._clock.read(mono_ns).schedules_play:
            self._usable_from_ns = mono_ns
