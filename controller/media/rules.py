"""What every backend decides alike: what is refused, how loud a sound becomes, what an operator is told. Pure.

Declared figures are checked before decoding, running figures while decoding; what was encoded is judged by what was
heard when it was decoded again.
"""

from dataclasses import dataclass

from controller.media.encodings import Encoding
from controller.media.errors import (
    MediaBadChannels,
    MediaBadRate,
    MediaEmpty,
    MediaFormatRefused,
    MediaSilent,
    MediaTooLong,
    MediaTooShort,
    MediaTruncated,
    MediaUnreadable,
    MediaVerifyFailed,
)
from controller.media.intake import Finding, FindingCode, IntakeProfile, SourceFacts
from controller.media.levels import UNMEASURABLE_LUFS, Heard, Outline, Part, Preparation, Survey, db, duration_ms

FORMATS = "mp3,wav,w64,ogg,flac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,aiff,caf,asf"
"""Containers that may be opened, by every name that libav gives them."""
CODECS = (
    "mp1,mp1float,mp2,mp2float,mp3,mp3float,aac,aac_fixed,aac_latm,alac,flac,opus,libopus,vorbis,libvorbis,wavpack,"
    "amrnb,amrwb,ac3,ac3_fixed,eac3,gsm,gsm_ms,wmav1,wmav2,wmapro,wmalossless,wmavoice,"
    "adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,pcm_alaw,pcm_mulaw,pcm_s8,pcm_u8,pcm_s16le,pcm_s16be,pcm_u16le,pcm_u16be,"
    "pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_s64le,pcm_s64be"
)
"""Decoders that may run: sound only, so that no picture in a file reaches one."""
CHANNELS = range(1, 9)
RATES_HZ = range(8_000, 192_001)
LONG_S = 300
"""From here on the gain is sought on a part of the sound."""
PART = Part(every_s=50, take_s=5)
_MAX_BAD_PACKETS = 20
_MAX_BAD_SHARE = 0.02
_NOTABLE_S = 0.1
_SURPLUS_S = 0.5
_MISSING_S = 1.0
_MISSING_SHARE = 0.02
_VERY_QUIET_LUFS = -40.0
_SILENT_START_MS, _SILENT_END_MS, _SILENT_INSIDE_MS = 1_500, 2_500, 5_000
_CLEAR_DB = 12.0
_DC_OFFSET = 0.005
_CLIPPED_SHARE = 1e-5
_CEILING_FLOOR_DBFS = -18.0
_CODEC_ERROR_LU = 0.7
_MARGIN_DB = 0.1


def check_shape(channels: int, rate_hz: int) -> None:
    """Refuse a sound with too many or no channels, or an odd rate."""
    if channels not in CHANNELS:
        raise MediaBadChannels(f"the sound has {channels} channels, 1 to 8 are accepted", channels=channels)
    if rate_hz not in RATES_HZ:
        raise MediaBadRate(f"the sound has {rate_hz} samples a second, 8000 to 192000 are accepted", rate_hz=rate_hz)


def check_codec(name: str) -> None:
    """Refuse a decoder off the list."""
    if name not in CODECS.split(","):
        raise MediaFormatRefused(f"sound coded as {name or 'something unknown'} is not accepted; use mp3 or wav")


def check_duration(seconds: float, verb: str, profile: IntakeProfile) -> None:
    """Refuse more than the longest duration, declared or decoded."""
    if seconds > profile.max_duration_s:
        raise MediaTooLong(
            f"the sound {verb} {seconds:.0f} s or more, {profile.max_duration_s:.0f} s are allowed; cut it",
            max_duration_s=profile.max_duration_s,
        )


def check_damage(bad: int, packets: int) -> None:
    """Refuse a sound of which too much is damaged."""
    if bad > max(_MAX_BAD_PACKETS, _MAX_BAD_SHARE * packets):
        raise MediaUnreadable(
            f"{bad} of {packets} packets are damaged; copy the file again from its source", damaged_packets=bad
        )


def plausible_s(declared_s: float | None) -> float:
    """How much sound may be written before it is counted: what is declared and a little more, else nothing."""
    return 0.0 if declared_s is None else declared_s * (1 + _MISSING_SHARE) + _MISSING_S


@dataclass(frozen=True, slots=True)
class Decoding:
    """What decoding a source told. `declared_s` None: the container does not say, or only estimates."""

    facts: SourceFacts
    declared_s: float | None
    decoded_s: float
    end_marked: bool = True
    missing_bytes: int = 0
    bad_packets: int = 0
    other_streams: int = 0
    changes: int = 0

    def check_whole(self) -> None:
        """Refuse a sound that holds nothing, or less than it declares."""
        if not self.decoded_s:
            raise MediaEmpty("no sound could be decoded from the file; is it the right one?")
        missing_s = (self.declared_s or 0.0) - self.decoded_s
        if missing_s > max(_MISSING_S, _MISSING_SHARE * (self.declared_s or 0.0)):
            raise MediaTruncated(
                f"the sound ends after {self.decoded_s:.1f} s, before its declared end; copy it again",
                declared_s=self.declared_s,
                decoded_s=self.decoded_s,
            )

    def findings(self) -> list[Finding]:
        """What was odd but tolerated."""
        missing_s = (self.declared_s or 0.0) - self.decoded_s
        return _holding(
            ("cut_off", self.missing_bytes, self.missing_bytes),
            ("damaged_packets", self.bad_packets, self.bad_packets),
            ("end_not_marked", 0, not self.end_marked),
            ("shorter_than_declared", round(1000 * missing_s), missing_s > _NOTABLE_S),
            ("longer_than_declared", round(-1000 * missing_s), self.declared_s and missing_s < -_SURPLUS_S),
            ("other_streams_ignored", self.other_streams, self.other_streams),
            ("parameters_changed", self.changes, self.changes),
        )


def check_heard(survey: Survey, lufs: float, profile: IntakeProfile) -> None:
    """Refuse what is too short to measure, or in which nothing can be heard."""
    lasts_ms = duration_ms(survey.samples)
    if lasts_ms < profile.min_duration_ms:
        raise MediaTooShort(
            f"the sound lasts {lasts_ms} ms, at least {profile.min_duration_ms} ms are needed", duration_ms=lasts_ms
        )
    if survey.sample_peak_dbfs < profile.silent_below_dbfs or lufs <= UNMEASURABLE_LUFS:
        raise MediaSilent(
            f"nothing can be heard in the sound (peak {survey.sample_peak_dbfs:.0f} dBFS); was the microphone off?",
            sample_peak_dbfs=survey.sample_peak_dbfs,
        )


@dataclass(frozen=True, slots=True)
class Goal:
    """What a prepared sound should measure, and where its limiter stands."""

    lufs: float
    ceiling_dbfs: float

    def better(self, error_lu: float, excess_db: float) -> "Goal":
        """The next goal for a codec that lost `error_lu` and went `excess_db` above the highest peak allowed."""
        lufs = self.lufs + (error_lu if abs(error_lu) > _CODEC_ERROR_LU else 0.0)
        lower_db = softer_by(excess_db) if excess_db > 0 else 0.0
        return Goal(lufs, max(_CEILING_FLOOR_DBFS, self.ceiling_dbfs - lower_db))

    def quieter(self, lower_db: float) -> "Goal":
        """The next goal for a codec whose own peaks no limiter takes down: all of it softer."""
        return Goal(self.lufs - lower_db, self.ceiling_dbfs)


def dc_offset(survey: Survey) -> float:
    """The offset worth removing, else 0."""
    return survey.dc_offset if abs(survey.dc_offset) > _DC_OFFSET else 0.0


def peak_dbfs(survey: Survey) -> float:
    """The highest sample there can be once the offset is removed."""
    return db(10 ** (survey.sample_peak_dbfs / 20) + abs(dc_offset(survey)))


def needs_better(heard: Heard, wanted_lufs: float, profile: IntakeProfile) -> tuple[float, float] | None:
    """By how much a rendition misses loudness (LU) and true peak (dB above the most allowed), if it does."""
    error_lu = wanted_lufs - heard.lufs
    excess_db = heard.true_peak_dbtp - profile.true_peak_most_dbtp
    return None if abs(error_lu) <= _CODEC_ERROR_LU and excess_db <= 0 else (error_lu, excess_db)


def softer_by(excess_db: float) -> float:
    """How much (dB) everything is turned down for a codec that goes `excess_db` above the highest peak allowed."""
    return excess_db + _MARGIN_DB


def check_rendition(encoding: Encoding, heard: Heard, samples: int, wanted_lufs: float, profile: IntakeProfile) -> None:
    """Compare a decoded rendition with what it should be.

    Raises:
        MediaVerifyFailed: its duration, its loudness or its true peak is another.
    """
    name, heard_ms, sent_ms = encoding.codec, duration_ms(heard.samples), duration_ms(samples)
    if abs(heard_ms - sent_ms) > profile.duration_tolerance_ms:
        raise MediaVerifyFailed(
            f"the {name} file plays {heard_ms} ms, not {sent_ms} ms; report this sound",
            heard_ms=heard_ms,
            sent_ms=sent_ms,
        )
    if abs(heard.lufs - wanted_lufs) > profile.loudness_tolerance_lu:
        raise MediaVerifyFailed(
            f"the {name} file has {heard.lufs:.1f} LUFS, not {wanted_lufs:.1f}; report this sound",
            heard_lufs=heard.lufs,
            wanted_lufs=wanted_lufs,
        )
    if heard.true_peak_dbtp > profile.true_peak_most_dbtp:
        raise MediaVerifyFailed(
            f"the {name} file peaks at {heard.true_peak_dbtp:.2f} dBTP, {profile.true_peak_most_dbtp} is the most; "
            "report this sound",
            true_peak_dbtp=heard.true_peak_dbtp,
        )


def level_findings(given: Survey, lufs: float) -> list[Finding]:
    """What an operator may want to know about the levels of a sound as it was given."""
    offset = dc_offset(given)
    clipped = given.full_scale_samples > _CLIPPED_SHARE * given.samples
    return _holding(
        ("clipped", given.full_scale_samples, clipped),
        ("dc_offset_removed", round(offset, 4), offset),
        ("very_quiet", round(lufs, 1), lufs < _VERY_QUIET_LUFS),
    )


def gain_findings(
    prepared: Survey, sent_lufs: float, done: Preparation, turned_down_db: float, profile: IntakeProfile
) -> list[Finding]:
    """What an operator may want to know about how a sound was brought to its loudness."""
    missing_lu = profile.target_lufs - sent_lufs
    taken_db = peak_dbfs(prepared) + done.gain_db - (done.ceiling_dbfs or 0.0)
    return _holding(
        ("limited", round(taken_db, 1), done.ceiling_dbfs is not None),
        ("gain_capped", round(missing_lu, 1), missing_lu > profile.loudness_tolerance_lu),
        ("turned_down", round(turned_down_db, 1), turned_down_db),
    )


def outline_findings(outline: Outline, trimmed_ms: tuple[int, int] | None, profile: IntakeProfile) -> list[Finding]:
    """What an operator may want to know about silence and noise; silence that was cut off is told as such."""
    start_ms, end_ms = trimmed_ms or (0, 0)
    left = trimmed_ms is None
    return _holding(
        ("silence_at_start", outline.silent_start_ms, left and outline.silent_start_ms >= _SILENT_START_MS),
        ("silence_at_end", outline.silent_end_ms, left and outline.silent_end_ms >= _SILENT_END_MS),
        ("silence_inside", outline.longest_pause_ms, outline.longest_pause_ms >= _SILENT_INSIDE_MS),
        ("trimmed_start", start_ms, start_ms),
        ("trimmed_end", end_ms, end_ms),
        (
            "noisy",
            round(outline.above_background_db, 1),
            profile.speech and outline.above_background_db < _CLEAR_DB,
        ),
    )


def _holding(*found: tuple[FindingCode, float, object]) -> list[Finding]:
    return [Finding(code, value) for code, value, holds in found if holds]
