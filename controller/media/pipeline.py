"""The passes over one sound, inside the child: measure, prepare, measure again, encode, prove.

The mono sound is kept once as raw float32 in the working folder (192 kB a second), so each later pass streams it
instead of decoding the hostile file again. Gain is corrected until the limited sound meets its target; the limiter is
lowered until the decoded renditions keep the highest true peak allowed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from controller.media.encode import Encoding, encode, encodings, verify
from controller.media.errors import MediaSilent, MediaTooShort
from controller.media.intake import Finding, IntakeProfile, SourceFacts
from controller.media.sound import RATE_HZ, Block, Levels, Meter, MonoConverter, Preparation
from controller.media.source import Source

_RAW_NAME = "mono.f32"
_GAIN_ROUNDS = 4
_CEILING_ROUNDS = 3
_CEILING_FLOOR_DBFS = -12.0
_GAIN_ERROR_LU = 0.2
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
    preparation, after, heard = _prepare_and_encode(raw, folder, before, profile)
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


def _prepare_and_encode(
    raw: Path, folder: Path, before: Levels, profile: IntakeProfile
) -> tuple[Preparation, Levels, tuple[tuple[Encoding, Levels], ...]]:
    ceiling_dbfs = profile.limiter_dbfs
    pending = wanted = encodings(profile)
    heard: dict[str, Levels] = {}
    for _ in range(_CEILING_ROUNDS):
        preparation, after = _prepare(raw, before, ceiling_dbfs, profile)
        encode(preparation.apply(_blocks(raw)), folder, pending)
        for encoding in pending:
            heard[encoding.codec] = verify(folder / encoding.file_name, after, profile)
        excess = max(heard[encoding.codec].true_peak_dbtp for encoding in pending) - profile.true_peak_most_dbtp
        if excess <= 0:
            break
        pending = tuple(one for one in pending if heard[one.codec].true_peak_dbtp > profile.true_peak_most_dbtp)
        ceiling_dbfs = max(_CEILING_FLOOR_DBFS, ceiling_dbfs - excess - _MARGIN_DB)
    return preparation, after, tuple((encoding, heard[encoding.codec]) for encoding in wanted)


def _prepare(raw: Path, before: Levels, ceiling_dbfs: float, profile: IntakeProfile) -> tuple[Preparation, Levels]:
    """The gain that brings the sound to its target under this ceiling, and what it measures then."""
    offset = before.dc_offset if abs(before.dc_offset) > _DC_OFFSET else 0.0
    gain_db = min(profile.target_lufs - before.integrated_lufs, profile.max_gain_db)
    preparation = Preparation(offset, gain_db, None)
    for _ in range(_GAIN_ROUNDS):
        limited = before.true_peak_dbtp + preparation.gain_db > ceiling_dbfs
        preparation = replace(preparation, ceiling_dbfs=ceiling_dbfs if limited else None)
        after = _measure(preparation, raw)
        error_lu = profile.target_lufs - after.integrated_lufs
        gain_db = min(preparation.gain_db + error_lu, profile.max_gain_db)
        if abs(error_lu) <= _GAIN_ERROR_LU or gain_db == preparation.gain_db:
            break
        previous, preparation = preparation, replace(preparation, gain_db=gain_db)
    else:
        preparation = previous
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
