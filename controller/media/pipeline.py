"""The passes over one sound, inside the child: measure, prepare, measure again, encode, prove.

The mono sound is kept once as raw float32 in the working folder (192 kB a second), so each later pass streams it
instead of decoding the hostile file again. Gain is corrected until the limited sound meets its target, and once more
per codec until what is decoded again meets it too and keeps the highest true peak allowed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controller.media.encode import Encoding, check, encode, encodings, measure
from controller.media.errors import MediaSilent, MediaTooShort
from controller.media.intake import Finding, IntakeProfile, SourceFacts
from controller.media.sound import RATE_HZ, Block, Levels, Meter, MonoConverter, Preparation
from controller.media.source import Source

_RAW_NAME = "mono.f32"
_GAIN_ROUNDS = 4
_CODEC_ROUNDS = 2
_CEILING_FLOOR_DBFS = -12.0
_GAIN_ERROR_LU = 0.1
_CODEC_ERROR_LU = 0.7
_MARGIN_DB = 0.1
_VERY_QUIET_LUFS = -40.0
_DC_OFFSET = 0.005
_CLIPPED_SHARE = 1e-5


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the passes found: levels of the mono sound, of the prepared one, and of each rendition as decoded."""

    source: SourceFacts
    before: Levels
    after: Levels
    heard: tuple[tuple[Encoding, Levels], ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Goal:
    """What a prepared sound should measure, and where its limiter stands."""

    lufs: float
    ceiling_dbfs: float

    def better(self, error_lu: float, excess_db: float) -> "_Goal":
        """The next goal for a codec that lost `error_lu` and went `excess_db` above the highest peak allowed."""
        lufs = self.lufs + (error_lu if abs(error_lu) > _CODEC_ERROR_LU else 0.0)
        lower_db = excess_db + _MARGIN_DB if excess_db > 0 else 0.0
        return _Goal(lufs, max(_CEILING_FLOOR_DBFS, self.ceiling_dbfs - lower_db))


def run(descriptor: int, folder: Path, profile: IntakeProfile) -> Prepared:
    """Take in the opened file; the renditions lie in `folder` under their encodings' names.

    Raises:
        MediaError: the refusal.
    """
    raw = folder / _RAW_NAME
    source = Source(descriptor, profile)
    converter = MonoConverter()
    before = _keep(converter.convert(source.frames()), raw)
    _check_heard(before, profile)
    preparation, after, heard = _Renderer(raw, folder, before, profile).render()
    raw.unlink()
    findings = [*source.findings(), *_findings(before, after, preparation, profile)]
    if converter.changes:
        findings.append(Finding("parameters_changed", converter.changes))
    peak = max(levels.true_peak_dbtp for _, levels in heard)
    if peak > profile.true_peak_most_dbtp:
        findings.append(Finding("true_peak_high", round(peak, 2)))
    return Prepared(source.facts, before, after, heard, tuple(findings))


def _keep(blocks: Iterator[Block], raw: Path) -> Levels:
    meter = Meter()
    with raw.open("wb") as out:
        for block in meter.through(blocks):
            out.write(block.tobytes())
    return meter.levels()


def _blocks(raw: Path) -> Iterator[Block]:
    with raw.open("rb") as opened:
        while data := opened.read(4 * RATE_HZ):
            yield np.frombuffer(data, np.float32)


def _check_heard(before: Levels, profile: IntakeProfile) -> None:
    if before.duration_ms < profile.min_duration_ms:
        raise MediaTooShort(
            f"the sound lasts {before.duration_ms} ms, at least {profile.min_duration_ms} ms are needed",
            duration_ms=before.duration_ms,
        )
    if before.sample_peak_dbfs < profile.silent_below_dbfs or not before.measurable:
        raise MediaSilent(
            f"nothing can be heard in the sound (peak {before.sample_peak_dbfs:.0f} dBFS); was the microphone off?",
            sample_peak_dbfs=before.sample_peak_dbfs,
        )


class _Renderer:
    """Prepares, encodes and listens, until each rendition is as loud as it should be and keeps its peak."""

    def __init__(self, raw: Path, folder: Path, before: Levels, profile: IntakeProfile) -> None:
        self._raw = raw
        self._folder = folder
        self._before = before
        self._profile = profile

    def render(self) -> tuple[Preparation, Levels, tuple[tuple[Encoding, Levels], ...]]:
        """All renditions: in one pass while they do, then alone those that a codec altered too much."""
        wanted = encodings(self._profile)
        goal = _Goal(self._profile.target_lufs, self._profile.limiter_dbfs)
        preparation, after = self._prepare(goal)
        encode(preparation.apply(_blocks(self._raw)), self._folder, wanted)
        heard = tuple((encoding, self._correct(encoding, goal, after)) for encoding in wanted)
        return preparation, after, heard

    def _correct(self, encoding: Encoding, goal: _Goal, sent: Levels) -> Levels:
        """Listen to one rendition and encode it again with a better goal, a few times at most."""
        profile = self._profile
        on_target = abs(sent.integrated_lufs - profile.target_lufs) <= profile.loudness_tolerance_lu
        wanted_lufs = profile.target_lufs if on_target else sent.integrated_lufs
        heard = measure(self._folder / encoding.file_name)
        for _ in range(_CODEC_ROUNDS):
            error_lu = wanted_lufs - heard.integrated_lufs
            excess_db = heard.true_peak_dbtp - profile.true_peak_most_dbtp
            if abs(error_lu) <= _CODEC_ERROR_LU and excess_db <= 0:
                break
            goal = goal.better(error_lu, excess_db)
            preparation, _after = self._prepare(goal)
            encode(preparation.apply(_blocks(self._raw)), self._folder, [encoding])
            heard = measure(self._folder / encoding.file_name)
        check(encoding, heard, sent, wanted_lufs, profile)
        return heard

    def _prepare(self, goal: _Goal) -> tuple[Preparation, Levels]:
        """What brings the sound to the goal, and what it measures then; the gain is corrected for the limiter."""
        before = self._before
        offset = before.dc_offset if abs(before.dc_offset) > _DC_OFFSET else 0.0
        most_db = self._profile.max_gain_db + max(0.0, goal.lufs - self._profile.target_lufs)
        gain_db = min(goal.lufs - before.integrated_lufs, most_db)
        for _ in range(_GAIN_ROUNDS):
            limited = before.true_peak_dbtp + gain_db > goal.ceiling_dbfs
            preparation = Preparation(offset, gain_db, goal.ceiling_dbfs if limited else None)
            after = _measure(preparation, self._raw)
            error_lu = goal.lufs - after.integrated_lufs
            gain_db = min(gain_db + error_lu, most_db)
            if abs(error_lu) <= _GAIN_ERROR_LU or gain_db == preparation.gain_db:
                break
        return preparation, after


def _measure(preparation: Preparation, raw: Path) -> Levels:
    meter = Meter()
    for _ in meter.through(preparation.apply(_blocks(raw))):
        pass
    return meter.levels()


def _findings(before: Levels, after: Levels, done: Preparation, profile: IntakeProfile) -> list[Finding]:
    found: list[Finding] = []
    if before.full_scale_samples > _CLIPPED_SHARE * before.samples:
        found.append(Finding("clipped", before.full_scale_samples))
    if done.dc_offset:
        found.append(Finding("dc_offset_removed", round(done.dc_offset, 4)))
    if before.integrated_lufs < _VERY_QUIET_LUFS:
        found.append(Finding("very_quiet", round(before.integrated_lufs, 1)))
    if done.ceiling_dbfs is not None:
        found.append(Finding("limited", round(before.true_peak_dbtp + done.gain_db - done.ceiling_dbfs, 1)))
    missing_lu = profile.target_lufs - after.integrated_lufs
    if missing_lu > profile.loudness_tolerance_lu:
        found.append(Finding("gain_capped", round(missing_lu, 1)))
    return found
