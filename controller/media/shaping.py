"""The step between survey and preparation: what the profile's treatment asks for is done to the spooled sound.

Where nothing is asked, nothing is touched. Else: its offset and its ends go, then it is filtered, then repeats and
chimes are put around it, all at the loudness of the sound itself.
"""

from dataclasses import dataclass
from pathlib import Path

from controller.media import composing, rules
from controller.media.backend import Backend
from controller.media.composing import Piece, Trim
from controller.media.intake import IntakeProfile, Treatment
from controller.media.levels import RATE_HZ, UNMEASURABLE_LUFS, Survey
from loa_protocol.chimes import CHIMES, struck

_CHIME = "chime"
_SAMPLE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Shaped:
    """The sound that is prepared: its facts, its LUFS, and what was cut off at its start and its end."""

    survey: Survey
    lufs: float
    trimmed_ms: tuple[int, int] | None


def shaped(backend: Backend, spool: Path, given: Survey, given_lufs: float, profile: IntakeProfile) -> Shaped:
    """Do what is asked to the sound in `spool`, in place.

    Raises:
        MediaSilent, MediaTooLong: nothing is left of it, or too much.
    """
    wanted = profile.treatment
    if not wanted.touches:
        return Shaped(given, given_lufs, None)
    kept = composing.trim(given.contour, given.samples) if wanted.trim else Trim(0, given.samples)
    composing.cut(spool, kept, rules.dc_offset(given), joined=wanted.composes)
    other = spool.with_name("other.f32")
    if wanted.speech_filter is not None:
        backend.filter(spool, other, wanted.speech_filter)
        other.replace(spool)
    survey = backend.survey(spool)
    lufs = backend.loudness(spool, None, None)
    rules.check_heard(survey, lufs, profile)
    if wanted.composes:
        composing.write(_pieces(backend, Piece(survey.samples, spool), lufs, profile), other)
        other.replace(spool)
        survey = backend.survey(spool)
        lufs = backend.loudness(spool, None, None)
    return Shaped(survey, lufs, (kept.start_ms, kept.end_ms) if wanted.trim else None)


def _pieces(backend: Backend, sound: Piece, lufs: float, profile: IntakeProfile) -> list[Piece]:
    wanted: Treatment = profile.treatment
    before, after = (
        None if named is None else _chime(backend, sound.spool.parent, named, lufs)  # type: ignore[union-attr]
        for named in (wanted.before, wanted.after)
    )
    found = composing.pieces(sound, wanted.repeats, wanted.gap_ms, before, after)
    rules.check_duration(sum(one.samples for one in found) / RATE_HZ, "has, with its repeats and chimes,", profile)
    return found


def _chime(backend: Backend, folder: Path, named: str, lufs: float) -> Piece:
    """A chime as loud as the sound."""
    kind, _, value = named.partition(":")
    spool = folder / f"{kind}-{value}.f32"
    if kind == _CHIME:
        spool.write_bytes(struck(CHIMES[value]).tobytes())
    else:
        backend.unpack(folder / value, spool)
    own_lufs = backend.loudness(spool, None, None)
    factor = 10 ** ((lufs - own_lufs) / 20) if own_lufs > UNMEASURABLE_LUFS else 1.0
    return Piece(spool.stat().st_size // _SAMPLE_BYTES, spool, factor)
