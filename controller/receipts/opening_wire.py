"""What the ingest and its opening processes say to each other: frames of MessagePack behind their length.

A question is a turn of messages, an answer has one `Answer` for each of them, in their order. Entries cross as the
bytes they came in and what was computed of them; the ingest reads their bodies again, unhindered by checks.
"""

import logging
import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from controller.receipts.reading import MODELS, Batch, read
from loa_protocol.checked import read_checked
from loa_protocol.documents import Wire
from loa_protocol.documents.trust import TrustKey
from loa_protocol.errors import LoaError
from loa_protocol.receipts import ChainBroken, Gone, Line, ReceiptBatch
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

_LENGTH = struct.Struct(">I")
HEAD_BYTES = _LENGTH.size


class Question(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message as it came, and of whom."""

    raw: bytes
    family: Family
    device_id: str
    key: TrustKey


class _Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line; its entry is read again from `raw`, unless there is `why` not."""

    raw: bytes
    sequence: int
    previous: str
    hash: str
    why: str = ""


class _Batch(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """A batch; `broken` are the places among its lines where there was one without a place, and why."""

    device: str
    journal: str
    gone: Gone | None
    lines: tuple[_Line, ...]
    broken: tuple[tuple[int, str], ...]


class _Document(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """Any other document, as JSON."""

    text: bytes


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """Why a message does not count; `code` is that of the error."""

    code: str
    message: str

    def __str__(self) -> str:
        return self.message


NOT_TAKEN_IN = "not_taken_in"
Answer = _Batch | _Document | Refusal
_questions = msgspec.msgpack.Decoder(tuple[Question, ...])
_answers = msgspec.msgpack.Decoder(tuple[Answer, ...])
_encoder = msgspec.msgpack.Encoder()
_documents = {family: msgspec.json.Decoder(model) for family, model in MODELS.items()}


def framed(data: bytes) -> bytes:
    """Behind its length."""
    return _LENGTH.pack(len(data)) + data


def length(head: bytes | bytearray) -> int:
    """Of the frame at whose beginning `head` is, in bytes."""
    size: int = _LENGTH.unpack_from(head)[0]
    return size


def ask(questions: Iterable[Question]) -> bytes:
    """A turn's frame."""
    return framed(_encoder.encode(list(questions)))


def asked(data: bytes) -> Sequence[Question]:
    """What `ask` said."""
    return _questions.decode(data)


def opened(question: Question) -> Wire | Batch | Refusal:
    """One message opened; a fault of ours harms only the message that shows it."""
    try:
        return read(question.raw, question.family, question.device_id, question.key)
    except LoaError as error:
        return Refusal(error.code, str(error))
    except Exception as error:
        log.exception("%s: a message could not be opened", question.device_id)
        return Refusal(NOT_TAKEN_IN, f"opening it failed: {error!r}")


def answer(question: Question) -> Answer:
    """One message opened and made ready to be sent."""
    found = opened(question)
    if isinstance(found, Refusal):
        return found
    return _batch(*found) if isinstance(found, tuple) else _Document(msgspec.json.encode(found))


def answers(all_of_turn: Iterable[Answer]) -> bytes:
    """A turn's answer as a frame."""
    return framed(_encoder.encode(list(all_of_turn)))


def understood(data: bytes, families: Sequence[Family]) -> list[Wire | Batch | Refusal]:
    """What was answered of messages of these families.

    Raises:
        msgspec.MsgspecError, ValueError: nonsense, or not as many as were asked.
    """
    return [_understood(one, family) for one, family in zip(_answers.decode(data), families, strict=True)]


def _batch(batch: ReceiptBatch, lines: Sequence[Line | ChainBroken]) -> _Batch:
    broken = tuple((place, str(line)) for place, line in enumerate(lines) if isinstance(line, ChainBroken))
    sent = tuple(
        _Line(line.raw, line.sequence, line.previous, line.hash, line.why) for line in lines if isinstance(line, Line)
    )
    return _Batch(batch.device, batch.journal, batch.gone, sent, broken)


def _understood(one: Answer, family: Family) -> Wire | Batch | Refusal:
    match one:
        case _Batch():
            batch = ReceiptBatch(device=one.device, journal=one.journal, gone=one.gone)
            return batch, tuple(_lines(one) if one.broken else map(_line, one.lines))
        case _Document():
            document: Wire = _documents[family].decode(one.text)
            return document
        case Refusal():
            return one


def _lines(one: _Batch) -> Iterator[Line | ChainBroken]:
    whole, broken = iter(one.lines), dict(one.broken)
    for place in range(len(one.lines) + len(broken)):
        yield ChainBroken(broken[place]) if place in broken else _line(next(whole))


def _line(sent: _Line) -> Line:
    entry = None if sent.why else read_checked(sent.raw)
    return Line(sent.raw, sent.sequence, sent.previous, sent.hash, entry, sent.why)
