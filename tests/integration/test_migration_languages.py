"""Devices that listed Vietnamese because that was the default inherit; another list was a choice and stands."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, select

from controller.runtime import migration
from controller.runtime.database import Database
from tests.fakes.databases import sqlite_url
from tests.fakes.postgres import PostgresServer

AT = datetime(2026, 11, 21, 5, 30, tzinfo=UTC).replace(tzinfo=None)
BEFORE, AFTER = "0012", "0013"
LISTED = {"loa-1": ["vi"], "loa-2": ["hmn", "vi"], "loa-3": [], "loa-4": ["vi", "tyz"], "loa-5": ["en"]}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any schema."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.empty()
    yield url
    server.drop(url)


def _tables(connection: Connection) -> MetaData:
    tables = MetaData()
    tables.reflect(connection, only=["units", "devices"])
    return tables


def _languages(connection: Connection) -> dict[str, list[str]]:
    devices = _tables(connection).tables["devices"]
    return {row.id: row.languages for row in connection.execute(select(devices.c.id, devices.c.languages))}


def _walk(connection: Connection) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    migration.upgrade(connection, BEFORE)
    with connection.begin():
        tables = _tables(connection).tables
        connection.execute(tables["units"].insert(), {"id": "xa", "name": "Xã", "kind": "commune"})
        device = {"kind": "speaker", "unit_id": "xa", "public_key": "", "profile": "", "stagger_ms": 0, "turn": 0}
        rows = [{**device, "id": key, "name": key, "languages": one, "created_at": AT} for key, one in LISTED.items()]
        connection.execute(tables["devices"].insert(), rows)
    migration.upgrade(connection, AFTER)
    with connection.begin():
        after = _languages(connection)
    with migration.without_foreign_keys(connection), connection.begin():
        command.downgrade(migration.configuration(connection), BEFORE)
    with connection.begin():
        return after, _languages(connection)


async def test_only_a_list_that_nobody_chose_becomes_inherited(empty: str) -> None:
    db = Database(empty)

    async with db.engine.connect() as connection:
        after, back = await connection.run_sync(_walk)
    await db.close()

    assert after == LISTED | {"loa-1": []}
    assert back == LISTED | {"loa-3": ["vi"]}
