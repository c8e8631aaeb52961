"""What the agent and the player process say to each other: one JSON object a line over stdin and stdout.

Instants are CLOCK_MONOTONIC nanoseconds, which both processes of one machine share. Every `start_at` is answered by
exactly one `ended`. The agent commits `started` to its journal before it sends `start_at`; nothing sounds before that.
"""

from typing import Literal

import msgspec

Evidence = Literal["signal", "device"]
Outcome = Literal["played", "stopped", "failed", "interrupted"]


class Content(msgspec.Struct, frozen=True, tag="content", tag_field="kind"):
    """A hash-verified file of the content cache; what the manifest says of it is checked where given."""

    path: str
    duration_ms: int | None = None
    size_bytes: int | None = None


class Silence(msgspec.Struct, frozen=True, tag="silence", tag_field="kind"):
    """A pause inside the programme."""

    duration_ms: int


class Chime(msgspec.Struct, frozen=True, tag="chime", tag_field="kind"):
    """A chime made by the player itself."""

    name: str = "opening"


class Relay(msgspec.Struct, frozen=True, tag="relay", tag_field="kind"):
    """Another station's stream for exactly this time; `fallback` sounds, again and again, where there is none."""

    url: str
    duration_ms: int
    fallback: Content | None = None


Source = Content | Silence | Chime | Relay


class Prepare(msgspec.Struct, frozen=True, kw_only=True, tag="prepare", tag_field="do"):
    """Decode ahead; answered by `ready` or `prepare_failed`.

    `offset_ms` is a position in the whole programme (sources x repeats), as `ended.position_ms` reported it; `end_ms`
    is the position where the programme ends early. `at_once` is for what is due now: lengths are what the sources say
    instead of measured, and 200 ms decoded ahead are enough.
    """

    occurrence: str
    sources: tuple[Source, ...]
    repeats: int = 1
    offset_ms: int = 0
    end_ms: int | None = None
    fade_in_ms: int = 10
    fade_out_ms: int = 10
    at_once: bool = False


class StartAt(msgspec.Struct, frozen=True, kw_only=True, tag="start_at", tag_field="do"):
    """Sound a prepared cue from `start_ns`; at once when that has passed, but never after `latest_ns`."""

    occurrence: str
    start_ns: int
    volume: int = 100
    latest_ns: int | None = None


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop", tag_field="do"):
    """Ramp down and end one cue, or all (`occurrence` None), now or at an instant; the ramp is at most 50 ms."""

    occurrence: str | None = None
    ramp_ms: int = 20
    at_ns: int | None = None


class EndAt(msgspec.Struct, frozen=True, kw_only=True, tag="end_at", tag_field="do"):
    """Replace the end of a cue: it finishes at this programme position, or at once when that has passed."""

    occurrence: str
    end_ms: int


class Volume(msgspec.Struct, frozen=True, kw_only=True, tag="volume", tag_field="do"):
    """Change the volume (0..100) of one cue or of all that are started."""

    volume: int
    occurrence: str | None = None


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag="ping", tag_field="do"):
    """Answered by `pong` while the commands are read and the output asks for samples."""

    token: int


Command = Prepare | StartAt | Stop | EndAt | Volume | Ping


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag="opened", tag_field="event"):
    """The output runs; cues are welcome."""

    pid: int
    output: str
    evidence: Evidence
    capture: str | None = None


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready", tag_field="event"):
    """A cue is decoded ahead; `duration_ms` is its whole programme, repeats included."""

    occurrence: str
    duration_ms: int


class PrepareFailed(msgspec.Struct, frozen=True, kw_only=True, tag="prepare_failed", tag_field="event"):
    """A cue cannot be played; `code` is stable."""

    occurrence: str
    code: str
    message: str


class FirstSample(msgspec.Struct, frozen=True, kw_only=True, tag="first_sample", tag_field="event"):
    """The first sample is in the output's buffer and leaves the converter at `dac_ns`."""

    occurrence: str
    dac_ns: int
    skew_ms: float


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress", tag_field="event"):
    """Every 250 ms of sound; the levels are those of that window."""

    occurrence: str
    frames: int
    played_ms: int
    position_ms: int
    rms_dbfs: float
    peak_dbfs: float


class RelayChanged(msgspec.Struct, frozen=True, kw_only=True, tag="relay_changed", tag_field="event"):
    """What is heard of a relay changes within a second; `code` and `message` say why it is not the stream."""

    occurrence: str
    url: str
    sounds: Literal["stream", "fallback", "silence"]
    code: str = ""
    message: str = ""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended", tag_field="event"):
    """The one end of a started cue: what was really sent, measured after volume and ramps.

    `position_ms` is where a resumed cue goes on: the programme position where the ramp down began. `dac_ns` and
    `skew_ms` (actual minus planned start) are None when nothing sounded. `xruns` counts holes of the output,
    `starved_ms` silence put in because decoding was late. `relayed_ms`, `fallback_ms` and `relay_silence_ms` are what
    was heard of its relays, `relay_reasons` the codes of what went wrong with them.
    """

    occurrence: str
    outcome: Outcome
    evidence: Evidence
    reason: str | None = None
    played_ms: int = 0
    frames: int = 0
    position_ms: int = 0
    rms_dbfs: float = -120.0
    peak_dbfs: float = -120.0
    dac_ns: int | None = None
    skew_ms: float | None = None
    xruns: int = 0
    starved_ms: int = 0
    relayed_ms: int = 0
    fallback_ms: int = 0
    relay_silence_ms: int = 0
    relay_reasons: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag="fault", tag_field="event"):
    """Something is wrong with the player itself; `code` is stable."""

    code: str
    message: str


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag="pong", tag_field="event"):
    """The player lives; `blocks` counts what the output asked for.

    Since the last pong: `render_max_ms` is the slowest block, `lead_min_ms` the least time between being asked for a
    block and its converter instant.
    """

    token: int
    blocks: int
    xruns: int
    render_max_ms: float
    lead_min_ms: float | None = None


Event = Opened | Ready | PrepareFailed | FirstSample | Progress | RelayChanged | Ended | Fault | Pong

_encoder = msgspec.json.Encoder()
_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_events: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(message: Command | Event) -> bytes:
    """One line, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> Command:
    """Read one line of the agent.

    Raises:
        msgspec.DecodeError: the line is no command.
    """
    return _commands.decode(line)


def decode_event(line: bytes) -> Event:
    """Read one line of the player.

    Raises:
        msgspec.DecodeError: the line is no event.
    """
    return _events.decode(line)
