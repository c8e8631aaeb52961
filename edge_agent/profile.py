"""What a device model is and may do: read once at start from `firmware_configs/` or a file of the operator's.

The hard limits here hold whatever the controller signs. Unknown fields refuse to start; the JSON schema beside the
profiles is generated from these models.
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge_agent.relay.addresses import Guard
from edge_agent.relay.rules import Network, RelayRules
from loa_protocol import hand_written
from loa_protocol.documents.device import LinkClass
from loa_protocol.errors import LoaError
from loa_protocol.ids import Id, Volume

Brightness = Annotated[int, Meta(ge=1, le=100)]
Side = Annotated[int, Meta(ge=8, le=8192)]
Colour = Annotated[str, Meta(pattern=r"^#[0-9a-fA-F]{6}(?![\s\S])")]
PathText = Annotated[str, Meta(min_length=1, max_length=4096)]
ClockSource = Literal["controller", "chrony", "rtc"]
ModemService = Literal["none", "modemmanager"]


class ProfileInvalid(LoaError):
    """A profile is there but cannot be used; the message names file, line and field."""

    code = "profile_invalid"


class ProfileNotFound(LoaError):
    """There is no profile of that name or path."""

    code = "profile_not_found"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything in a profile."""


class AlsaAudio(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="alsa", tag_field="output"):
    """A sound card. `latency_ms` is calibrated: the sound is heard this much later than the card says."""

    device: Annotated[str, Meta(min_length=1, max_length=200)] = "default"
    channels: Literal[1, 2] = 1
    sample_rate_hz: Literal[48000] = 48000
    buffer_ms: Annotated[int, Meta(ge=5, le=500)] = 20
    latency_ms: Annotated[float, Meta(ge=0, le=2000)] = 0.0


class FileAudio(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="file", tag_field="output"):
    """No sound card: what would sound goes to a folder, relative to the agent's state folder unless absolute."""

    folder: PathText = "captured"
    sample_rate_hz: Literal[48000] = 48000
    latency_ms: Annotated[float, Meta(ge=0, le=2000)] = 0.0


Audio = AlsaAudio | FileAudio


class PngBoardOutput(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="png", tag_field="driver"):
    """A board made of picture files in a folder, relative to the agent's state folder unless absolute."""

    width_px: Side
    height_px: Side
    folder: PathText = "board"
    history_frames: Annotated[int, Meta(ge=1, le=100_000)] = 200
    brightness_percent: Brightness = 100
    ink: Colour = "#ffb000"
    ground: Colour = "#000000"
    weight: Literal["regular", "bold"] = "bold"


class FramebufferOutput(
    _Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="framebuffer", tag_field="driver"
):
    """A Linux framebuffer; `stride_bytes` absent means rows without padding."""

    width_px: Side
    height_px: Side
    path: PathText = "/dev/fb0"
    pixels: Literal["rgb565", "bgra32"] = "rgb565"
    stride_bytes: Annotated[int, Meta(ge=16, le=65_536)] | None = None
    brightness_percent: Brightness = 100
    ink: Colour = "#ffb000"
    ground: Colour = "#000000"
    weight: Literal["regular", "bold"] = "bold"


Board = PngBoardOutput | FramebufferOutput


class Limits(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hard limits of the device, whatever is signed."""

    max_volume: Volume
    min_free_disk_mib: Annotated[int, Meta(ge=16, le=1_048_576)]
    cache_quota_mib: Annotated[int, Meta(ge=16, le=1_048_576)]


class DeviceProfile(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device model. A speaker has `audio`, a board has `board`, a device of both kinds has both.

    `modem`: which service of the system is asked how well the mobile network is heard. `relay_allow`: networks that are
    not public (`192.168.10.5/32`) from which streams may be relayed all the same.
    """

    format: Literal["loa.profile.v1"]
    name: Id
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    kind: Literal["speaker", "board", "speaker-and-board"]
    audio: Audio | None = None
    board: Board | None = None
    limits: Limits
    link: LinkClass = "mobile"
    modem: ModemService = "none"
    clock_sources: Annotated[tuple[ClockSource, ...], Meta(min_length=1, max_length=3)] = ("controller",)
    relay: RelayRules = RelayRules()
    relay_allow: Annotated[tuple[Network, ...], Meta(max_length=16)] = ()

    @property
    def has_rtc(self) -> bool:
        """Whether the wall clock may be believed after a reboot."""
        return "rtc" in self.clock_sources


def load_profile(path_or_name: str | Path) -> DeviceProfile:
    """Read a profile: a shipped one by its name, or any file by its path (with a slash or the ending .yaml).

    Raises:
        ProfileNotFound: no such name or file.
        ProfileInvalid: with the file, the line and the field that is wrong.
    """
    where = str(path_or_name)
    named = "/" not in where and not where.endswith((".yaml", ".yml"))
    try:
        text = _shipped(where) if named else Path(where).read_text(encoding="utf-8")
        profile = hand_written.read(text, DeviceProfile)
    except UnicodeDecodeError as error:
        raise ProfileInvalid(f"{where}: not UTF-8; save it again as UTF-8", file=where) from error
    except OSError as error:
        raise ProfileNotFound(
            f"there is no device profile {where} ({error.strerror or error}); shipped ones: "
            f"{', '.join(shipped_profiles())}",
            file=where,
        ) from error
    except hand_written.HandWrittenInvalid as error:
        raise ProfileInvalid(f"{where}: {error}; correct the profile", file=where, field=error.field) from error
    _require_fitting(profile, where)
    return profile


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles in `firmware_configs/`."""
    names = (Path(entry.name) for entry in files("firmware_configs").iterdir())
    return tuple(sorted(name.stem for name in names if name.suffix == ".yaml"))


def profile_schema() -> dict[str, Any]:
    """The JSON schema of a profile, as `firmware_configs/profile.schema.json` holds it."""
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(DeviceProfile)))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _shipped(name: str) -> str:
    if name not in shipped_profiles():
        raise FileNotFoundError(2, "no shipped profile of that name")
    return files("firmware_configs").joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _require_fitting(profile: DeviceProfile, where: str) -> None:
    for part, word in (("audio", "speaker"), ("board", "board")):
        wanted, given = word in profile.kind, getattr(profile, part) is not None
        if wanted != given:
            state = "needs" if wanted else "has no use for"
            raise ProfileInvalid(f"{where}: {part}: a {profile.kind} {state} it", file=where, field=part)
    board = profile.board
    if isinstance(board, FramebufferOutput) and board.stride_bytes is not None:
        row_bytes = board.width_px * (2 if board.pixels == "rgb565" else 4)
        if board.stride_bytes < row_bytes:
            reason = f"board.stride_bytes: a row of pixels takes {row_bytes} bytes"
            raise ProfileInvalid(f"{where}: {reason}", file=where, field="board.stride_bytes")
    if len(set(profile.clock_sources)) != len(profile.clock_sources):
        raise ProfileInvalid(f"{where}: clock_sources: names a source twice", file=where, field="clock_sources")
    try:
        Guard(profile.relay_allow)
    except ValueError as error:
        raise ProfileInvalid(f"{where}: relay_allow: {error}", file=where, field="relay_allow") from error
