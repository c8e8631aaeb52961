"""From whatever schema a database has to the newest one, in one transaction, by one process at a time.

SQLite alters a table by writing it anew, which its foreign keys would forbid: they are looked away from meanwhile and
all of them are checked before the commit.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

FOLDER = Path(__file__).with_name("migrations")
_ONE_AT_A_TIME = 0x10A
_PATIENCE_MS = 600_000
USUAL_PATIENCE_MS = 10_000
"""How long SQLite waits for another writer, while migrating and else."""


class DatabaseUnfit(LoaError):
    """The database exists and cannot hold what Loa stores; the controller does not start."""

    code = "database_unfit"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to a revision.

    Raises:
        DatabaseUnfit: its encoding is not UTF-8, or rows point at rows that are not there.
    """
    if connection.dialect.name == "sqlite":
        _sqlite(connection, revision)
        return
    with connection.begin():
        _require_fit(connection)
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        command.upgrade(configuration(connection), revision)


def configuration(connection: Connection) -> Config:
    """Alembic's, over a connection that is open."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def _sqlite(connection: Connection, revision: str) -> None:
    with _patiently(connection), without_foreign_keys(connection), connection.begin():
        command.upgrade(configuration(connection), revision)
        astray = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if astray:
            table, row, parent, _ = astray[0]
            told = f"row {row} of {table} points at nothing in {parent}; restore the database from its backup"
            raise DatabaseUnfit(told, count=len(astray))


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite looks away from foreign keys meanwhile; entered and left outside any transaction."""
    if connection.dialect.name != "sqlite":
        yield
        return
    _pragma(connection, "foreign_keys=OFF")
    try:
        yield
    finally:
        _pragma(connection, "foreign_keys=ON")


@contextmanager
def _patiently(connection: Connection) -> Iterator[None]:
    """Whoever starts at the same time may be at it for a while."""
    _pragma(connection, f"busy_timeout={_PATIENCE_MS}")
    try:
        yield
    finally:
        _pragma(connection, f"busy_timeout={USUAL_PATIENCE_MS}")


def _pragma(connection: Connection, words: str) -> None:
    """Outside any transaction, where alone it has an effect."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA {words}")
    cursor.close()


def _require_fit(connection: Connection) -> None:
    names = ("server_encoding", "fsync", "synchronous_commit")
    encoding, fsync, synchronous = (connection.scalar(text(f"SELECT current_setting('{name}')")) for name in names)
    if encoding != "UTF8":
        raise DatabaseUnfit(f"the database's encoding is {encoding}; create it anew with ENCODING 'UTF8'")
    if fsync == "off" or synchronous == "off":
        log.error(
            "PostgreSQL runs with fsync=%s and synchronous_commit=%s: a power cut loses accepted broadcasts and"
            " acknowledged receipts; set both to on",
            fsync,
            synchronous,
        )
