"""The way of one sound, the same for every backend: decode, survey, shape, prepare, encode, listen, correct.

The mono sound is kept once as raw float32 at 48 kHz in the working folder (192 kB a second), so no later pass touches
the hostile file again. The gain is corrected until the limited sound meets its target (on a part of a long sound: what
counts is the encoded file), and once more per codec until what is decoded again meets it and keeps the highest peak.
"""

from dataclasses import dataclass
from pathlib import Path

from controller.media import rules, shaping
from controller.media.backend import Backend, Tell
from controller.media.encodings import Encoding, encodings
from controller.media.intake import Finding, IntakeProfile, SourceFacts
from controller.media.levels import RATE_HZ, Heard, Preparation, Survey, duration_ms
from controller.media.messages import Done, Encoded
from controller.media.rules import Goal
from controller.media.waveform import Waveform

SPOOL_NAME = "mono.f32"
_GAIN_ROUNDS = 4
_CODEC_ROUNDS = 3
_SOFTER_ROUNDS = 2
_GAIN_ERROR_LU = 0.1
_FIRST_SLOPE = 0.75
_DECODE_SHARE = 0.15
_PREPARE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out, before it is said to anybody."""

    source: SourceFacts
    samples: int
    before_lufs: float
    sent_lufs: float
    heard: tuple[tuple[Encoding, Heard], ...]
    findings: tuple[Finding, ...]
    waveform: Waveform

    def said(self, peak_rss_bytes: int, cpu_s: float) -> Done:
        """As an answer."""
        return Done(
            duration_ms=duration_ms(self.samples),
            source=self.source,
            loudness_in_lufs=round(self.before_lufs, 2),
            loudness_lufs=round(self.sent_lufs, 2),
            true_peak_dbtp=round(max(heard.true_peak_dbtp for _, heard in self.heard), 2),
            encoded=tuple(
                Encoded(
                    codec=encoding.codec,
                    file_name=encoding.file_name,
                    media_type=encoding.media_type,
                    duration_ms=duration_ms(heard.samples),
                    loudness_lufs=round(heard.lufs, 2),
                    true_peak_dbtp=round(heard.true_peak_dbtp, 2),
                )
                for encoding, heard in self.heard
            ),
            findings=self.findings,
            peak_rss_bytes=peak_rss_bytes,
            cpu_s=round(cpu_s, 2),
            waveform=self.waveform,
        )


def run(backend: Backend, folder: Path, profile: IntakeProfile, tell: Tell) -> Outcome:
    """Take in the backend's source; the renditions lie in `folder` under their encodings' names.

    Raises:
        MediaError: the refusal.
    """
    spool = folder / SPOOL_NAME
    decoding = backend.decode(spool, _within(tell, 0.0, _DECODE_SHARE))
    given = backend.survey(spool)
    before_lufs = backend.loudness(spool, None, None)
    rules.check_heard(given, before_lufs, profile)
    shaped = shaping.shaped(backend, spool, given, before_lufs, profile)
    tell(_PREPARE_SHARE)
    renderer = _Renderer(backend, spool, shaped.survey, shaped.lufs, profile)
    preparation, sent_lufs = renderer.prepare(Goal(profile.target_lufs, profile.limiter_dbfs))
    wanted = encodings(profile)
    each = (1 - _PREPARE_SHARE) / len(wanted)
    heard = tuple(
        (one, renderer.render(one, folder, preparation, sent_lufs, _within(tell, _PREPARE_SHARE + n * each, each)))
        for n, one in enumerate(wanted)
    )
    spool.unlink()
    found = (
        *decoding.findings(),
        *rules.outline_findings(given.contour.outline(), shaped.trimmed_ms, profile),
        *rules.level_findings(given, before_lufs),
        *rules.gain_findings(shaped.survey, sent_lufs, preparation, renderer.turned_down_db, profile),
    )
    picture = _picture(shaped.survey, preparation, heard[0][1])
    return Outcome(decoding.facts, shaped.survey.samples, before_lufs, sent_lufs, heard, found, picture)


def _picture(survey: Survey, done: Preparation, heard: Heard) -> Waveform:
    """As it was prepared; the limiter is reckoned in as the most there can be."""
    most = 1.0 if done.ceiling_dbfs is None else 10 ** (done.ceiling_dbfs / 20)
    return survey.contour.waveform(done.dc_offset, 10 ** (done.gain_db / 20), most, heard.momentary_lufs)


def _within(tell: Tell, start: float, share: float) -> Tell:
    return lambda done: tell(start + share * min(1.0, max(0.0, done)))


class _Renderer:
    """Prepares, encodes and listens, until each rendition is as loud as it should be and keeps its peak."""

    def __init__(
        self, backend: Backend, spool: Path, survey: Survey, before_lufs: float, profile: IntakeProfile
    ) -> None:
        self._backend = backend
        self._spool = spool
        self._survey = survey
        self._before_lufs = before_lufs
        self._profile = profile
        self._part = rules.PART if survey.samples > rules.LONG_S * RATE_HZ else None
        self._part_lufs: float | None = None
        self.turned_down_db = 0.0

    def render(self, encoding: Encoding, folder: Path, first: Preparation, sent_lufs: float, tell: Tell) -> Heard:
        """One rendition: encode, listen, and encode again with a better goal, a few times at most.

        Some tones make Opus peak far above what it was given; where a limiter finds nothing to take, everything is
        turned down: a soft sound is better than none.
        """
        profile, preparation = self._profile, first
        goal = Goal(profile.target_lufs, profile.limiter_dbfs)
        on_target = abs(sent_lufs - profile.target_lufs) <= profile.loudness_tolerance_lu
        wanted_lufs = profile.target_lufs if on_target else sent_lufs
        target = folder / encoding.file_name
        for round_ in range(_CODEC_ROUNDS + _SOFTER_ROUNDS + 1):
            made_up = Preparation(
                preparation.dc_offset, preparation.gain_db, preparation.ceiling_dbfs, encoding.makeup_db
            )
            start, share = 1 - 0.1**round_, 0.9 * 0.1**round_
            self._backend.encode(self._spool, made_up, encoding, target, _within(tell, start, 0.8 * share))
            heard = self._backend.hear(encoding, target, _within(tell, start + 0.8 * share, 0.2 * share))
            missed = rules.needs_better(heard, wanted_lufs, profile)
            if missed is None:
                break
            _, excess_db = missed
            if excess_db > 0 and (preparation.ceiling_dbfs is None or round_ >= _CODEC_ROUNDS):
                softer_db = rules.softer_by(excess_db)
                goal, wanted_lufs = goal.quieter(softer_db), wanted_lufs - softer_db
            else:
                goal = goal.better(*missed)
            preparation, _ = self.prepare(goal)
        rules.check_rendition(encoding, heard, self._survey.samples, wanted_lufs, profile)
        self.turned_down_db = max(self.turned_down_db, (profile.target_lufs if on_target else sent_lufs) - wanted_lufs)
        tell(1.0)
        return heard

    def prepare(self, goal: Goal) -> tuple[Preparation, float]:
        """What brings the sound to the goal, and what it measures then; the gain is corrected for the limiter."""
        offset = rules.dc_offset(self._survey)
        most_db = self._profile.max_gain_db + max(0.0, goal.lufs - self._profile.target_lufs)
        gain_db = min(goal.lufs - self._before_lufs, most_db)
        if rules.peak_dbfs(self._survey) + gain_db <= goal.ceiling_dbfs:
            return Preparation(offset, gain_db, None), self._before_lufs + gain_db
        tried: list[tuple[float, float]] = []
        for _ in range(_GAIN_ROUNDS):
            preparation = Preparation(offset, gain_db, goal.ceiling_dbfs)
            lufs = self._measured(preparation)
            tried.append((gain_db, lufs))
            gain_db = min(_next_gain_db(tried, goal.lufs), most_db)
            if abs(goal.lufs - lufs) <= _GAIN_ERROR_LU or gain_db == preparation.gain_db:
                break
        return preparation, lufs

    def _measured(self, preparation: Preparation) -> float:
        """What the whole prepared sound measures; from a part of it, by what that part measured before."""
        if self._part is None:
            return self._backend.loudness(self._spool, preparation, None)
        if self._part_lufs is None:
            self._part_lufs = self._backend.loudness(self._spool, None, self._part)
        return self._before_lufs + self._backend.loudness(self._spool, preparation, self._part) - self._part_lufs


def _next_gain_db(tried: list[tuple[float, float]], goal_lufs: float) -> float:
    """Along the line through the last two trials; at first a limiter lets three quarters of a gain through."""
    gain_db, lufs = tried[-1]
    slope = _FIRST_SLOPE
    if len(tried) > 1 and gain_db != tried[-2][0]:
        slope = min(1.0, max(0.2, (lufs - tried[-2][1]) / (gain_db - tried[-2][0])))
    return gain_db + (goal_lufs - lufs) / slope
