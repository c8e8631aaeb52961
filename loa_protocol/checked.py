"""Journal entries read once more, after another process of ours has checked them: without the patterns of their names.

The types are those of `receipts`, less strict where matching costs more than all the rest; what is not named here is
checked again. They equal what is strictly read of the same bytes. Never read with them what came from anywhere else.
"""

import msgspec

from loa_protocol.documents import Wire
from loa_protocol.receipts import Entry, Note, Occurrence, Receipt, Refused, Started


def _equal(self: Wire, other: object) -> bool:
    """As values of the stricter type: the same fields."""
    if not isinstance(other, type(self).__base__ or type(self)):
        return False
    return all(getattr(self, name) == getattr(other, name) for name in self.__struct_fields__)


def _hash(self: Wire) -> int:
    """That of the stricter type, which equals it."""
    strict = type(self).__base__ or type(self)
    return hash(strict(**{name: getattr(self, name) for name in self.__struct_fields__}))


class _Occurrence(Occurrence, frozen=True, kw_only=True, omit_defaults=True):
    kind: str = "broadcast"
    id: str

    __eq__ = _equal
    __hash__ = _hash


class _Started(Started, frozen=True, kw_only=True, omit_defaults=True, tag="started"):
    occurrence: _Occurrence

    __eq__ = _equal
    __hash__ = _hash


class _Receipt(Receipt, frozen=True, kw_only=True, omit_defaults=True, tag="receipt"):
    occurrence: _Occurrence
    roots: tuple[str, ...] = ()

    __eq__ = _equal
    __hash__ = _hash


class _Entry(Entry, frozen=True, kw_only=True, omit_defaults=True):
    previous: str
    body: _Started | _Receipt | Refused | Note

    __eq__ = _equal
    __hash__ = _hash


_decoder = msgspec.json.Decoder(_Entry)


def read_checked(raw: bytes) -> Entry:
    """As `receipts.decode_entry`, of an entry that it has read before.

    Raises:
        msgspec.MsgspecError: it was not checked.
    """
    return _decoder.decode(raw)
