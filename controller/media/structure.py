"""What the bytes of a file say before any decoder sees them. Pure but for reading an open file.

Decoders repair what they can and say nothing: a cut WAV plays to its end. Here the containers whose libraries hide it
are asked whether the file holds what its header declares, and texts and playlists are told from sound.
"""

import os
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from controller.media import streamed
from controller.media.errors import MediaFormatRefused, MediaTruncated
from controller.media.rules import check_shape

_HEAD_BYTES = 4096
_ASF_HEAD_BYTES = 65536
_OGG_TAIL_BYTES = 65536 + 512
_UNKNOWN_32 = (0, 0xFFFFFFFF)
_TEXT_CONTROLS = frozenset(range(0x20)) - frozenset(b"\t\n\r\f\x1b")
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_MPEG_SYNC = re.compile(rb"ID3|\xff[\xe0-\xff]")
_RIFF_CHUNK = struct.Struct("<4sI")
_CAF_CHUNK = struct.Struct(">4sq")
_OGG_PAGE_BYTES = 27
_ID3_BYTES = 10
_ADTS_BYTES = 7
_ADTS_SYNC = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


@dataclass(frozen=True, slots=True)
class Structure:
    """What the container says of itself. `duration_known`: the declared duration is written, not estimated.

    `missing_bytes`: what the last piece of a recording lacks that was written as it came.
    """

    duration_known: bool = True
    end_marked: bool = True
    missing_bytes: int = 0
    channels: int | None = None
    rate_hz: int | None = None


def structure(descriptor: int) -> Structure:
    """What the bytes of an open file say; a shape that is refused is refused before any decoder.

    Raises:
        MediaError: the refusal.
    """
    with os.fdopen(os.dup(descriptor), "rb") as opened:
        found = inspect(opened)
    if found.channels is not None and found.rate_hz is not None:
        check_shape(found.channels, found.rate_hz)
    return found


def inspect(source: BinaryIO) -> Structure:
    """Look at head and tail of an open, seekable, non-empty file.

    Raises:
        MediaFormatRefused: it is a text, a playlist or a script.
        MediaTruncated: its header promises more bytes than it has.
    """
    total = source.seek(0, os.SEEK_END)
    head = _read(source, 0, _HEAD_BYTES)
    if _is_text(head):
        raise MediaFormatRefused("the file is a text or a playlist, not a sound; upload the sound itself")
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return _wave(source, total)
    if head[:4] == b"OggS":
        return Structure(end_marked=_ogg_end(_read(source, max(0, total - _OGG_TAIL_BYTES), _OGG_TAIL_BYTES)))
    if (pieces := streamed.look(source, head, total)) is not None:
        return Structure(duration_known=not pieces.fragmented, missing_bytes=pieces.missing_bytes)
    if head[:4] == b"caff":
        _caf(source, total)
    elif head[:16] == _W64_RIFF:
        _need(total, struct.unpack_from("<Q", head.ljust(24, b"\0"), 16)[0])
    elif head[:16] == _ASF_HEADER:
        _asf(_read(source, 0, _ASF_HEAD_BYTES), total)
    elif _adts_frame(_read(source, start := _after_id3(head), _ADTS_BYTES)):
        _adts(source, start, total)
    elif _MPEG_SYNC.match(head):
        return Structure(duration_known=_has_frame_count(source, head))
    return Structure()


def _read(source: BinaryIO, at: int, length: int) -> bytes:
    source.seek(at)
    return source.read(length)


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters; no sound container begins so."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < _HEAD_BYTES:
            return False
        text = head[: error.start].decode("utf-8")
    return not _TEXT_CONTROLS.intersection(text.encode())


def _need(total: int, declared: int) -> None:
    if declared > total:
        raise MediaTruncated(
            f"the file declares {declared} bytes and has {total}; copy it again from its source",
            declared_bytes=declared,
            total_bytes=total,
        )


def _wave(source: BinaryIO, total: int) -> Structure:
    """Walk the chunks to `data`; sizes 0 and 2^32-1 mean that the writer did not know (a stream)."""
    at, channels, rate_hz = 12, None, None
    for _ in range(256):
        head = _read(source, at, _RIFF_CHUNK.size)
        if len(head) < _RIFF_CHUNK.size:
            break
        name, size = _RIFF_CHUNK.unpack(head)
        if name == b"fmt ":
            channels, rate_hz = struct.unpack_from("<HI", _read(source, at + 8, 8).ljust(8, b"\0"), 2)
        if name == b"data":
            if size not in _UNKNOWN_32:
                _need(total, at + 8 + size)
            return Structure(duration_known=size not in _UNKNOWN_32, channels=channels, rate_hz=rate_hz)
        at += 8 + size + (size & 1)
    return Structure(channels=channels, rate_hz=rate_hz)


def _caf(source: BinaryIO, total: int) -> None:
    at = 8
    for _ in range(256):
        head = _read(source, at, _CAF_CHUNK.size)
        if len(head) < _CAF_CHUNK.size:
            return
        name, size = _CAF_CHUNK.unpack(head)
        at += _CAF_CHUNK.size + size
        if size < 0 or name == b"data":
            _need(total, at)
            return


def _asf(head: bytes, total: int) -> None:
    at = head.find(_ASF_FILE_PROPERTIES)
    if at >= 0 and len(head) >= at + 48:
        _need(total, struct.unpack_from("<Q", head, at + 40)[0])


def _ogg_end(tail: bytes) -> bool:
    """Whether the last page ends its stream; raises MediaTruncated if that page is cut."""
    page = tail[max(0, tail.rfind(b"OggS")) :]
    head, table = page[:_OGG_PAGE_BYTES], page[_OGG_PAGE_BYTES:]
    segments = head[-1] if len(head) == _OGG_PAGE_BYTES else _OGG_TAIL_BYTES
    if len(table) < segments + sum(table[:segments]):
        raise MediaTruncated("the last page of the Ogg file is cut; copy it again from its source")
    return bool(head[5] & 4)


def _after_id3(head: bytes) -> int:
    """Where the sound begins."""
    if head[:3] != b"ID3":
        return 0
    return _ID3_BYTES + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))


def _has_frame_count(source: BinaryIO, head: bytes) -> bool:
    """Whether an MPEG stream counts its frames in its first frame (Xing, Info, VBRI); else durations are estimates."""
    first = _read(source, _after_id3(head), 2048)
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


def _adts_frame(head: bytes) -> int:
    """The length of the ADTS frame (AAC) that begins here, 0 if none does."""
    if not _ADTS_SYNC.match(head) or len(head) < _ADTS_BYTES:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def _adts(source: BinaryIO, at: int, total: int) -> None:
    """Walk the frames to the last one, or to where something else begins; a cut last frame is all that tells."""
    while length := _adts_frame(_read(source, at, _ADTS_BYTES)):
        at += max(length, _ADTS_BYTES)
        _need(total, at)
