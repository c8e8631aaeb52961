"""Journals as they are committed: exactly once, or visibly missing, or visibly forked."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from controller.receipts import journals
from controller.receipts.heads import Heads, Overtaken
from controller.receipts.journals import Taken
from controller.receipts.rows import HeadRow
from controller.receipts.tables import JournalEntry, JournalGap
from controller.receipts.told import Received
from loa_protocol.receipts import GENESIS, Gone, Note, ReceiptBatch, entry_hash
from tests.fakes.commune import Commune, commune
from tests.fakes.wire_device import WireJournal


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database) as made:
        yield made


def _journal(entries: int) -> WireJournal:
    journal = WireJournal("j-1")
    journal.write(*(Note(code=f"n-{number}") for number in range(entries)))
    return journal


async def _take(xa: Commune, batch: ReceiptBatch) -> Taken:
    async with xa.db.transaction() as session:
        return await journals.take(session, batch, xa.clock.now())


async def _stored(xa: Commune, what: Any = JournalEntry.sequence) -> list[Any]:
    async with xa.db.reading() as session:
        return list(await session.scalars(select(what).order_by(JournalEntry.sequence)))


async def test_a_batch_is_stored_byte_by_byte_and_its_head_is_the_chain_hash(xa: Commune) -> None:
    journal = _journal(3)

    taken = await _take(xa, journal.batch("loa-1"))

    assert (taken.sequence, taken.hash, taken.resend_from) == (3, journal.hash_at(3), None)
    assert await _stored(xa, JournalEntry.raw) == journal.raws


async def test_a_batch_that_comes_again_adds_nothing_and_is_acknowledged_again(xa: Commune) -> None:
    journal = _journal(3)
    await _take(xa, journal.batch("loa-1"))

    again = await _take(xa, journal.batch("loa-1"))

    assert again.entries == []
    assert again.odd == []
    assert (again.sequence, again.hash) == (3, journal.hash_at(3))
    assert await _stored(xa) == [1, 2, 3]


async def test_an_overlapping_batch_adds_only_what_is_new(xa: Commune) -> None:
    journal = _journal(5)
    await _take(xa, journal.batch("loa-1", 1, 3))

    taken = await _take(xa, journal.batch("loa-1", 2, 5))

    assert [entry.sequence for entry in taken.entries] == [4, 5]
    assert await _stored(xa) == [1, 2, 3, 4, 5]


async def test_a_hole_is_asked_for_and_nothing_behind_it_is_taken(xa: Commune) -> None:
    journal = _journal(5)
    await _take(xa, journal.batch("loa-1", 1, 2))

    taken = await _take(xa, journal.batch("loa-1", 4, 5))

    assert (taken.sequence, taken.resend_from) == (2, 3)
    assert await _stored(xa) == [1, 2]


async def test_a_lost_beginning_is_asked_for_from_the_first_entry(xa: Commune) -> None:
    taken = await _take(xa, _journal(3).batch("loa-1", 2))

    assert (taken.sequence, taken.hash, taken.resend_from) == (0, GENESIS, 1)


async def test_what_is_gone_is_recorded_shown_and_passed(xa: Commune) -> None:
    journal = _journal(6)
    await _take(xa, journal.batch("loa-1", 1, 2))
    gone = Gone(first=3, last=4, hash=journal.hash_at(4))

    taken = await _take(xa, journal.batch("loa-1", 5, 6, gone=gone))

    async with xa.db.reading() as session:
        gap = (await session.scalars(select(JournalGap))).one()
    assert (gap.first, gap.last) == (3, 4)
    assert taken.sequence == 6
    assert [odd.code for odd in taken.odd] == ["journal_gap"]


async def test_gone_entries_that_are_held_here_are_no_gap(xa: Commune) -> None:
    journal = _journal(3)
    await _take(xa, journal.batch("loa-1"))

    taken = await _take(xa, journal.batch("loa-1", 4, gone=Gone(first=1, last=2, hash=journal.hash_at(2))))

    assert taken.odd == []
    assert taken.sequence == 3


async def test_gone_entries_beyond_a_hole_do_not_hide_the_hole(xa: Commune) -> None:
    journal = _journal(6)
    await _take(xa, journal.batch("loa-1", 1, 1))

    taken = await _take(xa, journal.batch("loa-1", 6, gone=Gone(first=4, last=5, hash=journal.hash_at(5))))

    assert (taken.sequence, taken.resend_from) == (1, 2)


async def test_another_entry_under_a_committed_number_is_a_fork_and_changes_nothing(xa: Commune) -> None:
    journal, clone = _journal(3), _journal(2)
    await _take(xa, journal.batch("loa-1"))
    clone.write(Note(code="another-story"), Note(code="and-on"))

    taken = await _take(xa, clone.batch("loa-1"))

    assert [odd.code for odd in taken.odd] == ["journal_fork"]
    assert (taken.sequence, taken.hash) == (3, journal.hash_at(3))
    assert await _stored(xa, JournalEntry.raw) == journal.raws


async def test_a_differing_copy_of_the_last_entry_alone_is_a_fork(xa: Commune) -> None:
    journal, clone = _journal(2), _journal(1)
    await _take(xa, journal.batch("loa-1"))
    clone.write(Note(code="another-story"))

    taken = await _take(xa, clone.batch("loa-1"))

    assert [odd.code for odd in taken.odd] == ["journal_fork"]


async def test_entries_that_continue_another_chain_are_a_fork(xa: Commune) -> None:
    journal, clone = _journal(2), WireJournal("j-1")
    clone.write(Note(code="x"), Note(code="y"), Note(code="z"))
    await _take(xa, journal.batch("loa-1"))

    taken = await _take(xa, clone.batch("loa-1", 3, 3))

    assert [odd.code for odd in taken.odd] == ["journal_fork"]
    assert taken.sequence == 2


async def test_an_entry_of_a_newer_kind_is_kept_and_does_not_block_the_journal(xa: Commune) -> None:
    journal = _journal(1)
    body = {"type": "from-the-future"}
    newer = {"sequence": 2, "previous": journal.hash_at(1), "at": "2026-11-21T05:00:00Z", "body": body}
    journal.raws.append(msgspec.json.encode(newer))
    journal.write(Note(code="after"))

    taken = await _take(xa, journal.batch("loa-1"))

    assert taken.sequence == 3
    assert [odd.code for odd in taken.odd] == ["entry_unreadable"]
    assert await _stored(xa, JournalEntry.kind) == ["note", "unreadable", "note"]


async def test_an_entry_without_a_place_ends_the_batch_before_it(xa: Commune) -> None:
    journal = _journal(1)
    journal.raws.append(b'{"no":"sequence"}')

    taken = await _take(xa, journal.batch("loa-1"))

    assert taken.sequence == 1
    assert [odd.code for odd in taken.odd] == ["chain_broken"]


async def test_two_journals_of_a_device_do_not_meet(xa: Commune) -> None:
    first, second = _journal(2), WireJournal("j-2")
    second.write(Note(code="after-a-new-card"))
    await _take(xa, first.batch("loa-1"))

    taken = await _take(xa, second.batch("loa-1"))

    assert (taken.sequence, taken.hash) == (1, entry_hash(second.raws[0]))


@pytest.mark.parametrize("same", [True, False])
async def test_what_is_known_of_a_journal_is_never_believed_where_another_process_was_faster(
    xa: Commune, *, same: bool
) -> None:
    """It took the same batch, or that of a clone; who goes by what it knew stores nothing, looks, and then knows."""
    journal, clone = _journal(3), WireJournal("j-1")
    clone.raws.append(journal.raws[0])
    clone.write(Note(code="another-story"))
    known = Heads()
    known.learn([HeadRow("loa-1", "j-1", 1, journal.hash_at(1))])
    await _take(xa, journal.batch("loa-1", 1, 1))
    await _take(xa, (journal if same else clone).batch("loa-1", 2, 2))
    rest = [Received.read(journal.batch("loa-1", 2, 3))]

    with pytest.raises(Overtaken):
        async with xa.db.transaction() as session:
            await journals.take_all(session, rest, xa.clock.now(), known)
    before = await _stored(xa)
    async with xa.db.transaction() as session:
        (taken,) = await journals.take_all(session, rest, xa.clock.now(), known)

    assert before == [1, 2]
    assert await _stored(xa) == ([1, 2, 3] if same else [1, 2])
    assert [odd.code for odd in taken.odd] == ([] if same else ["journal_fork"])


async def test_batches_that_go_on_where_a_journal_is_known_to_stand_need_no_look_at_it(xa: Commune) -> None:
    journal = _journal(4)
    await _take(xa, journal.batch("loa-1", 1, 1))
    known = Heads()
    known.learn([HeadRow("loa-1", "j-1", 1, journal.hash_at(1))])
    group = [Received.read(journal.batch("loa-1", *span)) for span in ((2, 3), (4, 4))]

    going_on = known.going_on(group)
    again = known.going_on([*group, group[0]])
    async with xa.db.transaction() as session:
        first, second = await journals.take_all(session, group, xa.clock.now(), known)

    assert going_on == {("loa-1", "j-1"): HeadRow("loa-1", "j-1", 1, journal.hash_at(1))}
    assert again == {}
    assert (first.sequence, second.sequence) == (3, 4)
    assert await _stored(xa) == [1, 2, 3, 4]
