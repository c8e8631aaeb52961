"""Every earlier schema comes up to today's with its rows, on both databases (on PostgreSQL every third; --long: all).

The rows are made from the schema as it was: two in each table, one as empty as it may be, one as full as it may be.
A new revision needs nothing here; one that changes values on purpose names the columns in `REWRITTEN`.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
)
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.dialects.sqlite import BLOB

from controller.runtime import migration, schema
from controller.runtime.database import Base, Database
from tests.fakes.databases import sqlite_url
from tests.fakes.postgres import PostgresServer

SCRIPTS = ScriptDirectory(str(migration.FOLDER))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]
REWRITTEN: set[tuple[str, str]] = set()
"""(table, column) whose values a revision changes on purpose."""
FILLED = {"broadcast_slot_items", "audit_head"}
"""Tables that a revision fills, out of others or with their first row."""
OURS = {"alembic_version"}
_TODAY: dict[str, MetaData] = {}
"""Kind of database → its tables in the end."""
AT = datetime(2026, 11, 21, 5, 30, 0, 123456, tzinfo=UTC).replace(tzinfo=None)

Rows = dict[str, list[dict[str, Any]]]


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


FULL: tuple[tuple[tuple[Any, ...], Any, Any], ...] = (
    ((JSON,), [], {"chữ": ["ấ", 1, None]}),
    ((DateTime,), AT, AT),
    ((Date,), date(2026, 11, 21), date(2026, 11, 21)),
    ((Boolean,), False, True),
    ((LargeBinary, BLOB, BYTEA), b"", bytes(range(256))),
    ((Float,), 0.0, -16.25),
    ((BigInteger,), 0, 2**63 - 1),
    ((Integer,), 0, 2**31 - 1),
)
"""Types, and their emptiest and fullest values; the first that fits counts."""


def _value(column: Column[Any], row: int) -> Any:
    for types, least, most in FULL:
        if isinstance(column.type, types):
            return most if row else least
    assert isinstance(column.type, String), f"{column}: no value is known for {column.type!r}"
    return f"{row}{'ấ' * ((column.type.length or 5000) - 1)}" if row else str(row)


def _rows(tables: MetaData) -> Rows:
    """Two rows for each table; a foreign key points at the row of the same number, its own table's at the first."""
    made: Rows = {}
    for table in tables.sorted_tables:
        if table.name in OURS:
            continue
        made[table.name] = [{column.name: _cell(column, row, made) for column in table.columns} for row in range(2)]
        for row, cells in enumerate(made[table.name]):
            for key in (key for key in table.foreign_keys if key.column.table is table):
                cells[key.parent.name] = made[table.name][0][key.column.name] if row else None
    return made


def _cell(column: Column[Any], row: int, made: Rows) -> Any:
    for key in column.foreign_keys:
        if key.column.table.name in made:
            return made[key.column.table.name][row][key.column.name]
    return None if column.nullable and row == 0 else _value(column, row)


def _reflected(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def _today(connection: Connection) -> MetaData:
    """Today's tables: all ways end in the same revision, so they are looked at once for each kind of database."""
    kind = connection.dialect.name
    if kind not in _TODAY:
        _TODAY[kind] = _reflected(connection)
    return _TODAY[kind]


def _fill(connection: Connection, revision: str) -> Rows:
    """Bring the schema to a revision and put its rows in."""
    migration.upgrade(connection, revision)
    with connection.begin():
        tables = _reflected(connection)
        rows = _rows(tables)
        for table in tables.sorted_tables:
            if table.name in rows:
                connection.execute(table.delete())
                connection.execute(table.insert(), rows[table.name])
    return rows


def _kept(connection: Connection, table: Table, columns: list[str]) -> list[dict[str, Any]]:
    chosen = [table.c[name] for name in columns]
    found = [dict(row._mapping) for row in connection.execute(select(*chosen))]
    return sorted(found, key=repr)


async def _reached(url: str, work: Any) -> Any:
    db = Database(url)
    try:
        async with db.engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await db.close()


@pytest.mark.parametrize(
    ("empty", "revision"),
    [
        *(("sqlite", revision) for revision in REVISIONS),
        *(
            pytest.param("postgresql", revision, marks=() if number % 3 == 0 else pytest.mark.long)
            for number, revision in enumerate(reversed(REVISIONS))
        ),
    ],
    indirect=["empty"],
)
async def test_every_earlier_schema_comes_up_to_todays_and_keeps_its_rows(empty: str, revision: str) -> None:
    def walk(connection: Connection) -> None:
        before = _fill(connection, revision)

        migration.upgrade(connection)

        with connection.begin():
            today = _today(connection)
            for name, rows in before.items():
                if name in today.tables:
                    table = today.tables[name]
                    columns = [c for c in rows[0] if c in table.c and (name, c) not in REWRITTEN]
                    expected = sorted(({c: row[c] for c in columns} for row in rows), key=repr)
                    assert _kept(connection, table, columns) == expected, name

    await _reached(empty, walk)
    await _read_by_the_program(empty)


async def _read_by_the_program(url: str) -> None:
    db = Database(url)
    try:
        async with db.reading() as session:
            for mapper in Base.registry.mappers:
                rows = (await session.scalars(select(mapper.class_))).all()
                assert len(rows) in {0, 2} or mapper.local_table.description in FILLED, mapper
    finally:
        await db.close()


async def test_the_migrations_make_exactly_the_schema_the_program_speaks_of(empty: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        migration.upgrade(connection)
        with connection.begin():
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, schema.metadata))

    assert await _reached(empty, differences) == []


async def test_processes_that_start_together_migrate_once(empty: str) -> None:
    starting = [Database(empty) for _ in range(4)]
    try:
        await asyncio.gather(*(db.migrate() for db in starting))

        async with starting[0].reading() as session:
            found = await session.execute(select(Table("alembic_version", MetaData(), Column("version_num", String))))
            assert [row.version_num for row in found] == [REVISIONS[-1]]
    finally:
        for db in starting:
            await db.close()


async def test_rows_that_point_at_nothing_stop_the_migration_on_sqlite(tmp_path: Path) -> None:
    def break_it(connection: Connection) -> None:
        migration.upgrade(connection)
        connection.rollback()
        with migration.without_foreign_keys(connection), connection.begin():
            connection.exec_driver_sql(
                "INSERT INTO units (id, name, kind, parent_id) VALUES ('a', 'A', 'commune', 'b')"
            )
        with pytest.raises(migration.DatabaseUnfit, match="points at nothing in units"):
            migration.upgrade(connection)

    await _reached(sqlite_url(tmp_path), break_it)


def test_the_revisions_are_one_line() -> None:
    assert len(SCRIPTS.get_heads()) == 1
    assert sorted(REVISIONS) == REVISIONS
