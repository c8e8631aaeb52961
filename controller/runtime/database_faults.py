"""What a database's errors mean for whoever asked: away, busy, in each other's way, or a fault of ours.

PostgreSQL tells by SQLSTATE, SQLite by its error name. What is none of these passes through as it is.
"""

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from loa_protocol.errors import LoaError

TAKEN = "23505"
"""A unique key that another transaction was faster to take, or a fault of ours."""
_AGAIN = frozenset({"40001", "40P01", TAKEN})
"""Besides: a serialization failure, a deadlock."""
_LOCKED = frozenset({"55P03"})
_SQLITE_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SQLITE_AWAY = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
_AWAY_CLASSES = ("08", "53", "57", "58", "25P03")
"""Connection, resources, operator's intervention, the system, a transaction that stood still for too long."""


class DatabaseUnavailable(LoaError):
    """The database cannot be reached, or cannot write; nothing of this was stored, or it is not known."""

    code = "database_unavailable"


class DatabaseBusy(LoaError):
    """Other writers held what was needed for too long; nothing was stored."""

    code = "database_busy"


def in_the_way(error: Exception) -> bool:
    """Whether the same transaction, run again, would see what another one has committed and go its way."""
    return _sqlstate(error) in _AGAIN


def translated(error: Exception) -> LoaError | None:
    """The error as callers know it; None where it is a fault of ours."""
    told = _first_line(error)
    if isinstance(error, PoolTimeout):
        return DatabaseBusy(f"all connections to the database are in use ({told}); try again")
    if _sqlstate(error) in _LOCKED | _AGAIN - {TAKEN} or _sqlite_name(error).startswith(_SQLITE_LOCKED):
        return DatabaseBusy(f"another writer holds the database for too long ({told}); try again")
    if _is_away(error):
        return DatabaseUnavailable(f"the database does not serve ({told}); look at it, then try again")
    return None


def _is_away(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    state = _sqlstate(error)
    if isinstance(error.orig, psycopg.Error):
        lost = error.connection_invalidated or (isinstance(error.orig, psycopg.OperationalError) and not state)
        return lost or state.startswith(_AWAY_CLASSES)
    return _sqlite_name(error).startswith(_SQLITE_AWAY)


def _sqlstate(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else None
    return cause.sqlstate or "" if isinstance(cause, psycopg.Error) else ""


def _sqlite_name(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else None
    return getattr(cause, "sqlite_errorname", "") if isinstance(cause, sqlite3.Error) else ""


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
