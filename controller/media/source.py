"""Opens one file as sound and gives its frames, refusing whatever is not plainly a sound within the profile.

The file is opened by descriptor, so neither its name nor its folder can steer a decoder; only listed formats, only
listed decoders and only the file protocol exist for it. Runs inside the PyAV child.
"""

import errno
from collections.abc import Iterator
from typing import Self

import av
import av.container

from controller.media import rules
from controller.media.errors import MediaFormatRefused, MediaNoAudio, MediaUnreadable
from controller.media.intake import IntakeProfile, SourceFacts
from controller.media.structure import structure


class Source:
    """One opened file; read its `frames` once, then ask for its `decoding`."""

    def __init__(self, descriptor: int, profile: IntakeProfile) -> None:
        self._profile = profile
        self._structure = structure(descriptor)
        self._container = _open(descriptor)
        self._stream = _audio_stream(self._container)
        self.facts = self._declared_facts()
        self.declared_s = self._declared_duration_s()
        self.decoded_s = 0.0
        self._packets = 0
        self._bad = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def frames(self) -> Iterator[av.AudioFrame]:
        """Every decoded frame.

        Raises:
            MediaError: the sound is longer than allowed, or damaged.
        """
        for packet in self._packets_of_sound():
            for given in self._decode(packet):
                rules.check_shape(given.layout.nb_channels, given.sample_rate)
                self.decoded_s += given.samples / given.sample_rate
                rules.check_duration(self.decoded_s, "has", self._profile)
                yield given

    def decoding(self, changes: int) -> rules.Decoding:
        """What reading it to its end told."""
        return rules.Decoding(
            facts=self.facts,
            declared_s=self.declared_s,
            decoded_s=self.decoded_s,
            end_marked=self._structure.end_marked,
            missing_bytes=self._structure.missing_bytes,
            bad_packets=self._bad,
            other_streams=len(self._container.streams.audio) - 1,
            changes=changes,
        )

    def _declared_facts(self) -> SourceFacts:
        context = self._stream.codec_context
        rules.check_codec(context.name)
        facts = SourceFacts(
            self._container.format.name.split(",")[0],
            context.codec.canonical_name,
            context.sample_rate,
            context.layout.nb_channels,
        )
        rules.check_shape(facts.channels, facts.rate_hz)
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
        rules.check_duration(declared, "declares", self._profile)
        return declared

    def _packets_of_sound(self) -> "Iterator[av.Packet[av.AudioStream]]":
        try:
            yield from self._container.demux(self._stream)
        except av.error.EOFError:
            return
        except av.error.InvalidDataError:
            self._count_bad()

    def _decode(self, packet: "av.Packet[av.AudioStream]") -> list[av.AudioFrame]:
        self._packets += bool(packet.size)
        try:
            return [given for given in packet.decode() if isinstance(given, av.AudioFrame) and given.samples]
        except av.error.InvalidDataError:
            self._count_bad()
            return []

    def _count_bad(self) -> None:
        self._bad += 1
        rules.check_damage(self._bad, self._packets)


def _open(descriptor: int) -> av.container.InputContainer:
    allowed = {"format_whitelist": rules.FORMATS, "codec_whitelist": rules.CODECS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:/proc/self/fd/{descriptor}", mode="r", options=allowed)
    except av.error.ArgumentError as error:
        if error.errno != errno.EINVAL:
            raise
        raise MediaFormatRefused(
            "the file is of a kind that is not accepted; use mp3, m4a, ogg, opus, flac or wav"
        ) from error
    except av.error.FFmpegError as error:
        raise MediaUnreadable(f"the file cannot be read ({error.strerror}); is it damaged or not a sound?") from error


def _audio_stream(container: av.container.InputContainer) -> av.AudioStream:
    """The first one."""
    if not container.streams.audio:
        raise MediaNoAudio("the file has no audio track; was the sound switched off while recording?")
    stream = container.streams.audio[0]
    stream.codec_context.thread_type = "NONE"
    return stream
