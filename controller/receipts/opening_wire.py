"""What the ingest and its opening processes say to each other: frames of MessagePack behind their length.

A question is a turn of messages, an answer has one `Answer` for each of them, in their order. Of receipts crosses what
is stored of them, so that the ingest reads nothing twice.
"""

import logging
import struct
from collections.abc import Iterable, Sequence

import msgspec

from controller.receipts.reading import MODELS, read
from controller.receipts.told import Received
from loa_protocol.documents import Wire
from loa_protocol.documents.trust import TrustKey
from loa_protocol.errors import LoaError
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
Answer = Received | _Document | Refusal
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


def opened(question: Question) -> Wire | Received | Refusal:
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
    return found if isinstance(found, Received | Refusal) else _Document(msgspec.json.encode(found))


def answers(all_of_turn: Iterable[Answer]) -> bytes:
    """A turn's answer as a frame."""
    return framed(_encoder.encode(list(all_of_turn)))


def understood(data: bytes, families: Sequence[Family]) -> list[Wire | Received | Refusal]:
    """What was answered of messages of these families.

    Raises:
        msgspec.MsgspecError, ValueError: nonsense, or not as many as were asked.
    """
    return [_understood(one, family) for one, family in zip(_answers.decode(data), families, strict=True)]


def _understood(one: Answer, family: Family) -> Wire | Received | Refusal:
    if isinstance(one, _Document):
        document: Wire = _documents[family].decode(one.text)
        return document
    return one
