"""The port through which every sound enters: one file in, facts and two encoded renditions out, or one clear refusal.

Rules it keeps: the source is never changed; a refused file leaves nothing in the job folder; what comes out was
decoded again and measured. Backends implement `Intake`; `pyav_intake.PyAvIntake` is the first.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from controller.media.waveform import NO_WAVEFORM, Waveform

MIB = 1024 * 1024

Codec = Literal["opus", "mp3"]
FindingCode = Literal[
    "clipped",
    "cut_off",
    "damaged_packets",
    "dc_offset_removed",
    "end_not_marked",
    "gain_capped",
    "limited",
    "longer_than_declared",
    "noisy",
    "other_streams_ignored",
    "parameters_changed",
    "shorter_than_declared",
    "silence_at_end",
    "silence_at_start",
    "silence_inside",
    "trimmed_end",
    "trimmed_start",
    "turned_down",
    "very_quiet",
    "voice_clipped",
    "voice_silent",
]


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What one job may use."""

    address_space_bytes: int = 512 * MIB
    cpu_s: int = 600
    file_bytes: int = 1600 * MIB
    open_files: int = 32
    wall_s: float = 900.0


@dataclass(frozen=True, slots=True)
class SpeechFilter:
    """What makes talk carry over horn loudspeakers: no rumble that only costs power, more of what consonants are."""

    high_pass_hz: int = 250
    presence_db: float = 4.0


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to a sound beside its loudness, in this order: trimmed, filtered, repeated, put between chimes.

    `before` and `after` are `chime:<name>`, or `asset:<id>` for a companion: a file of ours under this name in the
    working folder.
    """

    trim: bool = False
    speech_filter: SpeechFilter | None = None
    repeats: int = 1
    gap_ms: int = 0
    before: str | None = None
    after: str | None = None

    @property
    def composes(self) -> bool:
        """Whether something is put around the sound."""
        return self.repeats > 1 or self.before is not None or self.after is not None

    @property
    def touches(self) -> bool:
        """Whether anything is done at all."""
        return self.trim or self.speech_filter is not None or self.composes


@dataclass(frozen=True, slots=True)
class IntakeProfile:
    """What is accepted and what it becomes; loudness in LUFS as dual mono (a mono loudspeaker heard by two ears).

    `true_peak_most_dbtp` holds for the encoded file, decoded again: a codec that exceeds it gets a lower limiter.
    """

    max_source_bytes: int = 4096 * MIB
    max_duration_s: float = 7200.0
    min_duration_ms: int = 500
    target_lufs: float = -16.0
    loudness_tolerance_lu: float = 1.0
    true_peak_most_dbtp: float = -1.5
    limiter_dbfs: float = -3.0
    max_gain_db: float = 30.0
    silent_below_dbfs: float = -60.0
    duration_tolerance_ms: int = 100
    renditions: tuple[Codec, ...] = ("opus", "mp3")
    opus_bits_per_s: int = 24_000
    mp3_bits_per_s: int = 64_000
    speech: bool = True
    treatment: Treatment = Treatment()
    limits: ChildLimits = field(default_factory=ChildLimits)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the source file was."""

    container: str
    codec: str
    rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an operator may want to know about a sound that was accepted; `value` in the unit its code implies.

    clipped: samples at full scale; damaged_packets, other_streams_ignored, parameters_changed: how many;
    dc_offset_removed: fraction of full scale; gain_capped: LU missing to the target; limited: dB by which the peaks
    were taken down; longer_than_declared, shorter_than_declared: ms; silence_at_start, silence_at_end, silence_inside
    (the longest), trimmed_start, trimmed_end: ms; noisy: dB between talk and background; turned_down: dB below
    the target, for the codec would go above the peak; very_quiet: LUFS before; cut_off: bytes that the last piece
    lacks; end_not_marked: 0. Of a machine's voice: voice_clipped as clipped, voice_silent as silence_inside.
    """

    code: FindingCode
    value: float


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoded file in the job folder, with what was measured by decoding it again."""

    codec: Codec
    path: Path
    total_bytes: int
    media_type: str
    sha256: str
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """A sound that was taken in. `loudness_lufs` is as prepared, `true_peak_dbtp` the highest of the renditions."""

    duration_ms: int
    source: SourceFacts
    loudness_in_lufs: float
    loudness_lufs: float
    true_peak_dbtp: float
    renditions: tuple[Rendition, ...]
    findings: tuple[Finding, ...]
    peak_rss_bytes: int
    cpu_s: float
    waveform: Waveform = NO_WAVEFORM

    def facts(self) -> dict[str, Any]:
        """What is worth keeping beside the asset, ready for JSON."""
        return {
            "source": asdict(self.source),
            "loudness_in_lufs": self.loudness_in_lufs,
            "findings": {finding.code: finding.value for finding in self.findings},
            "cpu_s": self.cpu_s,
            "peak_rss_bytes": self.peak_rss_bytes,
        }


Progress = Callable[[float], object]
DEFAULT_PROFILE = IntakeProfile()
NO_COMPANIONS: Mapping[str, Path] = MappingProxyType({})


class Intake(Protocol):
    """Takes in one sound."""

    async def probe_and_encode(
        self,
        source: Path,
        job_dir: Path,
        profile: IntakeProfile = DEFAULT_PROFILE,
        progress: Progress | None = None,
        companions: Mapping[str, Path] = NO_COMPANIONS,
    ) -> IntakeResult:
        """Check, prepare, encode and verify `source`; the renditions lie in `job_dir`, which is made if needed.

        `companions` are renditions of ours, by the name that the profile's treatment gives them.
        `progress` is called in the event loop, at most about ten times a second, with the share of the work that is
        done: 0 to 1, never less than before; 1 when all is verified. A cancelled call ends its processes and leaves
        nothing behind.

        Raises:
            MediaError: a subclass whose code says why the sound is refused; `job_dir` is as it was before.
        """
        ...
