"""Recordings written as they came: WebM whose sizes are unknown, MP4 in fragments. Pure but for reading an open file.

Browsers record so. Such a file has no end that could be missed: it is whole if its last piece is whole. Cut in the
middle of a piece it is told; cut between two pieces it looks like a recording that was stopped there.
"""

from dataclasses import dataclass
from typing import BinaryIO

_MATROSKA = bytes.fromhex("1a45dfa3")
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_HEAD_BYTES = 16
_MOST_ID_BYTES = 4
_MOST_PIECES = 500_000
_BOX_BYTES = 8
_LONG_BOX = 1


@dataclass(frozen=True, slots=True)
class Streamed:
    """`missing_bytes`: what the last piece lacks; `fragmented`: durations are only those of the pieces seen so far."""

    missing_bytes: int = 0
    fragmented: bool = False


def look(source: BinaryIO, head: bytes, total: int) -> Streamed | None:
    """What such a file says, by its first bytes; None: it is of another kind."""
    if head[:4] == _MATROSKA:
        return _matroska(source, total)
    if head[4:8] in {b"ftyp", b"styp"}:
        return _mp4(source, total)
    return None


def _matroska(source: BinaryIO, total: int) -> Streamed:
    """Walk the elements; a segment or a cluster without a size is entered."""
    at = 0
    for _ in range(_MOST_PIECES):
        if at >= total:
            break
        head = _read(source, at, _HEAD_BYTES)
        name, size, length = _element(head)
        if name is None:
            return Streamed(int(len(head) < _HEAD_BYTES and head[0] != 0))
        if size is None and name not in {_SEGMENT, _CLUSTER}:
            return Streamed()
        at += length + (size or 0)
    return Streamed(max(0, at - total))


def _mp4(source: BinaryIO, total: int) -> Streamed:
    """Walk the boxes of the file."""
    at, fragmented = 0, False
    for _ in range(_MOST_PIECES):
        head = _read(source, at, _HEAD_BYTES)
        size = int.from_bytes(head[:4])
        if size == _LONG_BOX:
            size = int.from_bytes(head[8:16])
        if len(head) < _BOX_BYTES:
            return Streamed(int(fragmented), fragmented)
        if size < _BOX_BYTES:  # a box up to the end, or none
            break
        fragmented = fragmented or head[4:8] == b"moof"
        at += size
        if at >= total:
            break
    return Streamed(max(0, at - total) if fragmented else 0, fragmented)


def _read(source: BinaryIO, at: int, length: int) -> bytes:
    source.seek(at)
    return source.read(length)


def _element(head: bytes) -> tuple[int | None, int | None, int]:
    """Name, size and length of the head of an element; no name: none begins here, or it is cut in its head."""
    name_bytes = _width(head)
    size_bytes = _width(head[name_bytes:])
    if not 0 < name_bytes <= _MOST_ID_BYTES or not size_bytes or len(head) < name_bytes + size_bytes:
        return None, None, 0
    length = name_bytes + size_bytes
    unknown = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(head[name_bytes:length]) & unknown
    return int.from_bytes(head[:name_bytes]), None if size == unknown else size, length


def _width(head: bytes) -> int:
    """Bytes of the number with a length mark that begins here; 0 if none does."""
    return 9 - head[0].bit_length() if head and head[0] else 0
