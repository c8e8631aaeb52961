"""Opens one file as sound and gives its frames, refusing whatever is not plainly a sound within the profile.

The file is opened by descriptor, so neither its name nor its folder can steer a decoder; only listed formats and only
the file protocol exist for it. Declared figures are checked before decoding, running figures while decoding.
"""

import errno
import os
from collections.abc import Iterator

import av
import av.container

from controller.media.errors import (
    MediaBadChannels,
    MediaBadRate,
    MediaEmpty,
    MediaFormatRefused,
    MediaNoAudio,
    MediaTooLong,
    MediaTruncated,
    MediaUnreadable,
)
from controller.media.intake import Finding, IntakeProfile, SourceFacts
from controller.media.structure import Structure, inspect

FORMATS = "mp3,wav,w64,ogg,flac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,aiff,caf,asf"
CHANNELS = range(1, 9)
RATES_HZ = range(8_000, 192_001)
_MAX_BAD_PACKETS = 20
_MAX_BAD_SHARE = 0.02
_NOTABLE_S = 0.1
_MISSING_S = 1.0
_MISSING_SHARE = 0.02


class Source:
    """One opened file; `frames` once, then `facts` and `findings`."""

    def __init__(self, descriptor: int, profile: IntakeProfile) -> None:
        self._profile = profile
        self._structure = _structure(descriptor)
        if self._structure.channels is not None and self._structure.rate_hz is not None:
            _check_shape(self._structure.channels, self._structure.rate_hz)
        self._container = _open(descriptor)
        self._stream = _audio_stream(self._container)
        self.facts = self._declared_facts()
        self._declared_s = self._declared_duration_s()
        self._decoded_s = 0.0
        self._packets = 0
        self._bad = 0
        self._last_bad = False

    def frames(self) -> Iterator[av.AudioFrame]:
        """Every decoded frame.

        Raises:
            MediaError: the sound is longer than allowed, damaged, cut or holds nothing.
        """
        for packet in self._packets_of_sound():
            for given in self._decode(packet):
                _check_shape(given.layout.nb_channels, given.sample_rate)
                self._decoded_s += given.samples / given.sample_rate
                self._check_duration(self._decoded_s, "has")
                yield given
        self._check_whole()

    def findings(self) -> list[Finding]:
        """What was found but tolerated."""
        found: list[Finding] = []
        if self._bad:
            found.append(Finding("damaged_packets", self._bad))
        if not self._structure.end_marked:
            found.append(Finding("end_not_marked", 0))
        missing_s = (self._declared_s or 0.0) - self._decoded_s
        if missing_s > _NOTABLE_S:
            found.append(Finding("shorter_than_declared", round(1000 * missing_s)))
        if others := len(self._container.streams.audio) - 1:
            found.append(Finding("other_streams_ignored", others))
        return found

    def _declared_facts(self) -> SourceFacts:
        context = self._stream.codec_context
        facts = SourceFacts(
            self._container.format.name.split(",")[0], context.name, context.sample_rate, context.layout.nb_channels
        )
        _check_shape(facts.channels, facts.rate_hz)
        return facts

    def _declared_duration_s(self) -> float | None:
        """The written duration, or None where the container has none or libav only estimates it."""
        if self.facts.container == "aac" or not self._structure.duration_known:
            return None
        if self._stream.duration is not None and self._stream.time_base is not None:
            declared = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration is not None:
            declared = self._container.duration / av.time_base
        else:
            return None
        self._check_duration(declared, "declares")
        return declared

    def _check_duration(self, seconds: float, verb: str) -> None:
        if seconds > self._profile.max_duration_s:
            raise MediaTooLong(
                f"the sound {verb} {seconds:.0f} s or more, {self._profile.max_duration_s:.0f} s are allowed; cut it",
                max_duration_s=self._profile.max_duration_s,
            )

    def _packets_of_sound(self) -> "Iterator[av.Packet[av.AudioStream]]":
        try:
            yield from self._container.demux(self._stream)
        except av.error.EOFError:
            return
        except av.error.InvalidDataError:
            self._count_bad()

    def _decode(self, packet: "av.Packet[av.AudioStream]") -> list[av.AudioFrame]:
        if packet.size:
            self._packets += 1
            self._last_bad = False
        try:
            return [given for given in packet.decode() if isinstance(given, av.AudioFrame) and given.samples]
        except av.error.InvalidDataError:
            self._count_bad()
            return []

    def _count_bad(self) -> None:
        self._bad += 1
        self._last_bad = True
        if self._bad > max(_MAX_BAD_PACKETS, _MAX_BAD_SHARE * self._packets):
            raise MediaUnreadable(
                f"{self._bad} of {self._packets} packets are damaged; copy the file again from its source",
                damaged_packets=self._bad,
            )

    def _check_whole(self) -> None:
        if not self._decoded_s:
            raise MediaEmpty("no sound could be decoded from the file; is it the right one?")
        missing_s = (self._declared_s or 0.0) - self._decoded_s
        cut = self.facts.container == "aac" and self._last_bad
        if cut or missing_s > max(_MISSING_S, _MISSING_SHARE * (self._declared_s or 0.0)):
            raise MediaTruncated(
                f"the sound ends after {self._decoded_s:.1f} s, before its declared end; copy it again",
                declared_s=self._declared_s,
                decoded_s=self._decoded_s,
            )


def _structure(descriptor: int) -> Structure:
    with os.fdopen(os.dup(descriptor), "rb") as opened:
        return inspect(opened)


def _open(descriptor: int) -> av.container.InputContainer:
    try:
        return av.open(
            f"file:/proc/self/fd/{descriptor}",
            mode="r",
            options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
        )
    except av.error.ArgumentError as error:
        if error.errno != errno.EINVAL:
            raise
        raise MediaFormatRefused(
            "the file is of a kind that is not accepted; use mp3, m4a, ogg, opus, flac or wav"
        ) from error
    except av.error.FFmpegError as error:
        raise MediaUnreadable(f"the file cannot be read ({error.strerror}); is it damaged or not a sound?") from error


def _audio_stream(container: av.container.InputContainer) -> av.AudioStream:
    stream = container.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        raise MediaNoAudio("the file has no audio track; was the sound switched off while recording?")
    stream.codec_context.thread_type = "NONE"
    return stream


def _check_shape(channels: int, rate_hz: int) -> None:
    if channels not in CHANNELS:
        raise MediaBadChannels(f"the sound has {channels} channels, 1 to 8 are accepted", channels=channels)
    if rate_hz not in RATES_HZ:
        raise MediaBadRate(f"the sound has {rate_hz} samples a second, 8000 to 192000 are accepted", rate_hz=rate_hz)
