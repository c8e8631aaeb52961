"""The passes of the pipeline by PyAV, inside the limited child."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from controller.media import rules
from controller.media.backend import Tell
from controller.media.encode import decode, encode, hear
from controller.media.encodings import Encoding
from controller.media.intake import IntakeProfile, SpeechFilter
from controller.media.levels import Heard, Part, Preparation, Survey, horn_filters
from controller.media.sound import Meter, MonoConverter, filtered, frame, prepared
from controller.media.source import Source
from controller.media.spool import Block, blocks, survey


class PyAvBackend:
    """Implements `backend.Backend` for one opened file."""

    def __init__(self, descriptor: int, profile: IntakeProfile) -> None:
        self._descriptor = descriptor
        self._profile = profile
        self._samples = 0

    def decode(self, spool: Path, tell: Tell) -> rules.Decoding:
        """As the port says. What runs on past its declared end is counted before any more of it is written."""
        with Source(self._descriptor, self._profile) as source:
            allowed_s = rules.plausible_s(source.declared_s)
            decoding = self._spooled(source, spool, allowed_s, tell)
        if decoding.decoded_s > allowed_s:
            with Source(self._descriptor, self._profile) as source:
                decoding = self._spooled(source, spool, decoding.decoded_s, tell)
        decoding.check_whole()
        return decoding

    def _spooled(self, source: Source, spool: Path, allowed_s: float, tell: Tell) -> rules.Decoding:
        """Decode to the end; write as long as no more than `allowed_s` is there."""
        converter = MonoConverter()
        expected_s = source.declared_s or allowed_s or self._profile.max_duration_s
        frames = source.frames()
        with spool.open("wb") as out:
            for block in converter.convert(given for given in frames if source.decoded_s <= allowed_s):
                out.write(block.data)
                tell(source.decoded_s / expected_s)
        return source.decoding(converter.changes)

    def survey(self, spool: Path) -> Survey:
        """As the port says."""
        found = survey(blocks(spool))
        self._samples = found.samples
        return found

    def filter(self, spool: Path, target: Path, wanted: SpeechFilter) -> None:
        """As the port says."""
        _write(filtered(blocks(spool), *horn_filters(wanted.high_pass_hz, wanted.presence_db)), target)

    def unpack(self, rendition: Path, spool: Path) -> None:
        """As the port says."""
        _write(decode(rendition), spool)

    def loudness(self, spool: Path, preparation: Preparation | None, part: Part | None) -> float:
        """As the port says."""
        meter = Meter(true_peak=False)
        sound = blocks(spool, part)
        for block in sound if preparation is None else prepared(sound, preparation):
            meter.add(frame(block))
        return meter.result()[0]

    def encode(self, spool: Path, preparation: Preparation, encoding: Encoding, target: Path, tell: Tell) -> None:
        """As the port says."""
        encode(prepared(blocks(spool), preparation), encoding, target, lambda at: tell(at / self._samples))

    def hear(self, encoding: Encoding, source: Path, tell: Tell) -> Heard:
        """As the port says."""
        del encoding
        return hear(source, lambda at: tell(at / self._samples))


def _write(sound: Iterable[Block], target: Path) -> None:
    with target.open("wb") as out:
        out.writelines(np.ascontiguousarray(block).data for block in sound)
