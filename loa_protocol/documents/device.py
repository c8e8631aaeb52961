"""What concerns one device: its assignment, commands, answers, state, wants and the clock."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from loa_protocol.content import MAX_CHUNKS
from loa_protocol.documents.base import Versioned, Wire
from loa_protocol.ids import Id, Instant, Language, Millis, Scope, Sha256Hex

Topic = Annotated[str, Meta(max_length=200)]
Nonce = Annotated[str, Meta(min_length=16, max_length=64)]
Fault = Annotated[str, Meta(max_length=60)]
FaultText = Annotated[str, Meta(max_length=300)]
AuditHead = Annotated[str, Meta(max_length=90)]
Turn = Annotated[int, Meta(ge=0, le=15)]
Figure = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Whatever a device counts or measures: never less than nothing, never more than every reader of JSON holds."""
ChunkNumber = Annotated[int, Meta(ge=0, lt=MAX_CHUNKS)]
LinkClass = Literal["fibre", "mobile", "narrow"]
"""What carries a device's data: a line, 4G, or less than 64 kbit/s."""
LogLevel = Literal["info", "warning", "error"]
LogText = Annotated[str, Meta(max_length=300)]
LOG_LINES = 40
"""The most lines of its log that a device tells at a time."""


class DeviceKind(StrEnum):
    """A speaker cluster sounds, a board shows."""

    SPEAKER = "speaker"
    BOARD = "board"


class ClockState(StrEnum):
    """How far a device believes its clock; see docs/protocol.md, Clock."""

    TRUSTED = "trusted"
    PLAUSIBLE = "plausible"
    UNTRUSTED = "untrusted"


class Evidence(StrEnum):
    """How far up the chain a receipt was measured, weakest first. A simulated device measured nothing: no sound was."""

    SIMULATED = "simulated"
    SIGNAL = "signal"
    DEVICE = "device"
    LOOPBACK = "loopback"


class Membership(Wire, frozen=True, kw_only=True):
    """A group the device belongs to and the unit that owns the group."""

    group: Scope
    owner: Scope


class Assignment(Versioned, frozen=True, kw_only=True, omit_defaults=True):
    """Which scopes a device listens to. `scope` is the device itself; `units` go from the narrowest to the widest.

    How it keeps apart from neighbours that are heard in the same place, in ordinary broadcasts: it begins `stagger_ms`
    later, or waits for its `turn` (0 is the first), or both.
    """

    kind: DeviceKind
    units: tuple[Scope, ...]
    groups: tuple[Membership, ...] = ()
    output_profile: Id = "default"
    languages: tuple[Language, ...] = ("vi",)
    stagger_ms: Millis = 0
    turn: Turn = 0
    templates: tuple[Sha256Hex, ...] = ()
    resting_text: Annotated[str, Meta(max_length=300)] = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope the device obeys: itself, its groups, its units upwards."""
        return (self.scope, *(m.group for m in self.groups), *self.units)


class Command(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """A request to one device, done once per id and answered on its reply topic."""

    id: Id
    scope: Scope
    name: Id
    issued: Instant
    expires: Instant
    arguments: dict[str, str | int | bool] = {}


class CommandReply(Wire, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="command"):
    """What became of a command; `code` is empty when it was done."""

    device: Id
    id: Id
    code: Annotated[str, Meta(max_length=60)] = ""
    message: Annotated[str, Meta(max_length=1000)] = ""


class TimeQuestion(Wire, frozen=True, kw_only=True, tag_field="kind", tag="time"):
    """Unsigned; the nonce makes the signed answer fresh and unreplayable."""

    device: Id
    nonce: Nonce


class TimeAnswer(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """The controller's instant `now`, the newest versions of the device's topics, the head of its audit.

    `audit_head` is `<entries>:<hash of the newest in hex>`; read no later than the question came.
    """

    scope: Scope
    nonce: Nonce
    now: Instant
    newest: dict[Topic, int] = {}
    audit_head: AuditHead = ""


class ClockReport(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """The device's own judgement of its clock; `error_ms` is an upper bound where one is known."""

    state: ClockState
    error_ms: Figure | None = None
    source: Annotated[str, Meta(max_length=30)] = ""


class JournalHead(Wire, frozen=True, kw_only=True):
    """Where the journal stands: last written and last acknowledged sequence."""

    journal: Id
    sequence: Figure
    acknowledged: Figure


class DeviceState(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What a device holds and how it is. `have`: topic → version; `missing` names content not yet whole.

    `relay_down`: a relay is due now and its stream is not heard; why, in words. `audit_head`: the highest head of the
    controller's audit it witnessed; `audit_disowned`: one that a later answer contradicted.
    """

    device: Id
    boot: Id
    issued: Instant
    agent: Annotated[str, Meta(max_length=40)] = ""
    have: dict[Topic, Figure] = {}
    ready: bool = False
    missing: Annotated[tuple[Sha256Hex, ...], Meta(max_length=500)] = ()
    clock: ClockReport
    evidence: Evidence = Evidence.SIGNAL
    free_bytes: Figure | None = None
    journal: JournalHead | None = None
    playing: Annotated[str, Meta(max_length=100)] = ""
    relay_down: Annotated[str, Meta(max_length=300)] = ""
    link: LinkClass = "mobile"
    audit_head: AuditHead = ""
    audit_disowned: AuditHead = ""


class Want(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Missing chunks of one asset; `index` asks for the index. Unsigned; only content of the device's manifest.

    `alone`: the device does not hear what goes to all; answer on its own topic.
    """

    device: Id
    root: Sha256Hex
    index: bool = False
    alone: bool = False
    chunks: Annotated[tuple[ChunkNumber, ...], Meta(max_length=MAX_CHUNKS)] = ()


class Presence(Wire, frozen=True, kw_only=True):
    """A hint, unsigned; the last will says `online: false`."""

    online: bool
    boot: Id


class Ack(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of `journal` up to `sequence`, whose chain hash is `hash`, is committed.

    `resend_from` asks for entries again; the device answers with them or with a `gone` range.
    """

    scope: Scope
    journal: Id
    sequence: Annotated[int, Meta(ge=0)]
    hash: Sha256Hex
    resend_from: Annotated[int, Meta(ge=1)] | None = None


class Signal(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """How well a device's modem hears its network: `technology` as the modem says (`lte`), empty where it does not."""

    percent: Annotated[int, Meta(ge=0, le=100)]
    technology: Annotated[str, Meta(max_length=20)] = ""
    operator: Annotated[str, Meta(max_length=40)] = ""


class LogLine(Wire, frozen=True, kw_only=True):
    """A line of the agent's own log; `number` counts from 1 in each life of the agent."""

    number: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    at: Instant
    level: LogLevel
    text: LogText


class Health(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Telemetry, unsigned: figures for people, never evidence.

    `faults`: what the self-diagnosis found, fault → words for a technician. `signal`: absent where there is no modem.
    `log`: lines that were not told yet, or are told again; they belong to the life `boot`.
    """

    device: Id
    uptime_s: Figure
    cpu_percent: float | None = None
    memory_bytes: Figure | None = None
    temperature_c: float | None = None
    free_bytes: Figure | None = None
    refused: dict[str, Figure] = {}
    faults: Annotated[dict[Fault, FaultText], Meta(max_length=20)] = {}
    boot: Id | None = None
    signal: Signal | None = None
    log: Annotated[tuple[LogLine, ...], Meta(max_length=LOG_LINES)] = ()
