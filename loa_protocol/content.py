"""How a sound, an image or a film travels: cut into chunks, named by one root, checked chunk by chunk.

Rules it keeps:

- `chunk_bytes` = 16 KiB x 2^k, the smallest with at most 512 chunks, k <= 4. At k = 4 that reaches 128 MiB, which is
  the largest asset of version 1, so one flat index (at most 16 KiB) names every asset and no index of indexes exists.
  A larger asset is refused with `content_bad_size`; a later version would announce further levels as a new `Kind`.
- index = the chunks' SHA-256 digests, 32 raw bytes each, in order; root = SHA-256(index) in lower-case hex.
- The root does not bind `total_bytes` and `chunk_bytes`: they come from the signed manifest, `chunk_bytes` must be
  what the rule gives, and every chunk must have exactly the length that follows.
- A frame whose bytes are not exactly one well-formed message is refused; nothing is guessed.

Frame (big-endian, 50 bytes before the data): magic `LOAC`, version u8 = 1, kind u8 (1 index, 2 chunk), root 32 bytes,
i u32, n u32, data length u32, data. An index frame has i = 0 and n = 1.
"""

import enum
import hashlib
import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Self, cast

from loa_protocol.errors import LoaError

DIGEST_BYTES = 32
MIN_CHUNK_BYTES = 16 * 1024
MAX_DOUBLINGS = 4
MAX_CHUNKS = 512
MAX_CHUNK_BYTES = MIN_CHUNK_BYTES << MAX_DOUBLINGS
MAX_TOTAL_BYTES = MAX_CHUNKS * MAX_CHUNK_BYTES
MAX_INDEX_BYTES = MAX_CHUNKS * DIGEST_BYTES

MAGIC = b"LOAC"
FRAME_VERSION = 1
_HEADER = struct.Struct(f">4sBB{DIGEST_BYTES}sIII")
HEADER_BYTES = _HEADER.size
MAX_FRAME_BYTES = HEADER_BYTES + MAX_CHUNK_BYTES


class ContentBadSize(LoaError):
    """An asset is empty, or larger than 128 MiB."""

    code = "content_bad_size"


class ContentBadFrame(LoaError):
    """A content message is not one well-formed frame."""

    code = "content_bad_frame"


class ContentWrongIndex(LoaError):
    """An index is not the one its root names, or does not fit the manifest's sizes."""

    code = "content_wrong_index"


class ContentWrongChunk(LoaError):
    """A chunk is not the one the index names at its place."""

    code = "content_wrong_chunk"


def chunk_size(total_bytes: int) -> int:
    """Bytes per chunk of an asset of `total_bytes` (the last chunk may be shorter).

    Raises:
        ContentBadSize: `total_bytes` is not in 1..128 MiB.
    """
    if not 1 <= total_bytes <= MAX_TOTAL_BYTES:
        raise ContentBadSize(
            f"an asset of {total_bytes} bytes cannot be sent: 1 to {MAX_TOTAL_BYTES} bytes can; shorten or split it"
        )
    chunk_bytes = MIN_CHUNK_BYTES
    while chunk_bytes * MAX_CHUNKS < total_bytes:
        chunk_bytes *= 2
    return chunk_bytes


def _root_bytes(root: str) -> bytes | None:
    """The 32 bytes of a root, or None if it is not 64 lower-case hex digits."""
    if len(root) != 2 * DIGEST_BYTES or any(c not in "0123456789abcdef" for c in root):
        return None
    return bytes.fromhex(root)


@dataclass(frozen=True, slots=True)
class ContentIndex:
    """What is needed to fetch and check one asset; made by `build_index` or `parse`, both of which keep the rules."""

    root: str
    total_bytes: int
    chunk_bytes: int
    digests: tuple[bytes, ...]

    @property
    def raw(self) -> bytes:
        """The index as it travels: the digests one after another."""
        return b"".join(self.digests)

    @property
    def chunk_count(self) -> int:
        """How many chunks the asset has, 1..512."""
        return len(self.digests)

    @classmethod
    def parse(cls, root: str, raw_index: bytes, total_bytes: int, chunk_bytes: int) -> Self:
        """Check a received index against the root and the sizes of the signed manifest.

        Raises:
            ContentWrongIndex: it is not the index of this root, or the sizes do not fit it.
            ContentBadSize: `total_bytes` is not in 1..128 MiB.
        """
        if chunk_bytes != chunk_size(total_bytes):
            raise ContentWrongIndex(
                f"content {root}: chunks of {chunk_bytes} bytes do not fit {total_bytes} bytes; ask for a new plan"
            )
        if len(raw_index) != DIGEST_BYTES * -(-total_bytes // chunk_bytes):
            raise ContentWrongIndex(
                f"content {root}: an index of {len(raw_index)} bytes does not fit {total_bytes} bytes; want it again"
            )
        if hashlib.sha256(raw_index).hexdigest() != root:
            raise ContentWrongIndex(f"content {root}: the index has another hash; want it again")
        digests = tuple(raw_index[at : at + DIGEST_BYTES] for at in range(0, len(raw_index), DIGEST_BYTES))
        return cls(root, total_bytes, chunk_bytes, digests)

    def chunk_length(self, i: int) -> int:
        """Exact length in bytes of chunk `i`, or 0 if the asset has no such chunk."""
        if not 0 <= i < self.chunk_count:
            return 0
        return min(self.chunk_bytes, self.total_bytes - i * self.chunk_bytes)

    def verify_chunk(self, i: int, data: bytes) -> None:
        """Accept chunk `i` or say why not.

        Raises:
            ContentWrongChunk: no such place, another length, or another hash.
        """
        if len(data) != self.chunk_length(i) or not data:
            raise ContentWrongChunk(
                f"content {self.root}: chunk {i} has {len(data)} bytes, not {self.chunk_length(i)}; want it again"
            )
        if hashlib.sha256(data).digest() != self.digests[i]:
            raise ContentWrongChunk(f"content {self.root}: chunk {i} has another hash; want it again")


def split(data: bytes) -> Iterator[bytes]:
    """The chunks of an asset held in memory, in order; raises ContentBadSize as `chunk_size` does."""
    size = chunk_size(len(data))
    return (data[at : at + size] for at in range(0, len(data), size))


def read_chunks(source: BinaryIO, total_bytes: int) -> Iterator[bytes]:
    """The chunks of an open file of `total_bytes`, read one at a time.

    Raises:
        ContentBadSize: the size is not allowed, or the file holds more or less than it.
    """
    size = chunk_size(total_bytes)
    left = total_bytes
    while left:
        chunk = source.read(min(size, left))
        if not chunk:
            raise ContentBadSize(f"the file ends {left} bytes early; was it changed while it was read?")
        left -= len(chunk)
        while len(chunk) < size and left and (more := source.read(min(size - len(chunk), left))):
            chunk += more
            left -= len(more)
        yield chunk
    if source.read(1):
        raise ContentBadSize(f"the file is longer than {total_bytes} bytes; was it changed while it was read?")


def build_index(source: BinaryIO | Iterable[bytes], total_bytes: int) -> ContentIndex:
    """The index of an asset from an open binary file, or from its chunks in order as `split` cuts them.

    Raises:
        ContentBadSize: the size is not allowed, or the chunks are not cut as it demands.
    """
    chunk_bytes = chunk_size(total_bytes)
    chunks = read_chunks(cast("BinaryIO", source), total_bytes) if isinstance(source, io.IOBase) else source
    digests: list[bytes] = []
    done = 0
    for chunk in chunks:
        if len(chunk) != min(chunk_bytes, total_bytes - done):
            raise ContentBadSize(f"chunk {len(digests)} has {len(chunk)} bytes; cut it by chunk_size()")
        digests.append(hashlib.sha256(chunk).digest())
        done += len(chunk)
    if done != total_bytes:
        raise ContentBadSize(f"the chunks hold {done} bytes, not {total_bytes}")
    return ContentIndex(hashlib.sha256(b"".join(digests)).hexdigest(), total_bytes, chunk_bytes, tuple(digests))


class Kind(enum.IntEnum):
    """What a content frame carries."""

    INDEX = 1
    CHUNK = 2


@dataclass(frozen=True, slots=True)
class ContentFrame:
    """One message on `content/{root}` or `device/{id}/content`: number `i` of `n`; not yet checked against an index."""

    MAX_DATA: ClassVar[dict[Kind, int]] = {Kind.INDEX: MAX_INDEX_BYTES, Kind.CHUNK: MAX_CHUNK_BYTES}

    kind: Kind
    root: str
    i: int
    n: int
    data: bytes


def pack_index(index: ContentIndex) -> bytes:
    """The frame that carries an index; sent before its chunks."""
    return _pack(ContentFrame(Kind.INDEX, index.root, 0, 1, index.raw))


def pack_chunk(index: ContentIndex, i: int, data: bytes) -> bytes:
    """The frame that carries chunk `i`; raises ContentWrongChunk if it is not that chunk."""
    index.verify_chunk(i, data)
    return _pack(ContentFrame(Kind.CHUNK, index.root, i, index.chunk_count, data))


def unpack(frame: bytes) -> ContentFrame:
    """Read one frame; the caller checks root, index and chunk against what it wanted.

    Raises:
        ContentBadFrame: anything but exactly one frame of this version within its bounds.
    """
    if not HEADER_BYTES < len(frame) <= MAX_FRAME_BYTES:
        raise ContentBadFrame(f"a content frame cannot have {len(frame)} bytes; dropped")
    magic, version, kind, root, i, n, length = _HEADER.unpack_from(frame)
    if magic != MAGIC or version != FRAME_VERSION or kind not in (Kind.INDEX, Kind.CHUNK):
        raise ContentBadFrame(f"not a content frame of version {FRAME_VERSION}; dropped")
    read = ContentFrame(Kind(kind), root.hex(), i, n, frame[HEADER_BYTES:])
    if length != len(read.data):
        raise ContentBadFrame(f"content {read.root}: frame says {length} bytes, has {len(read.data)}; dropped")
    _check_bounds(read)
    return read


def _check_bounds(frame: ContentFrame) -> None:
    if not 1 <= frame.n <= MAX_CHUNKS or frame.i >= frame.n:
        raise ContentBadFrame(f"content {frame.root}: no number {frame.i} of {frame.n}; dropped")
    if not 1 <= len(frame.data) <= ContentFrame.MAX_DATA[frame.kind]:
        raise ContentBadFrame(f"content {frame.root}: {len(frame.data)} bytes are out of bounds; dropped")
    if frame.kind is Kind.INDEX and (frame.n != 1 or len(frame.data) % DIGEST_BYTES):
        raise ContentBadFrame(f"content {frame.root}: the index is in pieces; dropped")


def _pack(frame: ContentFrame) -> bytes:
    root = _root_bytes(frame.root)
    if root is None:
        raise ContentBadFrame(f"{frame.root!r} is not a content root of 64 lower-case hex digits")
    _check_bounds(frame)
    head = _HEADER.pack(MAGIC, FRAME_VERSION, frame.kind, root, frame.i, frame.n, len(frame.data))
    return head + frame.data
