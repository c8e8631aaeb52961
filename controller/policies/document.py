"""The rules of the air of one scope as people write them: the file, the API's body and the stored revision alike.

Rules: strict, an unknown field is refused; times of day are text (`05:00`, `24:00` ends a day, a span may run over
midnight); what is not said is not restricted. `faults` tells everything that is wrong, in Vietnamese and English.
"""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from controller.handwritten import structure
from controller.handwritten.days import EVERY_DAY, Weekday
from controller.handwritten.faults import Fault
from controller.handwritten.forms import form
from loa_protocol.documents import policy as wire
from loa_protocol.documents.policy import Policy
from loa_protocol.errors import LoaError
from loa_protocol.ids import Scope, Volume
from loa_protocol.policy import PolicyInvalid, zone

FORMAT = "loa.policy.v1"
_ALWAYS = datetime(2020, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

Minute = Annotated[
    str,
    form(
        r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)",
        "viết giờ từ 00:00 đến 24:00, ví dụ 05:00",
        "write a time from 00:00 to 24:00, such as 05:00",
    ),
]


class PolicyUnsound(LoaError):
    """A policy cannot be used as it is written; `details` has every fault with its field."""

    code = "policy_unsound"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything in a policy."""


class Window(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Sound is allowed from one time of day until another, on these weekdays."""

    from_: Minute = msgspec.field(name="from")
    to: Minute
    weekdays: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)] = EVERY_DAY


class VolumeCap(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The loudest volume between two times of day."""

    from_: Minute = msgspec.field(name="from")
    to: Minute
    volume: Volume


class Blackout(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Local dates, both inclusive, on which nothing ordinary sounds."""

    from_: date = msgspec.field(name="from")
    to: date
    title: Annotated[str, Meta(max_length=200)] = ""


class Rules(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may sound when. No `windows`: at any hour. A slot is parted from the next by `slot_gap_min` of silence."""

    zone: Annotated[str, Meta(min_length=1, max_length=60)] = "Asia/Ho_Chi_Minh"
    windows: Annotated[tuple[Window, ...], Meta(max_length=50)] = ()
    slots_a_day: Annotated[int, Meta(ge=0, le=1000)] | None = None
    minutes_a_day: Annotated[int, Meta(ge=0, le=1440)] | None = None
    slot_gap_min: Annotated[int, Meta(ge=0, le=1440)] = 10
    volume_caps: Annotated[tuple[VolumeCap, ...], Meta(max_length=50)] = ()
    blackouts: Annotated[tuple[Blackout, ...], Meta(max_length=200)] = ()
    note: Annotated[str, Meta(max_length=500)] = ""


class PolicyFile(Rules, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """As a file: which scope it is for, too."""

    format: Annotated[str, form(r"^loa\.policy\.v1", f"viết {FORMAT}", f"write {FORMAT}")]
    scope: Scope


def read(data: Any) -> Rules:
    """Rules from plain JSON.

    Raises:
        PolicyUnsound: with every fault.
    """
    found = structure.faults(data, Rules)
    if found:
        raise _unsound(found)
    return sound(msgspec.convert(data, Rules))


def sound(rules: Rules) -> Rules:
    """The same rules, if nothing is wrong with them.

    Raises:
        PolicyUnsound: with every fault.
    """
    found = faults(rules)
    if found:
        raise _unsound(found)
    return rules


def plain(rules: Rules) -> dict[str, Any]:
    """As JSON, without what a file says besides."""
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rules))
    return {name: value for name, value in data.items() if name not in {"format", "scope"}}


def faults(rules: Rules) -> list[Fault]:
    """Everything that is wrong and that the form does not tell."""
    found = []
    try:
        zone(rules.zone)
    except PolicyInvalid:
        found.append(
            Fault("zone", "zone_unknown", f"không có múi giờ “{rules.zone}”", f"there is no time zone {rules.zone!r}")
        )
    named: tuple[tuple[str, tuple[Window | VolumeCap, ...]], ...] = (
        ("windows", rules.windows),
        ("volume_caps", rules.volume_caps),
    )
    for name, spans in named:
        found += [
            Fault(
                f"{name}[{at}].to",
                "span_empty",
                "giờ kết thúc trùng giờ bắt đầu",
                "it ends when it begins; nothing is in it",
            )
            for at, span in enumerate(spans)
            if _minute(span.from_) % _DAY == _minute(span.to) % _DAY and (span.from_, span.to) != ("00:00", "24:00")
        ]
    found += [
        Fault(f"blackouts[{at}].to", "days_reversed", "ngày cuối trước ngày đầu", "its last day is before its first")
        for at, black in enumerate(rules.blackouts)
        if black.to < black.from_
    ]
    return found


def as_policy(
    scope: str,
    rules: Rules | None,
    *,
    version: int = 1,
    issued: datetime = _ALWAYS[0],
    expires: datetime = _ALWAYS[1],
) -> Policy:
    """As devices get it; None is the empty policy, which allows everything and so lets go of the one before it."""
    rules = rules or Rules()
    return Policy(
        scope=scope,
        version=version,
        issued=issued,
        expires=expires,
        timezone=rules.zone,
        windows=tuple(
            wire.Window(
                from_minute=_minute(one.from_) % _DAY,
                to_minute=_minute(one.to),
                weekdays=tuple(sorted({EVERY_DAY.index(day) + 1 for day in one.weekdays})),
            )
            for one in rules.windows
        ),
        max_slots_a_day=rules.slots_a_day,
        max_minutes_a_day=rules.minutes_a_day,
        slot_gap_ms=rules.slot_gap_min * 60_000,
        volume_caps=tuple(
            wire.VolumeCap(from_minute=_minute(one.from_) % _DAY, to_minute=_minute(one.to), max_volume=one.volume)
            for one in rules.volume_caps
        ),
        blackouts=tuple(wire.Blackout(first=one.from_, last=one.to, title=one.title) for one in rules.blackouts),
    )


_DAY = 24 * 60


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _unsound(found: list[Fault]) -> PolicyUnsound:
    told = "; ".join(f"{one.field}: {one.en}" for one in found)
    return PolicyUnsound(
        f"the policy cannot be used: {told}; correct it",
        faults=[asdict(one) for one in found],
    )
