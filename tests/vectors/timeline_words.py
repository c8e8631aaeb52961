"""Small words in which the timeline's vectors are written; all times are local, of one day."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.emergency import AlertCancel, AlertStart, Stop
from loa_protocol.documents.plan import BoardItem, Broadcast, ChimeSegment, Content, ContentSegment, Plan
from loa_protocol.documents.policy import Policy, Window
from loa_protocol.documents.trust import Ceilings
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import Body, Occurrence, Receipt

DAY = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)  # 00:00 of Tuesday 3 November 2026 in Vietnam
CLOCK = ClockReport(state=ClockState.TRUSTED, error_ms=4, source="time-answer")


def at(text: str) -> datetime:
    """HH:MM[:SS] of the day of the vectors, local time."""
    hours, minutes, seconds = (*map(float, text.split(":")), 0.0)[:3]
    return DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def cast(key: str, start: str, minutes: float, *, latest: str | None = None, **more: object) -> Broadcast:
    """A broadcast, by default without any leeway."""
    fields = {"segments": (ChimeSegment(name="ding", duration_ms=int(minutes * 60_000)),) if minutes else ()} | more
    return Broadcast(
        id=key, start=at(start), latest_start=at(latest or start), duration_ms=int(minutes * 60_000), **fields
    )


def plan(*broadcasts: Broadcast, scope: str = "u-xa", version: int = 1, **more: object) -> Plan:
    """A plan of the commune."""
    fields = {"expires": at("00:00") + timedelta(days=14)} | more
    return Plan(scope=scope, version=version, issued=at("00:00"), horizon=at("24:00"), broadcasts=broadcasts, **fields)


def alert(key: str, issued: str, minutes: float, *, before: str, ends: str, **more: object) -> AlertStart:
    """An alert for the commune."""
    return AlertStart(
        id=key,
        scope="u-xa",
        event="flood",
        issued=at(issued),
        start_before=at(before),
        ends=at(ends),
        duration_ms=int(minutes * 60_000),
        **more,
    )


def rules(scope: str = "u-xa", **more: object) -> Policy:
    """A policy of the commune."""
    return Policy(scope=scope, version=1, issued=at("00:00"), expires=at("24:00"), **more)


def window(start: str, end: str) -> Window:
    """That part of every day."""
    return Window(from_minute=minute(start), to_minute=minute(end))


def minute(text: str) -> int:
    """Minute of the day."""
    return (at(text) - DAY) // timedelta(minutes=1)


def halt(issued: str, until: str | None = None, *, plan_key: bool = True, **more: object) -> dict[str, object]:
    """A stop as a device keeps it."""
    stop = Stop(scope="u-xa", version=1, issued=at(issued), expires=at("24:00"), until=at(until or issued), **more)
    return {"document": msgspec.to_builtins(stop), "received": at(issued).isoformat(), "by_plan_key": plan_key}


def heard(key: str, *stretches: tuple[str, str | None, int], kind: str = "broadcast") -> dict[str, object]:
    """What the player of this boot knows of one occurrence."""
    return {
        "occurrence": msgspec.to_builtins(Occurrence(kind=kind, id=key)),
        "stretches": [
            {"begin": at(a).isoformat(), "end": at(b).isoformat() if b else None, "offset_ms": offset}
            for a, b, offset in stretches
        ],
    }


def played(key: str, start: str, end: str) -> Receipt:
    """The receipt of something that sounded whole."""
    return Receipt(
        occurrence=Occurrence(id=key),
        outcome=Outcome.PLAYED,
        planned=at(start),
        started=at(start),
        ended=at(end),
        played_ms=(at(end) - at(start)) // timedelta(milliseconds=1),
        clock=CLOCK,
    )


def spoken(key: str, start: str, minutes: float, **more: object) -> Broadcast:
    """Three minutes of Vietnamese, four of Mông, two for everybody else; as long as the longest of `minutes`."""
    said = ContentSegment(ref="chung", variants={"vi": "tieng-viet", "hmn": "tieng-mong"})
    return cast(key, start, minutes, **{"segments": (said,), **more})


def sounds(*, without: str = "") -> dict[str, Content]:
    """What a manifest says of them."""
    lengths = {"chung": 2, "tieng-viet": 3, "tieng-mong": 4}
    return {
        name: Content(
            root=f"{minutes}" * 64, bytes=1, chunk_bytes=16_384, media_type="audio/ogg", duration_ms=minutes * 60_000
        )
        for name, minutes in lengths.items()
        if name != without
    }


def shown(key: str, start: str, until: str, **more: object) -> Broadcast:
    """A text for a board."""
    return cast(key, start, 0, board=BoardItem(until=at(until), text="Thông báo"), **more)


@dataclass(frozen=True)
class Case:
    """One situation; `sound`, `shows` and `fate` are what must come of it, written by hand."""

    promise: str
    now: str
    plans: tuple[Plan, ...] = ()
    alerts: tuple[AlertStart, ...] = ()
    cancels: tuple[AlertCancel, ...] = ()
    stops: tuple[dict[str, object], ...] = ()
    policies: tuple[Policy, ...] = ()
    ceilings: Ceilings = field(default_factory=Ceilings)
    max_volume: int = 100
    journal: tuple[Body, ...] = ()
    memory: tuple[dict[str, object], ...] = ()
    clock: ClockReport = CLOCK
    kind: DeviceKind = DeviceKind.SPEAKER
    stagger_ms: int = 0
    turn: int = 0
    languages: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    fate: dict[str, str] = field(default_factory=dict)

    def given(self) -> dict[str, object]:
        """The part of the vector that a receiver reads."""
        return {
            "promise": self.promise,
            "now": at(self.now).isoformat(),
            "device_kind": str(self.kind),
            "stagger_ms": self.stagger_ms,
            **({"turn": self.turn} if self.turn else {}),
            **({"languages": list(self.languages)} if self.languages else {}),
            "clock": msgspec.to_builtins(self.clock),
            "documents": {
                "plans": msgspec.to_builtins(self.plans),
                "alerts": msgspec.to_builtins(self.alerts),
                "alert_cancels": msgspec.to_builtins(self.cancels),
                "stops": list(self.stops),
                "policies": msgspec.to_builtins(self.policies),
                "ceilings": msgspec.to_builtins(self.ceilings),
            },
            "hard_limits": {"max_volume": self.max_volume},
            "journal": msgspec.to_builtins(self.journal),
            "memory": list(self.memory),
        }
