"""The journal: committed, chained, never twice, acknowledged only by our own hash."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.journal import AckRefused, AlreadyJournalled, Journal
from loa_protocol.documents.device import Ack, ClockReport, ClockState
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import GENESIS, Note, Occurrence, Receipt, Started, entry_hash, follow_chain
from tests.fakes.agent_world import NOW

CLOCK = ClockReport(state=ClockState.TRUSTED)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal(tmp_path / "journal.sqlite")
    await made.open()
    yield made
    await made.close()


def started(name: str) -> Started:
    return Started(occurrence=Occurrence(id=name), at=NOW, planned=NOW)


def receipt(name: str) -> Receipt:
    return Receipt(occurrence=Occurrence(id=name), outcome=Outcome.PLAYED, planned=NOW, clock=CLOCK)


async def fill(journal: Journal, count: int) -> tuple[bytes, ...]:
    for number in range(count):
        await journal.append(Note(code=f"n-{number}"), at=NOW)
    return (await journal.pending(0, 1000)).entries


def ack(journal: Journal, sequence: int, mark: str, **other: object) -> Ack:
    return Ack(scope="d-loa-1", journal=journal.head.journal, sequence=sequence, hash=mark, **other)


async def test_entries_are_one_chain_without_gaps(journal: Journal) -> None:
    entries = await fill(journal, 5)

    decoded, last = follow_chain(entries, 0, GENESIS)

    assert [entry.sequence for entry in decoded] == [1, 2, 3, 4, 5]
    assert last == entry_hash(entries[-1])
    assert (journal.head.sequence, journal.head.acknowledged) == (5, 0)


async def test_the_chain_goes_on_after_a_restart(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, 3)
    await journal.close()
    again = Journal(tmp_path / "journal.sqlite")
    await again.open()

    await again.append(Note(code="later"), at=NOW)

    follow_chain((await again.pending(0, 10)).entries, 0, GENESIS)
    assert again.head.journal == journal.head.journal
    assert not again.replaced
    await again.close()


async def test_an_occurrence_starts_once_and_is_answered_once(journal: Journal) -> None:
    await journal.append(started("mot"), at=NOW)
    with pytest.raises(AlreadyJournalled):
        await journal.append(started("mot"), at=NOW)
    await journal.append(receipt("mot"), at=NOW)
    with pytest.raises(AlreadyJournalled):
        await journal.append(receipt("mot"), at=NOW)
    with pytest.raises(AlreadyJournalled):
        await journal.append(started("mot"), at=NOW)

    assert journal.head.sequence == 2
    assert [type(body) for body in await journal.history()] == [Started, Receipt]


async def test_an_answered_one_that_never_started_may_not_start(journal: Journal) -> None:
    await journal.append(receipt("mot"), at=NOW)

    with pytest.raises(AlreadyJournalled):
        await journal.append(started("mot"), at=NOW)


@pytest.mark.parametrize("sequence", [4, 10**9])
async def test_a_too_high_ack_counts_nothing(journal: Journal, sequence: int) -> None:
    entries = await fill(journal, 3)

    with pytest.raises(AckRefused, match="never written"):
        await journal.acknowledge(ack(journal, sequence, entry_hash(entries[-1])), now=NOW)

    assert journal.head.acknowledged == 0


async def test_an_ack_with_another_hash_or_journal_counts_nothing(journal: Journal) -> None:
    entries = await fill(journal, 3)
    with pytest.raises(AckRefused, match="another hash"):
        await journal.acknowledge(ack(journal, 3, entry_hash(entries[1])), now=NOW)
    stranger = Ack(scope="d-loa-1", journal="j-other", sequence=3, hash=entry_hash(entries[2]))
    with pytest.raises(AckRefused, match="j-other"):
        await journal.acknowledge(stranger, now=NOW)

    assert journal.head.acknowledged == 0
    assert await journal.prune(now=NOW + timedelta(days=100), named=frozenset()) == 0


async def test_a_true_ack_counts_and_an_older_one_changes_nothing(journal: Journal) -> None:
    entries = await fill(journal, 3)

    await journal.acknowledge(ack(journal, 2, entry_hash(entries[1])), now=NOW)
    await journal.acknowledge(ack(journal, 1, "f" * 64), now=NOW)

    assert journal.head.acknowledged == 2


async def test_acknowledged_entries_go_after_seven_days_and_are_answered_as_gone(journal: Journal) -> None:
    entries = await fill(journal, 3)
    await journal.acknowledge(ack(journal, 2, entry_hash(entries[1])), now=NOW)
    assert await journal.prune(now=NOW + timedelta(days=6), named=frozenset()) == 0

    removed = await journal.prune(now=NOW + timedelta(days=8), named=frozenset())

    pending = await journal.pending(0, 10)
    assert removed == 2
    assert pending.gone is not None
    assert (pending.gone.first, pending.gone.last, pending.gone.hash) == (1, 2, entry_hash(entries[1]))
    assert (pending.entries, pending.first, pending.last) == ((entries[2],), 3, 3)


async def test_the_chain_survives_pruning_everything_and_a_restart(journal: Journal, tmp_path: Path) -> None:
    entries = await fill(journal, 2)
    await journal.acknowledge(ack(journal, 2, entry_hash(entries[1])), now=NOW)
    await journal.prune(now=NOW + timedelta(days=8), named=frozenset())
    await journal.close()
    again = Journal(tmp_path / "journal.sqlite")
    await again.open()

    await again.append(Note(code="next"), at=NOW)

    follow_chain((await again.pending(2, 10)).entries, 2, entry_hash(entries[1]))
    await again.close()


async def test_what_a_plan_may_still_name_is_remembered_longer_than_its_entries(journal: Journal) -> None:
    for name in ("named", "unnamed", "under-way"):
        await journal.append(started(name), at=NOW)
    for name in ("named", "unnamed"):
        await journal.append(receipt(name), at=NOW)

    await journal.prune(now=NOW + timedelta(days=60), named=frozenset({Occurrence(id="named")}))

    assert {body.occurrence.id for body in await journal.history()} == {"named", "under-way"}


async def test_a_damaged_file_is_set_aside_and_a_new_journal_begins(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is no database" * 300)
    journal = Journal(path)

    await journal.open()

    assert journal.replaced
    assert (tmp_path / "journal.sqlite.damaged").exists()
    assert (await journal.append(Note(code="first"), at=NOW)).sequence == 1
    await journal.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET raw = replace(raw, 'n-1', 'n-9') WHERE sequence = 2",
        "UPDATE entries SET raw = CAST(replace(raw, 'n-2', 'n-9') AS BLOB) WHERE sequence = 3",
        "DELETE FROM entries WHERE sequence = 2",
        "UPDATE occurrences SET started = x'00'",
        "UPDATE meta SET value = 'many' WHERE key = 'acknowledged'",
    ],
)
async def test_what_was_changed_on_the_disk_is_noticed_at_start(journal: Journal, tmp_path: Path, damage: str) -> None:
    entries = await fill(journal, 3)
    await journal.append(started("mot"), at=NOW)
    await journal.acknowledge(ack(journal, 1, entry_hash(entries[0])), now=NOW)
    await journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as raw:
        assert raw.execute(damage).rowcount == 1
    raw.close()
    again = Journal(tmp_path / "journal.sqlite")

    await again.open()

    assert again.replaced
    assert again.head.journal != journal.head.journal
    await again.close()


async def test_facts_are_kept_with_the_journal(journal: Journal) -> None:
    await journal.remember("lost_before", "x")

    assert await journal.recall("lost_before") == "x"
    assert await journal.recall("other") is None
