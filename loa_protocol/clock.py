"""How far a device believes its clock. Pure: monotonic nanoseconds in, a reading out.

trusted: error ≤ 1 s and disciplined within 24 h. plausible: carried since by the running monotonic clock or an RTC,
error grows by 100 ppm of the age; schedules play in both while the error is ≤ 60 s. untrusted: otherwise.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from loa_protocol.documents.device import ClockReport, ClockState

TRUSTED_ERROR_MS = 1_000
TRUSTED_AGE_S = 24 * 3600
PLAYABLE_ERROR_MS = 60_000
DRIFT_PPM = 100
MAX_ROUND_TRIP_MS = 4_000
UNTRUSTED_RISE = timedelta(days=400)
FUTURE_TOLERANCE = timedelta(minutes=5)
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class ClockReading:
    """`now` as the device believes it; `error_ms` bounds it unless untrusted."""

    state: ClockState
    now: datetime
    error_ms: int | None
    source: str

    @property
    def schedules_play(self) -> bool:
        """Whether ordinary schedules may play by this clock."""
        return self.state is not ClockState.UNTRUSTED and (self.error_ms or 0) <= PLAYABLE_ERROR_MS

    def report(self) -> ClockReport:
        """As a receipt or a state writes it."""
        return ClockReport(state=self.state, error_ms=self.error_ms, source=self.source)


@dataclass(frozen=True, slots=True)
class Discipline:
    """At monotonic `mono_ns` it was `utc`, within `error_ms`, as `source` said."""

    mono_ns: int
    utc: datetime
    error_ms: float
    source: str

    def utc_at(self, mono_ns: int) -> datetime:
        """The instant at another monotonic reading of the same boot."""
        return self.utc + timedelta(microseconds=(mono_ns - self.mono_ns) / 1000)

    def error_ms_at(self, mono_ns: int) -> float:
        """Bound of the error there."""
        return self.error_ms + abs(mono_ns - self.mono_ns) * DRIFT_PPM / 1e6 / _NS_PER_MS


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """`floor`: it is certainly later than this (build time, last persisted, newest root-signed `issued`)."""

    floor: datetime
    discipline: Discipline | None = None

    def read(self, mono_ns: int) -> ClockReading:
        """The reading at a monotonic instant."""
        basis = self.discipline
        if basis is None:
            return ClockReading(ClockState.UNTRUSTED, self.floor, None, "floor")
        error_ms = int(basis.error_ms_at(mono_ns)) + 1
        age_s = (mono_ns - basis.mono_ns) / 1e9
        fresh = error_ms <= TRUSTED_ERROR_MS and age_s < TRUSTED_AGE_S and basis.source != "rtc"
        now = basis.utc_at(mono_ns)
        if now < self.floor - timedelta(milliseconds=error_ms):
            return ClockReading(ClockState.UNTRUSTED, self.floor, None, "floor")
        return ClockReading(ClockState.TRUSTED if fresh else ClockState.PLAUSIBLE, now, error_ms, basis.source)

    def answered(self, *, sent_ns: int, received_ns: int, now: datetime) -> "DeviceClock":
        """After a signed time answer; `now` is taken for the middle of the round trip.

        Answers slower than 4 s, or worse than what is carried and still trusted, change nothing.
        """
        round_trip_ms = (received_ns - sent_ns) / _NS_PER_MS
        if not 0 <= round_trip_ms <= MAX_ROUND_TRIP_MS:
            return self
        fresh = Discipline((sent_ns + received_ns) // 2, now, round_trip_ms / 2, "time-answer")
        held = self.discipline
        if held is not None and held.error_ms_at(received_ns) < fresh.error_ms and held.source == fresh.source:
            age_s = (received_ns - held.mono_ns) / 1e9
            if age_s < TRUSTED_AGE_S / 4:
                return self
        return replace(self, discipline=fresh)

    def raised(self, issued: datetime) -> "DeviceClock":
        """After a root-signed document issued then: an untrusted clock rises by at most 400 days at a time."""
        limit = self.floor + UNTRUSTED_RISE
        if self.discipline is None and issued > limit:
            return self
        return replace(self, floor=max(self.floor, issued))


def carried_over(
    *, saved_utc: datetime, saved_error_ms: float, wall_now: datetime, mono_ns: int, source: str
) -> Discipline | None:
    """Basis from a clock that ran on while the program did not (an RTC, or the same boot's wall clock).

    None where that clock stands before what was saved: it stopped or was reset.
    """
    age_ms = (wall_now - saved_utc) / timedelta(milliseconds=1)
    if age_ms < -saved_error_ms:
        return None
    return Discipline(mono_ns, wall_now.astimezone(UTC), saved_error_ms + max(age_ms, 0) * DRIFT_PPM / 1e6, source)
