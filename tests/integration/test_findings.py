"""What is odd about devices, in a real database: one device's flood hides nothing, and nothing is kept for ever."""

from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest
from sqlalchemy import select

from controller.delivery.directory import Directory
from controller.devices import beat_store, service
from controller.devices.beat_store import FINDINGS_DAYS
from controller.devices.tables import Finding
from controller.receipts import store, taking
from controller.receipts.opening import Message
from controller.receipts.told import Received
from controller.runtime.mqtt import Arrival, Link
from edge_agent import inbox
from loa_protocol.acceptance import Why
from loa_protocol.receipts import GENESIS, Body, Note, Refused
from tests.fakes.commune import Commune, commune
from tests.fakes.wire_device import WireJournal


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    """On both databases."""
    async with commune(database, ["loa-1", "loa-2", "loa-3"]) as made:
        yield made


async def journalled(xa: Commune, device: str, *bodies: Body) -> None:
    """A device brings what it wrote down, through everything but the broker."""
    known = (await Directory(xa.db, xa.clock).find_all({device}))[device]
    journal = WireJournal()
    journal.write(*bodies)
    for first in range(1, len(bodies) + 1, 100):
        batch = Received.read(journal.batch(device, first, first + 99))
        message = Message(Arrival("", b"", retained=False, link=cast(Link, None)), known, batch)
        async with xa.db.transaction() as session:
            await taking.take(session, [message], xa.clock)


def refused(reason: str, topic: str = "loa/v1/plan/u-x") -> Refused:
    return Refused(topic=topic, reason=reason, digest=GENESIS)


async def codes(xa: Commune, device: str) -> Sequence[str]:
    async with xa.db.reading() as session:
        return (await session.scalars(select(Finding.code).where(Finding.device_id == device))).all()


async def test_a_device_that_invents_reasons_makes_one_finding_and_hides_no_other(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        await store.note(session, "loa-2", "journal_fork", "a cloned card", xa.clock.now())

    await journalled(xa, "loa-1", *(refused(f"r{number}") for number in range(300)), refused("not_signed"))

    async with xa.db.reading() as session:
        shown = await service.newest_findings(session)
        told = {one.code: one.detail for one in shown if one.device_id == "loa-1"}
    assert told == {"refused_other": "r299: 1 on loa/v1/plan/u-x", "refused_not_signed": "1 on loa/v1/plan/u-x"}
    assert [one.code for one in shown if one.device_id == "loa-2"] == ["journal_fork"]


async def test_every_reason_of_our_agents_is_a_finding_of_its_own(xa: Commune) -> None:
    reasons = {*map(str, Why), *(error.code for error in inbox._REFUSALS)}

    await journalled(xa, "loa-1", *map(refused, sorted(reasons)))

    assert set(await codes(xa, "loa-1")) == {f"refused_{reason}" for reason in reasons}


async def test_however_much_is_odd_about_one_device_the_newest_of_every_device_is_listed(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        for device, count in (("loa-3", 1), ("loa-2", 30), ("loa-1", 300)):
            found = {(device, f"odd_{number}"): "x" for number in range(count)}
            await store.note_all(session, found, xa.clock.now())

    async with xa.db.reading() as session:
        shown = await service.newest_findings(session, each=10, limit=15)
        of_two = await service.newest_findings(session, Finding.device_id != "loa-1")
        least = await service.newest_findings(session, limit=3)

    assert [one.id for one in shown] == sorted((one.id for one in shown), reverse=True)
    assert {one: sum(row.device_id == one for row in shown) for one in ("loa-1", "loa-2", "loa-3")} == {
        "loa-1": 7,
        "loa-2": 7,
        "loa-3": 1,
    }
    assert {row.device_id for row in of_two} == {"loa-2", "loa-3"}
    assert [row.device_id for row in least] == ["loa-1", "loa-2", "loa-3"]


async def test_findings_are_let_go_of_after_three_months(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        await store.note(session, "loa-1", "journal_fork", "old", xa.clock.now())
    xa.clock.move(days=FINDINGS_DAYS)
    async with xa.db.transaction() as session:
        assert not await beat_store.any_old(session, xa.clock.now().date())
        await store.note(session, "loa-1", "journal_fork", "new", xa.clock.now())
    xa.clock.move(days=1)
    today = xa.clock.now().date()

    async with xa.db.transaction() as session:
        assert await beat_store.any_old(session, today)
        gone = [await beat_store.forget(session, today), await beat_store.forget(session, today)]

    async with xa.db.reading() as session:
        assert (await session.scalars(select(Finding.detail))).all() == ["new"]
    assert gone == [1, 0]


async def test_what_a_device_tells_is_one_line_of_bounded_length(xa: Commune) -> None:
    huge = Refused(topic="a\nb\x1b[2J", reason="\u202ebad\x9b", digest=GENESIS, count=10**4000)

    await journalled(xa, "loa-1", huge, Note(code="equivocation", text="two\r\nlines\x00"))

    async with xa.db.reading() as session:
        details = {one.code: one.detail for one in await session.scalars(select(Finding))}
    assert details["equivocation"] == "two  lines"
    assert details["refused_other"].startswith("bad : 1000")
    assert details["refused_other"].isprintable()
    assert len(details["refused_other"]) == 500
