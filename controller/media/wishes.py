"""What somebody wishes of a sound when it is taken in. Pure.

The same file with other wishes is another asset: `key` names them, and is empty where nothing is wished beyond what
every sound gets. Loudness, peak, the horn filter's figures and the bit rate of speech come from the station's settings
and are part of the wishes from the moment a file is handed in, so that a job does the same however late it runs.
A chime is named as `loa join` does: `chime:opening`, or `asset:<id>` for a sound of the library.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from controller.media.intake import DEFAULT_PROFILE, IntakeProfile, SpeechFilter, Treatment
from controller.media.joining import Chime, strange
from loa_protocol.documents.plan import CHIME_MS
from loa_protocol.errors import LoaError

LOUDNESS_LUFS = (-30.0, -10.0)
TRUE_PEAK_DBTP = (-9.0, -1.0)
HIGH_PASS_HZ = (80, 500)
PRESENCE_DB = (0.0, 9.0)
SPEECH_BITS_PER_S = (16_000, 32_000)
REPEATS = (1, 20)
GAP_MS = (0, 60_000)
"""The least and the most of each."""
_LIMITER_BELOW_PEAK_DB = DEFAULT_PROFILE.true_peak_most_dbtp - DEFAULT_PROFILE.limiter_dbfs
_MUSIC_OPUS_BITS_PER_S, _MUSIC_MP3_BITS_PER_S = 64_000, 96_000
_ASSET, _CHIME = "asset", "chime"
_PATTERN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class WishRefused(LoaError):
    """A wish for a sound is outside what can be done."""

    code = "wish_refused"


class SoundProfile(StrEnum):
    """What a sound is, for its encoder: talk, or music and everything else."""

    SPEECH = "speech"
    MUSIC = "music"


@dataclass(frozen=True, slots=True)
class IntakeWishes:
    """All wishes; as they stand here, the sound is only brought to its loudness.

    `trim`: silence at both ends goes; `horn`: filtered for horn loudspeakers; `before` and `after`: chimes;
    `repeats` with `gap_ms` of silence between them.

    Raises:
        WishRefused: on construction.
    """

    trim: bool = False
    horn: bool = False
    profile: SoundProfile = SoundProfile.SPEECH
    before: str | None = None
    after: str | None = None
    repeats: int = 1
    gap_ms: int = 0
    loudness_lufs: float = DEFAULT_PROFILE.target_lufs
    true_peak_dbtp: float = DEFAULT_PROFILE.true_peak_most_dbtp
    high_pass_hz: int = SpeechFilter().high_pass_hz
    presence_db: float = SpeechFilter().presence_db
    speech_bits_per_s: int = DEFAULT_PROFILE.opus_bits_per_s

    def __post_init__(self) -> None:
        _within("loudness_lufs", self.loudness_lufs, LOUDNESS_LUFS)
        _within("true_peak_dbtp", self.true_peak_dbtp, TRUE_PEAK_DBTP)
        _within("high_pass_hz", self.high_pass_hz, HIGH_PASS_HZ)
        _within("presence_db", self.presence_db, PRESENCE_DB)
        _within("speech_bits_per_s", self.speech_bits_per_s, SPEECH_BITS_PER_S)
        _within("repeats", self.repeats, REPEATS)
        _within("gap_ms", self.gap_ms, GAP_MS)
        for chime in (self.before, self.after):
            if chime is not None:
                _check_chime(chime)

    def asset_ids(self) -> tuple[str, ...]:
        """The sounds of the library that serve as chimes, each once."""
        named = [one.partition(":") for one in (self.before, self.after) if one is not None]
        return tuple(dict.fromkeys(value for kind, _, value in named if kind == _ASSET))

    def told(self) -> dict[str, Any]:
        """As plain data: what makes a difference, and nothing else."""
        idle = _idle(self)
        return {
            one.name: float(value) if isinstance(one.default, float) else value
            for one in fields(self)
            if (value := getattr(self, one.name)) != one.default and one.name not in idle
        }

    def key(self) -> str:
        """What parts the assets of one file: "" for no wishes, else a SHA-256."""
        told = self.told()
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest() if told else ""

    def intake_profile(self) -> IntakeProfile:
        """What the intake is told."""
        music = self.profile is SoundProfile.MUSIC
        return replace(
            DEFAULT_PROFILE,
            target_lufs=self.loudness_lufs,
            true_peak_most_dbtp=self.true_peak_dbtp,
            limiter_dbfs=self.true_peak_dbtp - _LIMITER_BELOW_PEAK_DB,
            opus_bits_per_s=_MUSIC_OPUS_BITS_PER_S if music else self.speech_bits_per_s,
            mp3_bits_per_s=_MUSIC_MP3_BITS_PER_S if music else DEFAULT_PROFILE.mp3_bits_per_s,
            speech=not music,
            treatment=Treatment(
                trim=self.trim,
                speech_filter=SpeechFilter(self.high_pass_hz, self.presence_db) if self.horn else None,
                before=self.before,
                after=self.after,
                repeats=self.repeats,
                gap_ms=self.gap_ms,
            ),
        )


def understood(plain: Mapping[str, Any]) -> IntakeWishes:
    """The wishes again, of `told`."""
    return IntakeWishes(**{**plain, "profile": SoundProfile(plain.get("profile", SoundProfile.SPEECH))})


def _idle(wishes: IntakeWishes) -> set[str]:
    """Figures that nothing is done with."""
    idle = set() if wishes.horn else {"high_pass_hz", "presence_db"}
    idle |= {"speech_bits_per_s"} if wishes.profile is SoundProfile.MUSIC else set()
    return idle | ({"gap_ms"} if wishes.repeats == 1 else set())


def _within(name: str, value: float, bounds: tuple[float, float]) -> None:
    least, most = bounds
    if not least <= value <= most:  # also what is not a number
        raise WishRefused(f"{name} is {value}; it lies between {least:g} and {most:g}", wish=name)


def _check_chime(named: str) -> None:
    kind, _, value = named.partition(":")
    if kind == _CHIME and value not in CHIME_MS:
        raise strange(Chime(value))
    if kind not in {_CHIME, _ASSET} or not (0 < len(value) <= 40 and _PATTERN.issuperset(value)):  # noqa: PLR2004
        raise WishRefused(f"“{named}” is no chime; write chime:opening or asset:<id> of a sound of the library")


NO_WISHES = IntakeWishes()
