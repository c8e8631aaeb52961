"""Messages opened in processes end as those opened in threads do, whatever becomes of the processes."""

import asyncio
import os
import select
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func
from sqlalchemy import select as choose

from controller.delivery.directory import Known
from controller.receipts import opening_process
from controller.receipts.opening import Closed, Message, Opener, Refusal
from controller.receipts.opening_pool import Needs
from controller.receipts.opening_process import OpeningProcess, OpeningProcessGone
from controller.receipts.tables import JournalEntry
from controller.receipts.told import Received
from controller.runtime.mqtt import Arrival
from loa_protocol import topics
from loa_protocol.documents.device import CommandReply, DeviceState, Health, Presence
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import Gone, Note, Occurrence, ReceiptBatch, Refused, Started
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink
from tests.fakes.commune import Commune, commune
from tests.fakes.ingest_feed import Feed, arrival_of, feeding
from tests.fakes.wire_device import TRUSTED, WireJournal, skipped

DEVICES = ("loa-1", "loa-2", "loa-3")
SIGNER = Ed25519Signer.generate("loa-1")
AT_ONCE = Needs(backlog=0, again_s=0.0)


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database, DEVICES) as made:
        yield made


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.005)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _send(xa: Commune, feed: Feed, device: str, journal: WireJournal, numbers: Sequence[int]) -> None:
    for number in numbers:
        raw = seal_uplink("receipts", journal.batch(device, number, number), xa.signers[device])
        feed.offer(topics.up(Family.RECEIPTS, device), raw)


async def _warm(xa: Commune, feed: Feed, opener: Opener) -> int:
    """Wait for a process; gives its number."""
    journal = WireJournal("j-warm")
    journal.write(Note(code="warm"))
    _send(xa, feed, DEVICES[0], journal, [1])
    await _until(lambda: bool(opener.pool.pids))
    return opener.pool.pids[0]


async def test_a_process_killed_in_the_middle_loses_nothing(xa: Commune) -> None:
    """It is held still until it has turns in hand, and then killed: they are opened in threads, in their order."""
    opener = Opener(1, AT_ONCE)
    journals = {device: WireJournal("j-1") for device in DEVICES}
    for journal in journals.values():
        journal.write(*(Note(code=f"n-{n}") for n in range(60)))
    async with feeding(xa.db, xa.clock, opener) as feed:
        first = await _warm(xa, feed, opener)
        os.kill(first, signal.SIGSTOP)
        for device, journal in journals.items():
            _send(xa, feed, device, journal, range(1, 61))
        process = opener.pool.least_busy()
        assert process is not None
        await _until(lambda: process.in_hand > 1)
        os.kill(first, signal.SIGKILL)
        await _until(lambda: bool(opener.pool.pids) and opener.pool.pids != [first])

    assert not feed.uplink.dropped
    assert [feed.acks(device)[-1].sequence for device in DEVICES] == [60, 60, 60]
    assert {ack.resend_from for device in DEVICES for ack in feed.acks(device)} == {None}
    async with xa.db.reading() as session:
        assert await session.scalar(choose(func.count()).select_from(JournalEntry)) == 3 * 60 + 1
    assert not _lives(first)


async def test_what_a_process_refuses_harms_nothing_beside_it(xa: Commune) -> None:
    opener = Opener(1, AT_ONCE)
    journal = WireJournal("j-1")
    journal.write(*(Note(code=f"n-{n}") for n in range(6)))
    async with feeding(xa.db, xa.clock, opener) as feed:
        await _warm(xa, feed, opener)
        topic = topics.up(Family.RECEIPTS, "loa-2")
        _send(xa, feed, "loa-2", journal, range(1, 4))
        feed.offer(topic, b"\xff\x00 no envelope")
        feed.offer(topic, seal_uplink("receipts", journal.batch("loa-2", 4, 4), xa.signers["loa-1"]))
        feed.offer(topics.up(Family.HEALTH, "loa-2"), b'{"a":1,"a":2}')
        _send(xa, feed, "loa-2", journal, range(4, 7))

    assert feed.uplink.dropped == {"document_invalid": 1, "uplink_refused": 1, "duplicate_key": 1}
    assert feed.acks("loa-2")[-1].sequence == 6


async def test_processes_end_when_there_is_little_to_open_and_come_back() -> None:
    opener = Opener(2, Needs(backlog=5, quiet_per_s=10.0, idle_s=0.3))

    def both_under_load() -> bool:
        opener.pool.count(10, backlog=5)
        return len(opener.pool.pids) == 2

    try:
        await opener.open_all([], backlog=4)
        assert opener.pool.pids == []

        await _until(both_under_load)
        first = opener.pool.pids
        await _until(lambda: opener.pool.pids == [] and not any(map(_lives, first)))
        await _until(both_under_load)
        second = opener.pool.pids
    finally:
        await opener.end()

    assert not set(first) & set(second)
    assert opener.pool.pids == []
    assert not any(map(_lives, second))


async def test_without_processes_much_to_open_starts_none() -> None:
    opener = Opener(0, AT_ONCE)
    await opener.open_all([], backlog=10_000)
    await asyncio.sleep(0)

    assert [task.get_name() for task in asyncio.all_tasks() if "opener" in task.get_name()] == []
    await opener.end()


async def test_a_process_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    process = await OpeningProcess.start()
    await process.ready()
    monkeypatch.setattr(opening_process, "ANSWER_S", 0.05)
    os.kill(process.pid, signal.SIGSTOP)

    with pytest.raises(OpeningProcessGone):
        await process.ask(b"\0\0\0\1\x90")

    await process.gone()
    assert not _lives(process.pid)


async def test_a_process_ends_that_is_asked_nonsense_and_what_waits_is_told() -> None:
    process = await OpeningProcess.start()
    await process.ready()
    asked = [asyncio.create_task(process.ask(frame)) for frame in (b"\0\0\0\1\xc1", b"\0\0\0\1\x90")]
    await asyncio.wait(asked)

    assert [type(one.exception()) for one in asked] == [OpeningProcessGone] * 2
    with pytest.raises(OpeningProcessGone):
        await process.ask(b"\0\0\0\1\x90")
    await process.end()
    assert not _lives(process.pid)


async def test_no_process_outlives_an_ingest_that_is_killed() -> None:
    """By `kill -9` too; the socket is what tells it."""
    program = (
        "import asyncio\nfrom controller.receipts.opening_process import OpeningProcess\n"
        "async def main():\n p = await OpeningProcess.start(); await p.ready(); print(p.pid, flush=True)\n"
        " await p.gone()\nasyncio.run(main())"
    )
    ingest = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert ingest.stdout is not None
    async with asyncio.timeout(30):
        watch = os.pidfd_open(int(await ingest.stdout.readline()))
    try:
        ingest.kill()
        await ingest.wait()
        ready, _, _ = await asyncio.to_thread(select.select, [watch], [], [], 20)
    finally:
        os.close(watch)

    assert ready == [watch]


def _told() -> list[tuple[Family, bytes]]:
    """Something of every family: whole, foreign, too new, out of place, of somebody else, broken."""
    journal = WireJournal("j-1")
    edge = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    later = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=7)))
    receipt = skipped("b-1", planned=edge, started=later, roots=("a" * 64,), skew_ms=0.5)
    started = Started(occurrence=Occurrence(kind="alert", id="a-1", index=3), at=edge, planned=later)
    journal.write(receipt, started, Refused(topic="t", reason="nu\0l", digest="0" * 64), Note(code="n", text="ẩ"))
    raws = [
        *journal.raws,
        journal.raws[0].replace(b'"tag":', b'"later":1,"tag":').replace(b'{"sequence"', b'{ "sequence"'),
    ]
    raws += [b'{"sequence":9,"previous":"%b","at":"x","body":{"type":"newer"}}' % (b"0" * 64), b'{"sequence":1}']
    own = journal.batch("loa-1", 1, 4, Gone(first=1, last=2, hash="b" * 64))
    mixed = ReceiptBatch(device="loa-1", journal="j-1", entries=tuple(msgspec.Raw(raw) for raw in raws))
    state = DeviceState(device="loa-1", boot="b-1", issued=later, have={"loa/v1/trust": 3}, clock=TRUSTED)
    signed = {
        Family.RECEIPTS: [("receipts", own), ("receipts", mixed), ("state", state)],
        Family.STATE: [("state", state), ("state", msgspec.structs.replace(state, device="loa-2"))],
        Family.UP_REPLY: [("command-reply", CommandReply(device="loa-1", id="c-1", message="“xong”"))],
    }
    sealed = [(family, seal_uplink(kind, one, SIGNER)) for family, all_of in signed.items() for kind, one in all_of]
    plain = [Health(device="loa-1", uptime_s=3, cpu_percent=0.1), Health(device="loa-2", uptime_s=3)]
    told = [*sealed, *((Family.HEALTH, msgspec.json.encode(one)) for one in plain)]
    told.append((Family.PRESENCE, msgspec.json.encode(Presence(online=True, boot="b-1"))))
    return [*told, *((family, raw[:-3]) for family, raw in told)]


def _shown(found: Message | Refusal) -> object:
    return found.document if isinstance(found, Message) else found


async def test_threads_and_processes_open_alike() -> None:
    known = Known("loa-1", SIGNER.trust_key("loa-1"), (), frozenset())
    link = arrival_of("loa-1").link
    closed = [Closed(Arrival("t", raw, False, link), family, known) for family, raw in 2 * _told()]
    threads, processes = Opener(), Opener(1, AT_ONCE)
    try:
        await processes.open_all([], backlog=1)
        await _until(lambda: bool(processes.pool.pids))
        in_threads, elsewhere = [await opener.open_all(closed) for opener in (threads, processes)]
    finally:
        await threads.end()
        await processes.end()

    assert list(map(_shown, in_threads)) == list(map(_shown, elsewhere))
    read = [one.document for one in elsewhere if isinstance(one, Message)]
    assert [len(one.lines) for one in read if isinstance(one, Received)] == [4, 6] * 2
    assert Counter(one.code for one in elsewhere if isinstance(one, Refusal)) == {
        "document_invalid": 18,
        "uplink_refused": 4,
        "wrong_device": 2,
    }
