"""What a controller asks every second of years of broadcasts: PostgreSQL reads a few rows for it, not the years."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.receipts import store as receipts
from controller.results import tallying
from controller.runtime.database import Database
from tests.fakes.postgres import PostgresServer

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PAST, PLANNED = 20_000, 10_000
A_FEW = 200
_ONE = {
    "id": "b-0",
    "title": "Bản tin",
    "level": "normal",
    "authority": 0,
    "start": NOW,
    "latest_start": NOW,
    "duration_ms": 60_000,
    "segments": [],
    "repeats": 1,
    "on_preempt": "resume",
    "volume": 70,
    "stagger": True,
    "created_at": NOW,
    "deadline": NOW,
}
_MANY = """
INSERT INTO broadcasts
SELECT (jsonb_populate_record(one, jsonb_build_object(
    'id', 'b-' || n, 'start', one.start + n * interval '1 minute',
    'closed_at', CASE WHEN n < 0 THEN one.start END, 'tallied_at', CASE WHEN n < 0 THEN one.start END))).*
FROM broadcasts one, generate_series(CAST(:first AS int), CAST(:last AS int)) n WHERE one.id = 'b-0' AND n <> 0
"""
_READ = """
SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'broadcasts'
"""


@pytest.fixture
async def years(postgres: PostgresServer) -> AsyncIterator[Database]:
    """Long past ones are counted, one is due, the others are planned; the statistics know how many."""
    url = postgres.database()
    db = Database(url)
    async with db.transaction() as session:
        await session.execute(insert(BroadcastRow).values(_ONE))
        await session.execute(text(_MANY), {"first": -PAST, "last": PLANNED})
    async with db.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE broadcasts"))
    yield db
    await db.close()
    postgres.drop(url)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda session: receipts.due(session, NOW), ["b-0"]),
        (receipts.cancelled_early, []),
        (lambda session: tallying.waiting(session, NOW), False),
    ],
    ids=["due", "taken back", "not counted"],
)
async def test_the_few_that_matter_are_found_without_reading_the_others(
    years: Database, ask: Callable[[AsyncSession], Awaitable[Any]], answer: Any
) -> None:
    before = await _rows_read(years)
    async with years.reading() as session:
        found = await ask(session)
        await session.execute(text("SELECT pg_stat_force_next_flush()"))
    read = await _rows_read(years) - before

    assert ([one.id for one in found] if isinstance(found, list) else found) == answer
    assert read < A_FEW


async def _rows_read(db: Database) -> int:
    """Rows of broadcasts that were read so far, by whatever way."""
    async with db.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        return int((await connection.execute(text(_READ))).scalar_one())
