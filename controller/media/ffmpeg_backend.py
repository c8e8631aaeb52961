"""The passes of the pipeline by the ffmpeg program: each is one limited child, followed from a thread of ours."""

import time
from dataclasses import replace
from pathlib import Path

from controller.media import ffmpeg_commands as commands
from controller.media import ffmpeg_words as words
from controller.media import rules
from controller.media.backend import Tell
from controller.media.encodings import Encoding
from controller.media.errors import MediaChildLimit
from controller.media.intake import IntakeProfile, SourceFacts, SpeechFilter
from controller.media.levels import RATE_HZ, UNMEASURABLE_LUFS, Heard, Part, Preparation, Survey, db
from controller.media.limited_process import Ended, Order, follow
from controller.media.spool import blocks, survey
from controller.media.structure import Structure, structure

_TAIL_BYTES = 4096
_SAMPLE_BYTES = 4
_NO_LIMIT_S = 0.5
_PART_NAME = "part.f32"


class FfmpegBackend:
    """Implements `backend.Backend` for one opened file, until the other end of `stop` is closed."""

    def __init__(
        self, programs: tuple[str, str], descriptor: int, folder: Path, profile: IntakeProfile, stop: int
    ) -> None:
        self._ffmpeg, self._ffprobe = programs
        self._descriptor = descriptor
        self._folder = folder
        self._profile = profile
        self._stop = stop
        self._deadline_s = time.monotonic() + profile.limits.wall_s
        self._sound_s = 0.0
        self.cpu_s = 0.0
        self.peak_rss_bytes = 0

    def decode(self, spool: Path, tell: Tell) -> rules.Decoding:
        """As the port says. What runs on past its declared end is counted before any more of it is written."""
        form = structure(self._descriptor)
        sounds, container, declared_s = self._probed(form)
        facts = SourceFacts(container, sounds[0].codec_name, int(sounds[0].sample_rate), sounds[0].channels)
        allowed_s = rules.plausible_s(declared_s)
        log, decoded_s = self._decoded(facts, allowed_s, spool, declared_s, tell)
        if decoded_s > allowed_s or not allowed_s:
            _, allowed_s = self._decoded(facts, self._profile.max_duration_s, None, declared_s, tell)
            rules.check_duration(allowed_s, "has", self._profile)
            log, decoded_s = self._decoded(facts, allowed_s, spool, declared_s, tell)
        decoding = rules.Decoding(
            facts=facts,
            declared_s=declared_s,
            decoded_s=decoded_s,
            end_marked=form.end_marked,
            missing_bytes=form.missing_bytes,
            bad_packets=log.bad_packets,
            other_streams=len(sounds) - 1,
            changes=max(0, len(log.shapes) - 1),
        )
        decoding.check_whole()
        return decoding

    def survey(self, spool: Path) -> Survey:
        """As the port says."""
        found = survey(blocks(spool))
        self._sound_s = found.samples / RATE_HZ
        return found

    def filter(self, spool: Path, target: Path, wanted: SpeechFilter) -> None:
        """As the port says."""
        self._own(commands.speech_filter(self._ffmpeg, spool.name, wanted, target.name), None)

    def unpack(self, rendition: Path, spool: Path) -> None:
        """As the port says."""
        self._own(commands.unpack(self._ffmpeg, rendition.name, spool.name), None)

    def loudness(self, spool: Path, preparation: Preparation | None, part: Part | None) -> float:
        """As the port says."""
        measured = spool if part is None else self._part(spool, part)
        self._own(commands.loudness(self._ffmpeg, measured.name, preparation), None)
        return self._value(commands.LOUDNESS_NAME, "lavfi.r128.I", UNMEASURABLE_LUFS)

    def encode(self, spool: Path, preparation: Preparation, encoding: Encoding, target: Path, tell: Tell) -> None:
        """As the port says."""
        del target
        self._own(commands.encode(self._ffmpeg, spool.name, preparation, encoding), tell)

    def hear(self, encoding: Encoding, source: Path, tell: Tell) -> Heard:
        """As the port says."""
        del source
        ended = self._own(commands.hear(self._ffmpeg, encoding), tell)
        samples = round((words.out_time_s(ended.said) - commands.PAD_S) * RATE_HZ)
        lufs = self._value(commands.LOUDNESS_NAME, "lavfi.r128.I", UNMEASURABLE_LUFS)
        with (self._folder / commands.MOMENTARY_NAME).open("rb") as said:
            momentary_lufs = words.values(said, "lavfi.r128.M")
        return Heard(samples, lufs, db(self._value(commands.PEAK_NAME, "lavfi.r128.true_peak", 0.0)), momentary_lufs)

    def _part(self, spool: Path, part: Part) -> Path:
        """The pieces that stand for the whole, in a file of their own, which is read several times."""
        pieces = self._folder / _PART_NAME
        if not pieces.exists():
            with pieces.open("wb") as out:
                out.writelines(block.data for block in blocks(spool, part))
        return pieces

    def _probed(self, form: Structure) -> tuple[list[words.ProbedStream], str, float | None]:
        """The sounds of the source, its container, and its declared duration in s if it is written down."""
        ended = self._run(commands.probe(self._ffprobe, self._descriptor), None, 0.0)
        if ended.status and words.names_other_codec(ended.complaint):
            ended = self._run(commands.probe(self._ffprobe, self._descriptor, pictures=True), None, 0.0)
        if ended.status:
            raise words.reading_failure(ended.complaint)
        found = words.probed(ended.said)
        sounds, container = found.sounds(), found.format.format_name.split(",")[0]
        rules.check_codec(sounds[0].codec_name)
        rules.check_shape(sounds[0].channels, int(sounds[0].sample_rate))
        declared = sounds[0].duration or found.format.duration
        if declared is None or container == "aac" or not form.duration_known:
            return sounds, container, None
        rules.check_duration(float(declared), "declares", self._profile)
        return sounds, container, float(declared)

    def _decoded(
        self, facts: SourceFacts, at_most_s: float, spool: Path | None, declared_s: float | None, tell: Tell
    ) -> tuple[words.DecodeLog, float]:
        """One reading of the source, into `spool` or only counted; half a second more than allowed shows an excess."""
        if spool is not None and not at_most_s:
            return words.DecodeLog(0, 0, ()), 0.0
        name = spool.name if spool is not None else None
        command = commands.decode(self._ffmpeg, self._descriptor, facts.channels, at_most_s + _NO_LIMIT_S, name)
        ended = self._run(command, tell, declared_s or at_most_s)
        log = words.decode_log(ended.complaint)
        for rate_hz, _ in log.shapes:
            rules.check_shape(facts.channels, rate_hz)
        rules.check_damage(log.bad_packets, log.packets)
        if ended.status and (limit := words.limit_failure(ended.complaint)):
            raise limit
        if spool is None:
            return log, words.out_time_s(ended.said)
        samples = spool.stat().st_size // _SAMPLE_BYTES if spool.exists() else 0
        if ended.status and samples:
            raise words.reading_failure(ended.complaint)
        return log, samples / RATE_HZ

    def _own(self, command: list[str], tell: Tell | None) -> Ended:
        ended = self._run(command, tell, self._sound_s)
        if ended.status:
            raise words.own_failure(ended.status, ended.complaint)
        return ended

    def _run(self, command: list[str], tell: Tell | None, expected_s: float) -> Ended:
        """One program under what is left of the job's limits."""

        def hear(line: bytes) -> None:
            if tell is not None and expected_s and line.startswith(b"out_time_us="):
                tell(words.out_time_s(line) / expected_s)

        most = self._profile.limits
        left = replace(
            most,
            cpu_s=max(1, round(most.cpu_s - self.cpu_s)),
            wall_s=max(0.01, self._deadline_s - time.monotonic()),
        )
        ended = follow(Order(tuple(command), self._folder, left, descriptors=(self._descriptor,)), self._stop, hear)
        self.cpu_s += ended.cpu_s
        self.peak_rss_bytes = max(self.peak_rss_bytes, ended.peak_rss_bytes)
        if ended.limit_signal is not None or self.cpu_s > most.cpu_s or words.ended_by_limit(ended.complaint):
            raise MediaChildLimit("the sound needs more time or space than a job may have; cut it or convert it")
        return ended

    def _value(self, name: str, key: str, default: float) -> float:
        with (self._folder / name).open("rb") as opened:
            opened.seek(max(0, opened.seek(0, 2) - _TAIL_BYTES))
            return words.last_value(opened.read(), key, default)
