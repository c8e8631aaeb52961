"""From a saved programme to broadcasts: what is made, changed and taken back, and what is left alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.commune import SCOPE
from tests.fakes.station import EVENING, MORNING, Station, programme, station


@pytest.fixture
async def dai(database: str) -> AsyncIterator[Station]:
    async with station(database) as made:
        yield made


def _key(row: Any) -> tuple[str, int]:
    return row.id, row.rev


async def test_a_saved_programme_is_made_over_the_whole_horizon(dai: Station) -> None:
    saved = await dai.save()

    rows = await dai.rows()
    assert (rows[0].start, rows[0].session_id) == (datetime(2026, 11, 21, 10, 0, tzinfo=UTC), "chieu")
    assert rows[-1].start < dai.terms.until <= rows[-1].start + timedelta(days=1)
    assert saved.effect.added == len(rows) == 30
    assert saved.effect.devices == 2
    assert {one.id for one in (await dai.plan()).broadcasts} <= {row.id for row in rows}
    assert (await dai.wanted()) == {SCOPE: 1}


async def test_saving_the_same_again_changes_nothing(dai: Station) -> None:
    first = await dai.save()
    before = [_key(row) for row in await dai.rows()]
    await dai.wanted()

    again = await dai.save()

    assert again.revision == first.revision
    assert (again.effect.added, again.effect.changed, again.effect.withdrawn) == (0, 0, 0)
    assert [_key(row) for row in await dai.rows()] == before
    assert await dai.wanted() == {}


async def test_changing_one_session_touches_only_its_broadcasts(dai: Station) -> None:
    await dai.save()
    before = {row.id: row for row in await dai.rows()}

    await dai.save(programme(MORNING, {**EVENING, "volume": 90}))

    after = await dai.rows()
    assert {row.id for row in after} == set(before)
    for row in after:
        raised = row.session_id == "chieu"
        assert (row.rev, row.volume) == ((1, 90) if raised else (0, 70))
        assert row.created_at == before[row.id].created_at
