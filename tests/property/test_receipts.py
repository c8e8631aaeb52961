"""The journal's chain: whole it is followed, and any change, gap or swap is found."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loa_protocol.receipts import GENESIS, ChainBroken, Entry, Note, encode_entry, entry_hash, follow_chain


def _chain(codes: list[str]) -> tuple[bytes, ...]:
    previous, raws = GENESIS, []
    for number, code in enumerate(codes, 1):
        at = datetime(2026, 11, 21, tzinfo=UTC)
        raw = encode_entry(Entry(sequence=number, previous=previous, at=at, body=Note(code=code)))
        raws.append(raw)
        previous = entry_hash(raw)
    return tuple(raws)


codes = st.lists(st.text(max_size=20), min_size=2, max_size=12)


@given(codes)
def test_a_whole_chain_is_followed_to_its_end(notes: list[str]) -> None:
    raws = _chain(notes)

    entries, head = follow_chain(raws, 0, GENESIS)

    assert [entry.sequence for entry in entries] == list(range(1, len(notes) + 1))
    assert head == entry_hash(raws[-1])


@given(codes, st.data())
def test_a_chain_is_followed_in_any_batches(notes: list[str], data: st.DataObject) -> None:
    raws = _chain(notes)
    cut = data.draw(st.integers(0, len(raws)))

    _, middle = follow_chain(raws[:cut], 0, GENESIS)
    _, head = follow_chain(raws[cut:], cut, middle)

    assert head == entry_hash(raws[-1])


@given(codes, st.data())
def test_a_missing_entry_breaks_the_chain(notes: list[str], data: st.DataObject) -> None:
    raws = list(_chain(notes))
    raws.pop(data.draw(st.integers(0, len(raws) - 2)))

    with pytest.raises(ChainBroken):
        follow_chain(tuple(raws), 0, GENESIS)


@given(codes, st.data())
def test_a_changed_entry_breaks_the_chain_after_it(notes: list[str], data: st.DataObject) -> None:
    raws = list(_chain(notes))
    place = data.draw(st.integers(0, len(raws) - 2))
    raws[place] = raws[place].replace(b'"at":"2026', b'"at":"2025', 1)

    with pytest.raises(ChainBroken):
        follow_chain(tuple(raws), 0, GENESIS)
