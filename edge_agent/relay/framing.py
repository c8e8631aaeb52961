"""What the relay's child and the player say to each other: orders as lines of JSON, answers as framed bytes.

An answer is a sign, a length and that many bytes: a block of levelled sound, or a status. Lengths are bounded, so that
a child gone wrong costs the player nothing.
"""

import struct
from dataclasses import dataclass
from typing import IO, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from edge_agent.relay.rules import Network

Samples = npt.NDArray[np.float32]

BLOCK_FRAMES = 4800
_HEAD = struct.Struct("<cI")
_LEVEL = struct.Struct("<f")
_SOUND, _STATUS = b"A", b"S"
_PAYLOAD_MAX = 64 * 1024
_MESSAGE_MAX = 300


class FramingBroken(ValueError):
    """The child has said something that is no answer."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Open this stream now."""

    url: str
    allow: tuple[Network, ...] = ()
    stall_s: float = 5.0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The stream is open (`code` empty), or why it is not, or no longer."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Sound:
    """Levelled mono samples at 48 kHz; `level_dbfs` is the RMS as it came, before any gain."""

    samples: Samples
    level_dbfs: float


def write_sound(out: BinaryIO, sound: Sound) -> None:
    """Send a block."""
    payload = _LEVEL.pack(sound.level_dbfs) + sound.samples.astype("<f4").tobytes()
    out.write(_HEAD.pack(_SOUND, len(payload)) + payload)
    out.flush()


def write_status(out: BinaryIO, status: Status) -> None:
    """Send a status."""
    payload = msgspec.json.encode(msgspec.structs.replace(status, message=status.message[:_MESSAGE_MAX]))
    out.write(_HEAD.pack(_STATUS, len(payload)) + payload)
    out.flush()


def read(source: IO[bytes]) -> Sound | Status | None:
    """The next answer; None when the child is gone.

    Raises:
        FramingBroken: it is none.
    """
    head = source.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    sign, length = _HEAD.unpack(head)
    if length > _PAYLOAD_MAX:
        raise FramingBroken(f"an answer of {length} bytes")
    payload = source.read(length)
    if len(payload) < length:
        return None
    if sign == _STATUS:
        try:
            return msgspec.json.decode(payload, type=Status)
        except msgspec.MsgspecError as error:
            raise FramingBroken(str(error)) from error
    if sign != _SOUND or length % _LEVEL.size or length <= _LEVEL.size:
        raise FramingBroken(f"an answer of kind {sign!r} and {length} bytes")
    samples = np.frombuffer(payload, "<f4", offset=_LEVEL.size).astype(np.float32)
    if not np.isfinite(samples).all():
        raise FramingBroken("samples that are no numbers")
    return Sound(samples, _LEVEL.unpack_from(payload)[0])
