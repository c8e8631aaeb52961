"""What parent and child say to each other: one order, then JSON lines; checked by msgspec on both sides."""

import msgspec

from controller.media.intake import Finding, IntakeProfile, SourceFacts
from controller.media.waveform import NO_WAVEFORM, Waveform
from loa_protocol.errors import LoaError


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parent's order, on the child's standard input; the source is open as `descriptor`."""

    descriptor: int
    profile: IntakeProfile


class Encoded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rendition in the working folder, as decoded again."""

    codec: str
    file_name: str
    media_type: str
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="progress"):
    """The share of the work that is done, 0 to 1."""

    share: float


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="done"):
    """The child's answer when the sound was taken in."""

    duration_ms: int
    source: SourceFacts
    loudness_in_lufs: float
    loudness_lufs: float
    true_peak_dbtp: float
    encoded: tuple[Encoded, ...]
    findings: tuple[Finding, ...]
    peak_rss_bytes: int
    cpu_s: float
    waveform: Waveform = NO_WAVEFORM


class JoinOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parent's order to join: the parts, as `joining.told`; each clip lies in the folder under its asset's id."""

    parts: list[dict[str, str | int]]


class Joined(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="joined"):
    """The child's answer when the parts were joined, as a WAV in its folder."""

    file_name: str
    duration_ms: int


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="refused"):
    """The child's answer when it was not; `code` is one of `errors.BY_CODE`, or of joining."""

    code: str
    message: str
    details: dict[str, int | float | str | None]


Answer = Done | Refused


def refused(error: LoaError) -> Refused:
    """A refusal as an answer, with those of its details that JSON can carry."""
    details = {key: value for key, value in error.details.items() if isinstance(value, int | float | str | None)}
    return Refused(error.code, str(error), details)
