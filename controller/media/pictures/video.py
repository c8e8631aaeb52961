"""One video: decoded, thinned out, reduced, written anew as WebM (VP9) without sound, and read back. In the child only.

The demuxer is the one that the file's first bytes name, it reads through an open descriptor and can open nothing else.
Durations and sizes are checked as declared and again while it runs: headers lie.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt

from controller.media.pictures.errors import (
    PictureTooManyPixels,
    PictureTooSmall,
    PictureUnreadable,
    PictureVerifyFailed,
    VideoEmpty,
    VideoTooLong,
)
from controller.media.pictures.profile import DEFAULT_PROFILE as DEFAULT
from controller.media.pictures.profile import PictureProfile
from controller.media.pictures.signatures import VIDEOS
from controller.media.progress import Steps

FILE_NAME = "video.webm"
FORMATS = frozenset(VIDEOS)
_MOST_BAD = 50
_DECODED_PER_S = 120
"""More frames a second than any camera of people's makes: what declares more is there to take our time."""
_THUMB_PX = 16
_THUMB_ERROR_MOST = 24.0
_QUARTER = 90

Thumb = npt.NDArray[np.uint8]


class Film:
    """What a video became: `thumbs` are its frames, tiny, as they were handed to the encoder."""

    def __init__(self) -> None:
        self.source: dict[str, str | int] = {}
        self.findings: dict[str, int] = {}
        self.size = (0, 0)
        self.longest_px = 0
        self.thumbs: list[Thumb] = []
        self.duration_ms = 0


def prepare(folder: Path) -> None:
    """Load what is loaded late: later this process may open no file any more."""
    path = folder / "prepare.webm"
    with _writer(path, (16, 16), DEFAULT) as (container, stream):
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        frame = frame.reformat(16, 16, "yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, DEFAULT.video_frames_per_s)
        container.mux(stream.encode(frame))
    for again in _decoded(path):
        _thumb(again)
    path.unlink()


def take(opened: BinaryIO, name: str, folder: Path, profile: PictureProfile, steps: Steps) -> tuple[Path, Film]:
    """Write the one rendition, proven to be this video.

    Raises:
        PictureError: a subclass says why not.
    """
    film = Film()
    path = folder / FILE_NAME
    with av.open(opened, mode="r", format=name, metadata_errors="ignore") as container:
        stream = _stream(container, profile, film)
        frames = _bounded(container, stream, profile, film)
        first = next(frames, None)
        if first is None:
            raise VideoEmpty("nothing of the video can be decoded; is it damaged?")
        film.size, film.longest_px = _size(first[1], profile), max(_turned(first[1]))
        with _writer(path, film.size, profile) as (output, encoder):
            for frame in _thinned(_chain(first, frames), film, profile, steps):
                output.mux(encoder.encode(frame))
    if film.longest_px > profile.video_longest_side_px:
        film.findings["reduced"] = film.longest_px
    _verify(path, film)
    return path, film


def _stream(container: av.container.InputContainer, profile: PictureProfile, film: Film) -> av.video.stream.VideoStream:
    if not container.streams.video:
        raise VideoEmpty("the file has no video; if it is a sound, hand it in as a sound")
    stream = container.streams.video[0]
    context: av.VideoCodecContext | None = stream.codec_context
    if context is None:
        raise PictureUnreadable("no decoder knows the video, or its index is cut off; export it again as MP4")
    stream.thread_type = "NONE"
    context.thread_count = 1
    declared_s = (container.duration or 0) / av.time_base
    film.source = {
        "format": container.format.name,
        "codec": context.name,
        "width_px": context.width,
        "height_px": context.height,
        "declared_ms": round(1000 * declared_s),
    }
    if container.streams.audio:
        film.findings["sound_dropped"] = len(container.streams.audio)
    _require_bounded(context.width, context.height, profile)
    if declared_s > profile.video_max_duration_s:
        raise _too_long(declared_s, profile)
    return stream


def _bounded(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, profile: PictureProfile, film: Film
) -> Iterator[tuple[float, av.VideoFrame]]:
    """(seconds from the first frame, frame) as they come; damaged ones are passed over, up to a number."""
    start_s: float | None = None
    rate = float(stream.average_rate or 25) or 25.0
    for count, frame in enumerate(_frames(container, stream, film)):
        if count > profile.video_max_duration_s * _DECODED_PER_S:
            raise VideoTooLong("the video has more frames than any board could show; cut it, or export it anew")
        _require_bounded(frame.width, frame.height, profile)
        at_s = frame.time if frame.time is not None else count / rate
        start_s = at_s if start_s is None else start_s
        if at_s - start_s > profile.video_max_duration_s:
            raise _too_long(at_s - start_s, profile)
        yield max(0.0, at_s - start_s), frame


def _frames(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, film: Film
) -> Iterator[av.VideoFrame]:
    packets = container.demux(stream)
    bad = 0
    while True:
        try:
            packet = next(packets)
            yield from packet.decode()
        except StopIteration:
            return
        except av.error.EOFError:
            return
        except av.error.InvalidDataError as error:
            bad += 1
            film.findings["damaged_frames"] = bad
            if bad > _MOST_BAD:
                raise PictureUnreadable("too much of the video is damaged; copy it again from its source") from error


def _thinned(
    frames: Iterator[tuple[float, av.VideoFrame]], film: Film, profile: PictureProfile, steps: Steps
) -> Iterator[av.VideoFrame]:
    """At most so many frames a second, each at its own time and of the size that is written."""
    tick_s = 1.0 / profile.video_frames_per_s
    last = -1
    for at_s, frame in frames:
        tick = round(at_s / tick_s)
        if tick <= last:
            continue
        small = _upright(frame).reformat(*film.size, "yuv420p")
        small.pts, small.time_base, small.pict_type = tick, Fraction(1, profile.video_frames_per_s), 0
        film.thumbs.append(_thumb(small))
        last = tick
        yield small
        declared_s = max(0.001, float(film.source["declared_ms"]) / 1000)
        steps(min(0.9, 0.9 * at_s / declared_s))
    film.duration_ms = round(1000 * (last + 1) * tick_s)


def _chain(
    first: tuple[float, av.VideoFrame], rest: Iterator[tuple[float, av.VideoFrame]]
) -> Iterator[tuple[float, av.VideoFrame]]:
    yield first
    yield from rest


def _verify(path: Path, film: Film) -> None:
    """Every frame is there again and looks as it did."""
    found = 0
    for number, frame in enumerate(_decoded(path)):
        found += 1
        if number >= len(film.thumbs) or (frame.width, frame.height) != film.size:
            break
        error = np.abs(_thumb(frame).astype(np.int16) - film.thumbs[number]).mean()
        if error > _THUMB_ERROR_MOST:
            raise PictureVerifyFailed(f"frame {number + 1} of the video came out otherwise; report this file")
    if found != len(film.thumbs):
        raise PictureVerifyFailed("the video that was written has other frames; report this file")


def _decoded(path: Path) -> Iterator[av.VideoFrame]:
    with path.open("rb") as opened, av.open(opened, mode="r", format="matroska") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)


class _writer:  # noqa: N801 - used as the function it stands for
    """One WebM file with one stream; ends it properly only where all went well."""

    def __init__(self, path: Path, size: tuple[int, int], profile: PictureProfile) -> None:
        self._file = path.open("wb")
        options = {"deadline": "realtime", "cpu-used": "6", "lag-in-frames": "0"}
        self._container = av.open(self._file, mode="w", format="webm", options={"fflags": "+bitexact"})
        stream = self._container.add_stream("libvpx-vp9", rate=profile.video_frames_per_s, options=options)
        if not isinstance(stream, av.video.stream.VideoStream):
            raise TypeError("libvpx-vp9 is no encoder of videos")
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.bit_rate = profile.video_bits_per_s
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = 4 * profile.video_frames_per_s
        self._stream = stream

    def __enter__(self) -> tuple[av.container.OutputContainer, av.video.stream.VideoStream]:
        return self._container, self._stream

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.close()


def _size(frame: av.VideoFrame, profile: PictureProfile) -> tuple[int, int]:
    """Even sides, no longer than they may be."""
    width, height = _turned(frame)
    scale = min(1.0, profile.video_longest_side_px / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _turned(frame: av.VideoFrame) -> tuple[int, int]:
    upright = frame.rotation % (2 * _QUARTER) == 0
    return (frame.width, frame.height) if upright else (frame.height, frame.width)


def _upright(frame: av.VideoFrame) -> av.VideoFrame:
    """Turned as the camera was held; only quarter turns are known."""
    turns = round(frame.rotation / _QUARTER) % 4
    if not turns:
        return frame
    return av.VideoFrame.from_ndarray(np.rot90(frame.to_ndarray(format="rgb24"), turns).copy(), format="rgb24")


def _thumb(frame: av.VideoFrame) -> Thumb:
    return frame.reformat(_THUMB_PX, _THUMB_PX, "gray").to_ndarray().astype(np.uint8)


def _require_bounded(width_px: int, height_px: int, profile: PictureProfile) -> None:
    if width_px * height_px > profile.video_max_pixels:
        raise PictureTooManyPixels(
            f"the video has {width_px} x {height_px} pixels, {profile.video_max_pixels // 1_000_000} million are"
            " allowed; export it smaller",
            width_px=width_px,
            height_px=height_px,
        )
    if min(width_px, height_px) < profile.min_side_px:
        raise PictureTooSmall(f"the video has {width_px} x {height_px} pixels; nobody could recognise anything")


def _too_long(seconds: float, profile: PictureProfile) -> VideoTooLong:
    return VideoTooLong(
        f"the video lasts {seconds:.0f} s, {profile.video_max_duration_s:.0f} s are allowed; cut it", seconds=seconds
    )
