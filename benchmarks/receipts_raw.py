"""The raw baseline of the receipts benchmark: the very rows that were stored, inserted in bulk into bare tables.

The tables have the columns, keys and indexes of `journal_entries`, `ledger` and `journals`, in the same database with
the same durability, but no foreign keys: a row of the first two for every receipt, one of the third for every batch,
and a commit for as many as one of our groups has. On PostgreSQL by binary COPY, on SQLite by `executemany`, each in its
driver's own connection without any layer of ours.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

import psycopg
from sqlalchemy import Column, Dialect, Index, MetaData, Table, make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from controller.broadcasts.tables import LedgerRow
from controller.receipts.tables import JournalEntry, JournalRow

_ENTRIES = "device_id, journal_id, sequence, hash, kind, raw, received_at"
_LEDGER = "broadcast_id, device_id, outcome, reason, started, played_ms, answered_at, journal_id, sequence"
_ENTRY_TYPES = ("varchar", "varchar", "int8", "varchar", "varchar", "bytea", "timestamp")
_HEADS = "device_id, journal_id, sequence, hash, first_seen"
_HEAD_TYPES = ("varchar", "varchar", "int8", "varchar", "timestamp")
_LEDGER_TYPES = ("varchar", "varchar", "varchar", "varchar", "timestamp", "int8", "timestamp", "varchar", "int8")
Rows = list[tuple[Any, ...]]


class Raw(Protocol):
    """One database's bare tables."""

    def insert_all(self, group: int, a_batch: int) -> tuple[int, float]:
        """Copy what our tables hold into the emptied bare ones, `group` receipts a commit; gives receipts, seconds."""

    def close(self) -> None:
        """Let the connection go."""


def _bare(kind: str) -> Iterator[str]:
    """Statements that make empty tables with the columns, keys and indexes of ours, and nothing else."""
    dialect: Dialect = make_url(kind).get_dialect()()
    for mapped in (JournalEntry, LedgerRow, JournalRow):
        table, name = cast("Table", mapped.__table__), f"raw_{mapped.__tablename__}"
        columns = [Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in table.columns]
        bare = Table(name, MetaData(), *columns)
        yield f"DROP TABLE IF EXISTS {name}"
        yield str(CreateTable(bare).compile(dialect=dialect))
        for index in table.indexes:
            made = Index(f"ix_raw_{index.name}", *(bare.c[column.name] for column in index.columns))
            yield str(CreateIndex(made).compile(dialect=dialect))


def _heads(entries: Rows, a_batch: int) -> Rows:
    """A head for every batch; the journals' names are numbered so that each is a row of its own."""
    batches = entries[::a_batch]
    return [(row[0], f"{row[1]}-{n}", row[2], row[3], row[6]) for n, row in enumerate(batches)]


def raw_of(url: str) -> Raw:
    """For the database at `url`; its schema is there."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return _Sqlite(str(address.database))
    return _Postgres(address.set(drivername="postgresql").render_as_string(hide_password=False))


class _Sqlite:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
            self._connection.execute(f"PRAGMA {pragma}")

    def insert_all(self, group: int, a_batch: int) -> tuple[int, float]:
        for statement in _bare("sqlite://"):
            self._connection.execute(statement)
        entries = self._rows(f"SELECT {_ENTRIES} FROM journal_entries ORDER BY sequence, device_id")  # noqa: S608 - our own names
        answers = self._rows(f"SELECT {_LEDGER} FROM ledger ORDER BY broadcast_id, device_id")  # noqa: S608 - our own names
        heads = _heads(entries, a_batch)
        begin = time.perf_counter()
        for at in range(0, len(entries), group):
            self._connection.execute("BEGIN IMMEDIATE")
            self._insert("raw_journal_entries", _ENTRIES, entries[at : at + group])
            self._insert("raw_ledger", _LEDGER, answers[at : at + group])
            self._insert("raw_journals", _HEADS, heads[at // a_batch : (at + group) // a_batch])
            self._connection.execute("COMMIT")
        return len(entries), time.perf_counter() - begin

    def close(self) -> None:
        self._connection.close()

    def _rows(self, query: str) -> Rows:
        return self._connection.execute(query).fetchall()

    def _insert(self, table: str, columns: str, rows: Rows) -> None:
        marks = ", ".join("?" for _ in columns.split(","))
        self._connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608


class _Postgres:
    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)

    def insert_all(self, group: int, a_batch: int) -> tuple[int, float]:
        for statement in _bare("postgresql+psycopg://"):
            self._connection.execute(statement)
        entries = self._rows(f"SELECT {_ENTRIES} FROM journal_entries ORDER BY sequence, device_id")  # noqa: S608 - our own names
        answers = self._rows(f"SELECT {_LEDGER} FROM ledger ORDER BY broadcast_id, device_id")  # noqa: S608 - our own names
        self._connection.commit()
        heads = _heads(entries, a_batch)
        begin = time.perf_counter()
        for at in range(0, len(entries), group):
            self._copy("raw_journal_entries", _ENTRIES, _ENTRY_TYPES, entries[at : at + group])
            self._copy("raw_ledger", _LEDGER, _LEDGER_TYPES, answers[at : at + group])
            self._copy("raw_journals", _HEADS, _HEAD_TYPES, heads[at // a_batch : (at + group) // a_batch])
            self._connection.commit()
        return len(entries), time.perf_counter() - begin

    def close(self) -> None:
        self._connection.close()

    def _rows(self, query: str) -> Rows:
        return self._connection.execute(query).fetchall()

    def _copy(self, table: str, columns: str, types: Sequence[str], rows: Rows) -> None:
        statement = f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
