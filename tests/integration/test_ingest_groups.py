"""Many messages at once: the same end as one by one, whatever comes in whatever order, from one process or from two."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from controller.broadcasts.tables import LedgerRow
from controller.devices.tables import Finding
from controller.receipts import ingest, journals, ledger, service, taking
from controller.receipts.opening import Message
from controller.receipts.tables import JournalEntry, JournalGap, JournalRow
from controller.receipts.told import Received
from controller.runtime.changes import REREAD, Change
from controller.runtime.database import Database
from loa_protocol import topics
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import Gone, Note, Occurrence, ReceiptBatch, Refused, Started
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink
from tests.fakes.commune import Commune, commune
from tests.fakes.ingest_feed import Feed, feeding
from tests.fakes.wire_device import WireJournal, skipped

DEVICES = tuple(f"loa-{n}" for n in range(1, 7))


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database, DEVICES) as made:
        yield made


def _send(xa: Commune, feed: Feed, batch: ReceiptBatch) -> None:
    raw = seal_uplink("receipts", batch, xa.signers[batch.device])
    feed.offer(topics.up(Family.RECEIPTS, batch.device), raw)


async def _column(xa: Commune, what: Any, *where: Any) -> list[Any]:
    async with xa.db.reading() as session:
        return list(await session.scalars(select(what).where(*where).order_by(what)))


async def _told_of(xa: Commune, device: str) -> list[Any]:
    """Everything the database has of a device, without its name and without our own instants."""
    shown: list[tuple[type[Any], tuple[str, ...]]] = [
        (JournalRow, ("journal_id", "sequence", "hash")),
        (JournalEntry, ("journal_id", "sequence", "hash", "kind", "raw")),
        (JournalGap, ("journal_id", "first", "last")),
        (LedgerRow, ("broadcast_id", "outcome", "reason", "started", "played_ms", "journal_id", "sequence")),
        (Finding, ("code", "detail")),
    ]
    told: list[Any] = []
    async with xa.db.reading() as session:
        for table, columns in shown:
            rows = await session.scalars(select(table).where(table.device_id == device))
            told.append(sorted(repr([getattr(row, name) for name in columns]) for row in rows))
    return told


def _story(chance: random.Random, broadcasts: Sequence[str]) -> Callable[[str], list[ReceiptBatch]]:
    """What two devices may send alike: repeats, holes, lost entries, a clone, answers that contradict."""
    ids = [*broadcasts, "khong-co"]
    at = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    journal, clone = WireJournal("j-1"), WireJournal("j-1")
    for number in range(24):
        occurrence = Occurrence(id=chance.choice(ids))
        outcome = chance.choice(list(Outcome))
        receipt = skipped(occurrence.id, outcome=outcome, played_ms=chance.choice((0, 900, 2**33)))
        started = Started(occurrence=occurrence, at=at, planned=at)
        odd = Refused(topic="loa/v1/plan/u-x", reason=chance.choice(("older", "nu\0l")), digest="0" * 64)
        body = chance.choice((receipt, receipt, receipt, started, odd, Note(code="equivocation", text="a\0b")))
        journal.write(body)
        clone.write(body if number < 9 else Note(code="another-story"))
    cuts: list[tuple[WireJournal, int, int, Gone | None]] = []
    for _ in range(14):
        first = chance.randint(1, 20)
        gone = Gone(first=max(1, first - 3), last=first - 1, hash=journal.hash_at(first - 1)) if first > 1 else None
        told = journal if chance.random() < 0.85 else clone
        cuts.append((told, first, first + chance.randint(0, 8), gone if chance.random() < 0.3 else None))
    cuts += [(journal, 1, 6, None), (journal, 6, 24, None)]
    return lambda device: [told.batch(device, first, last, gone) for told, first, last, gone in cuts]


@pytest.mark.parametrize("seed", range(4))
async def test_a_group_ends_as_its_batches_do_one_by_one(xa: Commune, seed: int) -> None:
    """Device 1 tells its story batch by batch, device 2 the same in one group, device 3 in groups of three."""
    broadcasts = [await xa.broadcast(in_s=in_s) for in_s in (0, 0, 0, 3600)]
    broadcasts.append(await xa.broadcast(in_s=30))
    await xa.cancel(broadcasts[-1])
    xa.clock.move(seconds=1)
    story = _story(random.Random(seed), broadcasts)
    ends: dict[str, list[Any]] = {}
    for device, size in (("loa-1", 1), ("loa-2", 100), ("loa-3", 3)):
        batches, taken = story(device), []
        for at in range(0, len(batches), size):
            group = [_message(batch) for batch in batches[at : at + size]]
            async with xa.db.transaction() as session:
                effects = await taking.take(session, group, xa.clock)
            taken.append(effects)
        ack, _ = taken[-1].acks[device, "j-1"]
        ends[device] = [msgspec.structs.replace(ack, scope="d-x"), *await _told_of(xa, device)]

    assert ends["loa-1"][1:-1] == ends["loa-2"][1:-1] == ends["loa-3"][1:-1]
    assert ends["loa-1"][0] == ends["loa-2"][0] == ends["loa-3"][0]
    codes = [sorted(line.split(",")[0] for line in end[-1]) for end in ends.values()]
    assert codes[0] == codes[1] == codes[2]


def _message(batch: ReceiptBatch) -> Message:
    """As the door gives it; signatures are not what this is about."""
    from tests.fakes.ingest_feed import arrival_of, known_of

    return Message(arrival_of(batch.device), known_of(batch.device), Received.read(batch))


async def test_two_processes_that_get_the_same_batches_store_each_once(xa: Commune, database: str) -> None:
    """As when a shard changes hands: both hear everything, in another order, at the same time."""
    broadcasts = [await xa.broadcast(in_s=0) for _ in range(4)]
    xa.clock.move(seconds=1)
    written = {device: WireJournal(f"j-{device}") for device in DEVICES}
    batches = []
    for device, journal in written.items():
        for broadcast in broadcasts:
            journal.write(Note(code="before"), skipped(broadcast, outcome=Outcome.PLAYED, played_ms=5))
        batches += [journal.batch(device, first, first + 1) for first in (1, 3, 5, 7)]
    other = Database(database)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(other.close)
        feeds = [await stack.enter_async_context(feeding(db, xa.clock)) for db in (xa.db, other)]
        for turn in range(4):
            for feed, ordered in zip(feeds, (batches, batches[::-1]), strict=True):
                for batch in ordered[turn::2] if turn < 2 else ordered:
                    _send(xa, feed, batch)
            await asyncio.sleep(0)
        for feed in feeds:  # what came out of order is asked for and comes again
            await feed.below(1)
            for batch in batches:
                _send(xa, feed, batch)

    for device, journal in written.items():
        numbers = await _column(xa, JournalEntry.sequence, JournalEntry.device_id == device)
        assert numbers == list(range(1, 9))
        assert max(feed.acks(device)[-1].sequence for feed in feeds) == 8
        assert all(ack.hash == journal.hash_at(ack.sequence) for feed in feeds for ack in feed.acks(device))
    outcomes = await _column(xa, LedgerRow.outcome)
    assert outcomes == ["played"] * len(DEVICES) * len(broadcasts)
    assert await _column(xa, Finding.code) == []


async def test_a_message_that_cannot_be_stored_harms_only_itself(xa: Commune) -> None:
    """The database refuses what one device says; everybody else in the group is committed and acknowledged."""
    async with xa.db.transaction() as session:
        for statement in _refusing(xa, "loa-3"):
            await session.execute(text(statement))
    async with feeding(xa.db, xa.clock) as feed:
        for device in DEVICES:
            journal = WireJournal("j-1")
            journal.write(Note(code="n"), Note(code="m"))
            _send(xa, feed, journal.batch(device))

    assert feed.uplink.dropped == {"not_taken_in": 1}
    assert [device for device in DEVICES if feed.acks(device)] == [device for device in DEVICES if device != "loa-3"]
    stored = await _column(xa, JournalEntry.device_id)
    assert sorted(set(stored)) == [device for device in DEVICES if device != "loa-3"]


def _refusing(xa: Commune, device: str) -> Iterable[str]:
    """A trigger that fails for one device: a fault of the database, not of our code."""
    if xa.db.engine.dialect.name == "sqlite":
        yield (
            "CREATE TRIGGER refuse BEFORE INSERT ON journal_entries"
            f" WHEN new.device_id = '{device}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        return
    yield ("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$")
    yield (
        "CREATE TRIGGER refuse BEFORE INSERT ON journal_entries FOR EACH ROW"
        f" WHEN (new.device_id = '{device}') EXECUTE FUNCTION refuse()"
    )


async def test_what_a_device_may_say_of_itself_never_makes_its_journal_stand_still(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=0)
    xa.clock.move(seconds=1)
    earliest = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    journal = WireJournal("j-1")
    journal.write(
        Note(code="equivocation", text="nu\0l"),
        Refused(topic="loa/v1/plan/u-x", reason="nu\0l", digest="0" * 64),
        Started(occurrence=Occurrence(id=broadcast), at=earliest, planned=earliest),
        skipped(broadcast, outcome=Outcome.PLAYED, started=earliest, played_ms=366 * 86_400_000, detail="nu\0l"),
    )
    async with feeding(xa.db, xa.clock) as feed:
        _send(xa, feed, journal.batch("loa-1"))

    assert [ack.sequence for ack in feed.acks("loa-1")] == [4]
    async with xa.db.reading() as session:
        row = await session.get_one(LedgerRow, (broadcast, "loa-1"))
        receipts = await service.receipts(session, broadcast)
    assert (row.outcome, row.played_ms) == ("played", 366 * 86_400_000)
    assert receipts["loa-1"].detail == "nu\0l"
    assert await _column(xa, Finding.code) == ["equivocation", "refused_other"]


async def test_an_endless_journal_that_a_device_claims_to_have_lost_is_not_believed(xa: Commune) -> None:
    gone = Gone(first=1, last=10**30, hash="a" * 64)
    async with xa.db.transaction() as session:
        taken = await journals.take(session, ReceiptBatch(device="loa-1", journal="j-1", gone=gone), xa.clock.now())

    assert (taken.sequence, [odd.code for odd in taken.odd]) == (0, ["chain_broken"])


async def test_what_finds_no_room_is_dropped_and_counted(xa: Commune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "WAITING_BYTES", 2_000)
    journal = WireJournal("j-1")
    journal.write(Note(code="n", text="x" * 200))
    async with feeding(xa.db, xa.clock) as feed:
        for _ in range(10):
            _send(xa, feed, journal.batch("loa-1"))

    assert 0 < feed.uplink.dropped["ingest_busy"] < 10
    assert feed.acks("loa-1")[-1].sequence == 1


async def test_what_one_device_sends_while_another_is_committed_is_one_group(xa: Commune) -> None:
    """Group commit: many messages cost few transactions."""
    written = {device: WireJournal("j-1") for device in DEVICES}
    for journal in written.values():
        journal.write(*(Note(code=f"n-{n}") for n in range(40)))
    commits = 0

    def count(_connection: Any) -> None:
        nonlocal commits
        commits += 1

    from sqlalchemy import event

    event.listen(xa.db.engine.sync_engine, "commit", count)
    async with feeding(xa.db, xa.clock) as feed:
        for number in range(40):
            for device, journal in written.items():
                _send(xa, feed, journal.batch(device, number + 1, number + 1))

    assert all(feed.acks(device)[-1].sequence == 40 for device in DEVICES)
    assert commits < 40


async def test_a_clone_in_the_same_group_is_a_fork(xa: Commune) -> None:
    journal, clone = WireJournal("j-1"), WireJournal("j-1")
    journal.write(Note(code="one"), Note(code="two"))
    clone.write(Note(code="one"), Note(code="another-story"))
    clone.raws[0] = journal.raws[0]
    group = [Received.read(journal.batch("loa-1")), Received.read(clone.batch("loa-1"))]

    async with xa.db.transaction() as session:
        first, second = await journals.take_all(session, group, xa.clock.now())

    assert [odd.code for odd in first.odd] == []
    assert [odd.code for odd in second.odd] == ["journal_fork"]
    assert (second.sequence, second.hash) == (2, journal.hash_at(2))


async def test_more_answers_than_a_watcher_can_queue_are_told_as_one_change(
    xa: Commune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "QUEUED", 2)
    broadcast = await xa.broadcast(in_s=0)
    xa.clock.move(seconds=1)
    told = []
    for devices in (DEVICES[:2], DEVICES[2:5]):
        batches = []
        for device in devices:
            journal = WireJournal("j-1")
            journal.write(skipped(broadcast))
            batches.append(_message(journal.batch(device)))
        async with xa.db.transaction() as session:
            told.append((await taking.take(session, batches, xa.clock)).changes)

    assert [change.data["device_id"] for change in told[0]] == list(DEVICES[:2])
    assert told[1] == [Change(REREAD)]
