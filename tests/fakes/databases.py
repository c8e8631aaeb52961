"""A fresh database for each test, on SQLite and on PostgreSQL, and the one PostgreSQL server all of them share."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from controller.runtime import schema
from controller.runtime.database import Database
from tests.fakes.postgres import PostgresServer


def sqlite_url(folder: Path) -> str:
    """Of a file in the test's own folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite+aiosqlite:///{folder / 'loa.db'}"


def with_schema(data_dir: Path) -> Path:
    """The same folder; a controller that keeps SQLite there finds today's schema, as on its second start."""
    sqlite_url(data_dir)
    (data_dir / "loa.db").write_bytes(_sqlite_template())
    return data_dir


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running server whose template has today's schema; ended whatever happens."""
    server = PostgresServer()
    try:
        server.prepare()
        asyncio.run(_migrated(server.make_template()))
        yield server
    finally:
        server.end()


@contextmanager
def fresh_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database of this kind with today's schema; PostgreSQL starts when a test first asks for it."""
    if kind == "sqlite":
        url = sqlite_url(folder)
        (folder / "loa.db").write_bytes(_sqlite_template())
        yield url
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.database()
    try:
        yield url
    finally:
        server.drop(url)


@cache
def _sqlite_template() -> bytes:
    """A database file that was migrated once for all tests of this process."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as apart:  # from the loop of the test that asks first
        apart.submit(asyncio.run, _migrated(sqlite_url(Path(folder)))).result()
        return (Path(folder) / "loa.db").read_bytes()


async def _migrated(url: str) -> None:
    assert schema.metadata.tables
    db = Database(url)
    await db.migrate()
    await db.close()
