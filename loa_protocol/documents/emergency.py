"""Alerts, drills, standing releases and stops: the emergency lane. Built later, on the wire from the start.

Alert documents have no topic version: each alert id has its own sequence, start 0, updates 1…n; a cancel is final.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from loa_protocol.documents.base import Versioned, Wire
from loa_protocol.documents.policy import Window
from loa_protocol.documents.trust import KeyId
from loa_protocol.ids import Id, Instant, Millis, Scope, Sha256Hex, Volume

Sequence = Annotated[int, Meta(ge=0, le=10_000)]
Text = Annotated[str, Meta(max_length=300)]


class AlertShape(StrEnum):
    """A single alert ends within 30 minutes, a campaign within 72 hours."""

    SINGLE = "single"
    CAMPAIGN = "campaign"


class SirenPattern(Wire, frozen=True, kw_only=True):
    """`bursts` of `on_ms` with `off_ms` between them."""

    bursts: Annotated[int, Meta(ge=1, le=20)]
    on_ms: Millis
    off_ms: Millis


class AlertStart(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Released by approvers. `template` is the SHA-256 of the sound itself, already on the device.

    `sequence` is 0; an update repeats the whole with a higher one. `start_before` is at most 15 minutes after the
    last approval: later, a device never begins.
    """

    id: Id
    sequence: Sequence = 0
    scope: Scope
    status: Annotated[str, Meta(pattern=r"^(actual|drill)(?![\s\S])")] = "actual"
    event: Id
    issued: Instant
    start_before: Instant
    ends: Instant
    shape: AlertShape = AlertShape.SINGLE
    template: Sha256Hex | None = None
    content: Sha256Hex | None = None
    board_text: Text = ""
    siren: SirenPattern | None = None
    duration_ms: Millis
    repeat_every_ms: Millis = 0
    max_repeats: Annotated[int, Meta(ge=1, le=1000)] = 1
    hours: tuple[Window, ...] = ()
    volume: Volume = 100
    live: bool = False
    references: tuple[Annotated[str, Meta(max_length=200)], ...] = ()


class AlertCancel(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Final; beats any start or update of its id, also one that arrives later."""

    id: Id
    scope: Scope
    issued: Instant
    reason: Text = ""


class AlertTrigger(Wire, frozen=True, kw_only=True):
    """A start by a machine (CAP gateway, button, SMS) that a standing release names."""

    id: Id
    scope: Scope
    release: Id
    template: Sha256Hex
    issued: Instant
    start_before: Instant
    ends: Instant


class Release(Versioned, frozen=True, kw_only=True, omit_defaults=True):
    """What `trigger` may start by itself, where, in which hours, how often a day, until `expires` (≤ 1 year)."""

    id: Id
    trigger: KeyId
    templates: tuple[Sha256Hex, ...]
    hours: tuple[Window, ...] = ()
    starts_a_day: Annotated[int, Meta(ge=1, le=100)] = 1


class Stop(Versioned, frozen=True, kw_only=True, omit_defaults=True):
    """Stops what plays and all that starts before `until` (≤ 1 h after `issued`); needs no trusted clock.

    `version` grows as in every retained document. `broadcast` narrows it to one broadcast.
    """

    until: Instant
    broadcast: Id | None = None
    reason: Text = ""
