"""The fast way to read a batch takes and refuses exactly what the strict way does, and reads the same."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from controller.receipts.opening_wire import (
    HEAD_BYTES,
    Question,
    Refusal,
    answer,
    answers,
    ask,
    asked,
    length,
    opened,
    understood,
)
from controller.receipts.told import Received
from loa_protocol import strict_json
from loa_protocol.envelope import Envelope, pae, payload_type
from loa_protocol.errors import DocumentInvalid
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import ChainBroken, Gone, Note, ReceiptBatch, read_batch, read_line
from loa_protocol.topics import Family
from tests.fakes.wire_device import WireJournal, skipped

SIGNER = Ed25519Signer.generate("loa-1")
AT = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
PLACES = st.integers(0, 5) | st.integers(0, 10**6)


def _payload(texts: list[str]) -> bytes:
    journal = WireJournal("j-1")
    journal.write(*(Note(code="n", text=text) for text in texts), skipped("b-1", planned=AT, skew_ms=0.5))
    return msgspec.json.encode(journal.batch("loa-1"))


def _doubled(payload: bytes, at: int) -> bytes:
    """The first key of one object is named twice, with a value of the same type."""
    places = [n for n in range(len(payload)) if payload[n : n + 2] == b'{"']
    place = places[at % len(places)]
    end = payload.index(b'"', place + 2) + 1
    value = b'"x"' if payload[end + 1 : end + 2] == b'"' else b"1"
    return payload[:end] + b":" + value + b"," + payload[place + 1 :]


def _spaced(payload: bytes, at: int) -> bytes:
    places = [n for n in range(len(payload)) if payload[n : n + 1] in b",:{"]
    place = places[at % len(places)] + 1
    return payload[:place] + b" " + payload[place:]


def _turned(payload: bytes, at: int) -> bytes:
    """The same document with the keys of one entry in another order."""
    document = json.loads(payload)
    entry = document["entries"][at % len(document["entries"])]
    document["entries"][at % len(document["entries"])] = dict(reversed(entry.items()))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _newer(payload: bytes, at: int) -> bytes:
    """A field this program does not know."""
    document = json.loads(payload)
    document["entries"][at % len(document["entries"])]["body"]["added"] = {"later": [at]}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _broken(payload: bytes, at: int) -> bytes:
    place = at % len(payload)
    return payload[:place] + b"\xff" + payload[place + 1 :]


def _cut(payload: bytes, at: int) -> bytes:
    return payload[: at % len(payload)]


def _same(payload: bytes, at: int) -> bytes:  # noqa: ARG001 - as the others
    return payload


def _outcome(read: Any) -> tuple[Any, str]:
    try:
        return read(), ""
    except DocumentInvalid as error:
        return None, error.code


@given(
    st.lists(st.text(max_size=12), max_size=4),
    st.lists(st.sampled_from([_same, _doubled, _spaced, _turned, _newer, _broken, _cut]), min_size=1, max_size=2),
    PLACES,
)
def test_the_fast_way_reads_what_the_strict_way_reads(texts: list[str], changes: list[Any], at: int) -> None:
    payload = _payload(texts)
    for change in changes:
        try:
            payload = change(payload, at)
        except (ValueError, KeyError, IndexError, ZeroDivisionError, TypeError, AttributeError):
            continue  # a change that no longer fits what the first one left

    fast, fast_code = _outcome(lambda: read_batch(payload))
    strict, strict_code = _outcome(lambda: strict_json.decode(payload, ReceiptBatch))

    assert fast_code == strict_code
    if fast is not None:
        batch, lines = fast
        assert batch == strict
        expected = [read_line(bytes(raw)) for raw in strict.entries]
        assert [_shown(line) for line in lines] == [_shown(line) for line in expected]

    signed = _sealed(payload)
    told = Question(signed, Family.RECEIPTS, "loa-1", SIGNER.trust_key("loa-1"))
    here, elsewhere = opened(told), _elsewhere(told)

    assert here == elsewhere
    if fast is None:
        assert isinstance(here, Refusal)
        assert here.code == fast_code
    else:
        assert here == Received.of(*fast)


def test_numbers_without_end_cross_as_others_do() -> None:
    """A device may claim anything; what it claims must not end the process that reads it."""
    raw = b'{"sequence":1%b,"previous":"%b","at":"x"}' % (b"0" * 30, b"0" * 64)
    gone = Gone(first=-(10**30), last=10**30, hash="a" * 64)
    batch = ReceiptBatch(device="loa-1", journal="j-1", entries=(msgspec.Raw(raw),), gone=gone)
    told = Question(_sealed(msgspec.json.encode(batch)), Family.RECEIPTS, "loa-1", SIGNER.trust_key("loa-1"))

    elsewhere = _elsewhere(told)

    assert elsewhere == opened(told)
    assert isinstance(elsewhere, Received)
    assert [line.sequence for line in elsewhere.lines] == [2**63 - 1]
    assert elsewhere.gone == Gone(first=1 - 2**63, last=2**63 - 1, hash="a" * 64)


def _elsewhere(told: Question) -> object:
    """What an opening process would answer, over the wire and back."""
    frame = ask([told])
    said = answers(map(answer, asked(frame[HEAD_BYTES:])))
    assert length(said) == len(said) - HEAD_BYTES
    return understood(said[HEAD_BYTES:], [told.family])[0]


def _sealed(payload: bytes) -> bytes:
    """Signed whatever it is."""
    name = payload_type("receipts")
    signed = (SIGNER.sign(pae(name, payload)),)
    return msgspec.json.encode(
        Envelope(payload_type=name, payload=base64.b64encode(payload).decode(), signatures=signed)
    )


def _shown(line: Any) -> Any:
    return str(line) if isinstance(line, ChainBroken) else line


@given(st.text(max_size=20), st.sampled_from([_same, _doubled, _spaced, _broken, _cut]), PLACES)
def test_our_own_envelopes_are_read_as_strictly_as_others(kind: str, change: Any, at: int) -> None:
    raw = change(msgspec.json.encode(Envelope(payload_type=kind, payload="e30=", signatures=())), at)

    own, own_code = _outcome(lambda: strict_json.decode_own(raw, Envelope))
    strict, strict_code = _outcome(lambda: strict_json.decode(raw, Envelope))

    assert (own, own_code) == (strict, strict_code)
