"""Entries that were checked elsewhere are read as the strict reader reads them."""

import pytest

from loa_protocol.checked import read_checked
from loa_protocol.receipts import Body, Note, Occurrence, Receipt, Refused, Started, decode_entry
from tests.fakes.wire_device import WireJournal, skipped

RECEIPT = skipped("b-1", roots=("a" * 64,), skew_ms=0.5)
STARTED = Started(occurrence=Occurrence(kind="alert", id="a-1", index=2), at=RECEIPT.planned, planned=RECEIPT.planned)
BODIES: tuple[Body, ...] = (RECEIPT, STARTED, Refused(topic="t", reason="r", digest="0" * 64), Note(code="n"))


@pytest.mark.parametrize("body", BODIES)
def test_what_was_checked_equals_what_is_strictly_read(body: Body) -> None:
    journal = WireJournal("j-1")
    journal.write(body)

    checked, strict = read_checked(journal.raws[0]), decode_entry(journal.raws[0])

    assert (checked, checked.body) == (strict, strict.body)
    assert (strict, strict.body) == (checked, checked.body)
    assert {checked} == {strict}


def test_another_receipt_is_another_one_whoever_reads_it() -> None:
    journal = WireJournal("j-1")
    journal.write(RECEIPT, skipped("b-1", roots=("b" * 64,), skew_ms=0.5), skipped("b-2"), STARTED)
    checked, strict = map(read_checked, journal.raws), [decode_entry(raw) for raw in journal.raws]

    for place, one in enumerate(checked):
        assert [one.body == other.body for other in strict] == [place == n for n in range(len(strict))]
        assert [other.body == one.body for other in strict] == [place == n for n in range(len(strict))]
        assert isinstance(one.body, (Receipt, Started))
