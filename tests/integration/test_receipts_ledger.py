"""The closed world: who must answer is fixed at the start, every pair ends in exactly one outcome."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from controller.devices.tables import Device
from controller.receipts import service
from controller.receipts.odd import Odd
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import Occurrence, Receipt, Started
from tests.fakes.commune import Commune, commune
from tests.fakes.wire_device import skipped
from tests.fakes.words import say


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database) as made:
        yield made


async def _tick(xa: Commune) -> list[Any]:
    async with xa.db.transaction() as session:
        return await service.tick(session, xa.clock.now())


async def _answer(xa: Commune, device: str, receipt: Receipt) -> Odd | None:
    async with xa.db.transaction() as session:
        heard = await say(session, device, receipt, xa.clock.now())
        return heard.odd[0][1] if heard.odd else None


async def _outcomes(xa: Commune, broadcast: str) -> dict[str, str | None]:
    async with xa.db.reading() as session:
        return {row.device_id: row.outcome for row in await service.rows(session, broadcast)}


async def test_nobody_is_expected_before_the_start(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    xa.clock.move(seconds=59)

    await _tick(xa)

    assert await _outcomes(xa, broadcast) == {}
    assert (await xa.row(broadcast)).expected_at is None


async def test_the_expected_set_is_everybody_in_the_tree_at_the_start(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    async with xa.db.transaction() as session:
        await xa.register(session, "loa-3")
    xa.clock.move(seconds=60)

    await _tick(xa)

    assert await _outcomes(xa, broadcast) == {"loa-1": None, "loa-2": None, "loa-3": None}


async def test_the_expected_set_never_changes_after_the_start(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    xa.clock.move(seconds=60)
    await _tick(xa)
    async with xa.db.transaction() as session:
        await xa.register(session, "loa-3")
        device = await session.get(Device, "loa-1")
        assert device is not None
        device.retired_at = xa.clock.now()
    xa.clock.move(seconds=1)

    await _tick(xa)

    assert set(await _outcomes(xa, broadcast)) == {"loa-1", "loa-2"}


async def test_a_broadcast_closes_when_the_last_device_has_answered(xa: Commune) -> None:
    broadcast = await xa.broadcast()
    xa.clock.move(seconds=61)
    await _tick(xa)

    await _answer(xa, "loa-1", skipped(broadcast))
    half = await xa.row(broadcast)
    await _answer(xa, "loa-2", skipped(broadcast))

    assert half.closed_at is None
    assert (await xa.row(broadcast)).closed_at == xa.clock.now()


async def test_silence_becomes_unknown_at_the_deadline_and_not_before(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60, grace_s=120)
    xa.clock.move(seconds=60)
    await _tick(xa)
    await _answer(xa, "loa-1", skipped(broadcast))
    xa.clock.move(seconds=179)
    await _tick(xa)
    before = await _outcomes(xa, broadcast)
    xa.clock.move(seconds=1)

    await _tick(xa)

    assert before == {"loa-1": "skipped", "loa-2": None}
    assert await _outcomes(xa, broadcast) == {"loa-1": "skipped", "loa-2": "unknown"}
    assert (await xa.row(broadcast)).closed_at is not None


async def test_a_controller_that_slept_over_a_whole_broadcast_still_answers_for_everybody(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    xa.clock.move(hours=5)

    await _tick(xa)

    assert await _outcomes(xa, broadcast) == {"loa-1": "unknown", "loa-2": "unknown"}


async def test_ticking_twice_changes_nothing(xa: Commune) -> None:
    await xa.broadcast(in_s=60)
    xa.clock.move(seconds=60)
    await _tick(xa)

    changes = await _tick(xa)

    assert changes == []


async def test_a_true_answer_after_the_deadline_replaces_unknown(xa: Commune) -> None:
    broadcast = await xa.broadcast()
    xa.clock.move(hours=1)
    await _tick(xa)

    odd = await _answer(xa, "loa-1", skipped(broadcast, outcome=Outcome.PLAYED, played_ms=900))

    assert odd is None
    assert (await _outcomes(xa, broadcast))["loa-1"] == "played"


async def test_the_first_answer_stays_and_another_one_is_a_finding(xa: Commune) -> None:
    broadcast = await xa.broadcast()
    xa.clock.move(seconds=61)
    await _answer(xa, "loa-1", skipped(broadcast, outcome=Outcome.PLAYED))

    odd = await _answer(xa, "loa-1", skipped(broadcast, outcome=Outcome.FAILED))

    assert odd is not None
    assert odd.code == "receipt_conflict"
    assert (await _outcomes(xa, broadcast))["loa-1"] == "played"


async def test_the_same_answer_again_is_nothing(xa: Commune) -> None:
    broadcast = await xa.broadcast()
    xa.clock.move(seconds=61)
    await _answer(xa, "loa-1", skipped(broadcast))

    assert await _answer(xa, "loa-1", skipped(broadcast)) is None


async def test_a_device_cannot_answer_unknown(xa: Commune) -> None:
    broadcast = await xa.broadcast()
    xa.clock.move(seconds=61)

    odd = await _answer(xa, "loa-1", skipped(broadcast, outcome=Outcome.UNKNOWN))

    assert odd is not None
    assert odd.code == "receipt_unknown"
    assert (await _outcomes(xa, broadcast))["loa-1"] is None


async def test_an_answer_from_outside_the_expected_set_is_a_finding_and_counts_nowhere(xa: Commune) -> None:
    broadcast = await xa.broadcast(to=["d-loa-1"])
    xa.clock.move(seconds=61)

    odd = await _answer(xa, "loa-2", skipped(broadcast))

    assert odd is not None
    assert odd.code == "receipt_unexpected"
    assert await _outcomes(xa, broadcast) == {"loa-1": None}


async def test_an_answer_to_no_broadcast_is_a_finding(xa: Commune) -> None:
    odd = await _answer(xa, "loa-1", skipped("khong-co"))

    assert odd is not None
    assert odd.code == "receipt_unexpected"


async def test_an_answer_right_at_the_start_fixes_the_set_before_the_next_tick(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    xa.clock.move(seconds=60)

    await _answer(xa, "loa-1", skipped(broadcast))

    assert await _outcomes(xa, broadcast) == {"loa-1": "skipped", "loa-2": None}


async def test_an_answer_before_the_start_is_kept_and_does_not_fix_the_set(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    await _answer(xa, "loa-1", skipped(broadcast))
    early = await xa.row(broadcast)
    async with xa.db.transaction() as session:
        await xa.register(session, "loa-3")
    xa.clock.move(seconds=60)

    await _tick(xa)

    assert early.expected_at is None
    assert await _outcomes(xa, broadcast) == {"loa-1": "skipped", "loa-2": None, "loa-3": None}


async def test_an_early_answer_from_outside_the_targets_opens_no_row(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60, to=["d-loa-1"])

    odd = await _answer(xa, "loa-2", skipped(broadcast))

    assert odd is not None
    assert odd.code == "receipt_unexpected"
    assert await _outcomes(xa, broadcast) == {}


async def test_a_broadcast_cancelled_before_its_start_expects_nobody(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    xa.clock.move(seconds=30)
    await xa.cancel(broadcast)

    await _tick(xa)

    row = await xa.row(broadcast)
    assert row.closed_at is not None
    assert await _outcomes(xa, broadcast) == {}


async def test_skipping_a_cancelled_broadcast_is_no_finding_but_sounding_it_is(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    await xa.cancel(broadcast)
    xa.clock.move(seconds=60)

    quiet = await _answer(xa, "loa-1", skipped(broadcast))
    loud = await _answer(xa, "loa-2", skipped(broadcast, outcome=Outcome.INTERRUPTED))

    assert quiet is None
    assert loud is not None
    assert loud.code == "receipt_after_cancel"


async def test_a_broadcast_cancelled_after_its_start_keeps_its_set(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60)
    xa.clock.move(seconds=65)
    await xa.cancel(broadcast)

    await _tick(xa)

    assert await _outcomes(xa, broadcast) == {"loa-1": None, "loa-2": None}


async def test_what_has_begun_is_shown_until_it_is_answered(xa: Commune) -> None:
    broadcast = await xa.broadcast()
    at = xa.clock.move(seconds=60)
    async with xa.db.transaction() as session:
        await say(session, "loa-1", Started(occurrence=Occurrence(id=broadcast), at=at, planned=at), xa.clock.now())

    async with xa.db.reading() as session:
        rows = {row.device_id: (row.outcome, row.started) for row in await service.rows(session, broadcast)}

    assert rows == {"loa-1": (None, at), "loa-2": (None, None)}


async def test_outcomes_and_those_who_wait_always_add_up_to_the_expected(xa: Commune) -> None:
    broadcast = await xa.broadcast()
    xa.clock.move(seconds=61)
    await _answer(xa, "loa-1", skipped(broadcast))

    async with xa.db.reading() as session:
        summary = await service.summary(session, broadcast)

    assert (summary.expected, summary.waiting, dict(summary.outcomes)) == (2, 1, {"skipped": 1})


async def test_a_deadline_lies_after_the_last_possible_end(xa: Commune) -> None:
    broadcast = await xa.broadcast(in_s=60, late_s=30, grace_s=10)

    row = await xa.row(broadcast)

    assert row.deadline >= row.latest_start + timedelta(milliseconds=row.duration_ms) + timedelta(seconds=10)
