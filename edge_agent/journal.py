"""The device's journal: what really happened, in numbered entries chained by hash, committed before anything follows.

Rules: an entry is on the disk when `append` returns; an occurrence has at most one `started` and one `receipt`, whoever
asks; only an acknowledgement whose chain hash is our own counts; acknowledged entries stay 7 days, what is known of an
occurrence stays until no plan can name it any more.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.database import Database
from loa_protocol import failpoints
from loa_protocol.documents.device import Ack, JournalHead
from loa_protocol.errors import LoaError
from loa_protocol.receipts import (
    GENESIS,
    Body,
    ChainBroken,
    Entry,
    Gone,
    Occurrence,
    Receipt,
    Started,
    decode_entry,
    encode_entry,
    entry_hash,
    follow_chain,
)

KEEP_ACKNOWLEDGED = timedelta(days=7)
KEEP_HISTORY = timedelta(days=30)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY, raw BLOB NOT NULL, hash TEXT NOT NULL, acknowledged_at TEXT);
CREATE TABLE IF NOT EXISTS occurrences (
    kind TEXT NOT NULL, id TEXT NOT NULL, idx INTEGER NOT NULL,
    started BLOB, receipt BLOB, at TEXT NOT NULL, PRIMARY KEY (kind, id, idx)) WITHOUT ROWID;
"""


class AlreadyJournalled(LoaError):
    """The occurrence has begun, or has its receipt, already: it must not sound, or be answered for, again."""

    code = "already_journalled"


class AckRefused(LoaError):
    """An acknowledgement does not fit this journal; nothing was counted as acknowledged."""

    code = "ack_refused"


@dataclass(frozen=True, slots=True)
class Pending:
    """Entries to send, oldest first: those after `after`, and the range that is no longer held before them."""

    entries: tuple[bytes, ...]
    first: int
    gone: Gone | None = None

    @property
    def last(self) -> int:
        """Sequence of the last one."""
        return self.first + len(self.entries) - 1


class Journal:
    """Journal of one device; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA, _verify)
        self._id = ""
        self.head = JournalHead(journal="none", sequence=0, acknowledged=0)

    @property
    def replaced(self) -> bool:
        """Whether a damaged journal was set aside at `open`: what had begun before is not known."""
        return self._database.replaced

    async def open(self) -> None:
        """Open or begin the journal; its id is made with the file.

        Raises:
            StorageFailed, DiskFull: it cannot even be begun.
        """
        await self._database.open()
        self._id = await self._database.run(_identity)
        await self._refresh()

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()

    async def append(self, body: Body, *, at: datetime) -> Entry:
        """Commit one entry.

        Raises:
            AlreadyJournalled: a second `started` or `receipt` of an occurrence.
            DiskFull, StorageFailed: nothing was written.
        """
        entry = await self._database.run(lambda connection: _append(connection, body, at))
        failpoints.reach("agent.journal.after_commit")
        self.head = JournalHead(journal=self._id, sequence=entry.sequence, acknowledged=self.head.acknowledged)
        return entry

    async def pending(self, after: int, limit: int) -> Pending:
        """At most `limit` entries behind sequence `after`, which may lie before what is still held."""
        return await self._database.run(lambda connection: _pending(connection, after, limit))

    async def acknowledge(self, ack: Ack, *, now: datetime) -> None:
        """Count everything up to the ack as received by the controller.

        Raises:
            AckRefused: another journal, a sequence never written, or another hash there. Nothing changes.
        """
        if ack.journal != self._id:
            raise AckRefused(f"an ack for journal {ack.journal}; this one is {self._id}", reason="ack_other_journal")
        await self._database.run(lambda connection: _acknowledge(connection, ack, now))
        await self._refresh()

    async def history(self) -> tuple[Body, ...]:
        """`started` and `receipt` of every occurrence that is remembered, oldest first for each."""
        return await self._database.run(_history)

    async def prune(self, *, now: datetime, named: frozenset[Occurrence]) -> int:
        """Forget what is acknowledged long enough, and occurrences that are over and not among `named`."""
        return await self._database.run(lambda connection: _prune(connection, now, named))

    async def remember(self, key: str, value: str) -> None:
        """Keep a small fact with the journal."""
        await self._database.run(lambda connection: _put(connection, key, value))

    async def recall(self, key: str) -> str | None:
        """A fact kept by `remember`."""
        return await self._database.run(lambda connection: _get(connection, key))

    async def _refresh(self) -> None:
        sequence, acknowledged = await self._database.run(lambda c: (_head(c)[0], int(_get(c, "acknowledged") or 0)))
        self.head = JournalHead(journal=self._id, sequence=sequence, acknowledged=acknowledged)


def _get(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _put(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _identity(connection: sqlite3.Connection) -> str:
    known = _get(connection, "journal")
    if known is None:
        known = f"j-{secrets.token_hex(12)}"
        _put(connection, "journal", known)
    return known


def _head(connection: sqlite3.Connection) -> tuple[int, str]:
    """Sequence and chain hash of the last entry ever written."""
    row = connection.execute("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1").fetchone()
    if row is not None:
        return int(row[0]), str(row[1])
    return int(_get(connection, "pruned") or 0), _get(connection, "pruned_hash") or GENESIS


def _verify(connection: sqlite3.Connection) -> None:
    """What is held must be one chain of entries with the hashes noted for them, and every occurrence readable.

    Raises:
        ChainBroken: it is not; the file is set aside.
    """
    rows = connection.execute("SELECT raw, hash FROM entries ORDER BY sequence").fetchall()
    after, previous = int(_get(connection, "pruned") or 0), _get(connection, "pruned_hash") or GENESIS
    follow_chain(tuple(bytes(raw) for raw, _ in rows), after, previous)
    int(_get(connection, "acknowledged") or 0)
    if any(entry_hash(bytes(raw)) != noted for raw, noted in rows):
        raise ChainBroken("an entry of the journal was changed on the disk")
    _history(connection)


def _append(connection: sqlite3.Connection, body: Body, at: datetime) -> Entry:
    sequence, previous = _head(connection)
    entry = Entry(sequence=sequence + 1, previous=previous, at=at, body=body)
    raw = encode_entry(entry)
    if isinstance(body, Started | Receipt):
        _remember(connection, body, at)
    connection.execute("INSERT INTO entries VALUES (?, ?, ?, NULL)", (entry.sequence, raw, entry_hash(raw)))
    failpoints.reach("agent.journal.before_commit")
    return entry


def _remember(connection: sqlite3.Connection, body: Started | Receipt, at: datetime) -> None:
    """Keep the body by its occurrence; as an entry of its own that needs no chain."""
    column = "started" if isinstance(body, Started) else "receipt"
    key = (body.occurrence.kind, body.occurrence.id, body.occurrence.index)
    row = connection.execute(
        "SELECT started, receipt FROM occurrences WHERE kind = ? AND id = ? AND idx = ?", key
    ).fetchone()
    if row is not None and (row[1] is not None or column == "started"):
        raise AlreadyJournalled(f"{body.occurrence.id} #{body.occurrence.index} has {column} in the journal already")
    raw = encode_entry(Entry(sequence=1, previous=GENESIS, at=at, body=body))
    connection.execute(
        "INSERT OR IGNORE INTO occurrences (kind, id, idx, at) VALUES (?, ?, ?, ?)", (*key, at.isoformat())
    )
    connection.execute(
        f"UPDATE occurrences SET {column} = ?, at = ? WHERE kind = ? AND id = ? AND idx = ?",  # noqa: S608 - two fixed names
        (raw, at.isoformat(), *key),
    )


def _pending(connection: sqlite3.Connection, after: int, limit: int) -> Pending:
    pruned = int(_get(connection, "pruned") or 0)
    gone = None
    if after < pruned:
        gone = Gone(first=after + 1, last=pruned, hash=_get(connection, "pruned_hash") or GENESIS)
        after = pruned
    rows = connection.execute(
        "SELECT raw FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
    ).fetchall()
    return Pending(tuple(bytes(row[0]) for row in rows), after + 1, gone)


def _acknowledge(connection: sqlite3.Connection, ack: Ack, now: datetime) -> None:
    known = int(_get(connection, "acknowledged") or 0)
    if ack.sequence <= known:
        return
    row = connection.execute("SELECT hash FROM entries WHERE sequence = ?", (ack.sequence,)).fetchone()
    if row is None:
        raise AckRefused(f"an ack for entry {ack.sequence}, which was never written", reason="ack_too_high")
    if row[0] != ack.hash:
        raise AckRefused(f"an ack with another hash at entry {ack.sequence}", reason="ack_other_hash")
    connection.execute(
        "UPDATE entries SET acknowledged_at = ? WHERE sequence <= ? AND acknowledged_at IS NULL",
        (now.isoformat(), ack.sequence),
    )
    _put(connection, "acknowledged", str(ack.sequence))


def _history(connection: sqlite3.Connection) -> tuple[Body, ...]:
    rows: Sequence[tuple[bytes | None, bytes | None]] = connection.execute(
        "SELECT started, receipt FROM occurrences ORDER BY at"
    ).fetchall()
    return tuple(decode_entry(bytes(raw)).body for row in rows for raw in row if raw is not None)


def _prune(connection: sqlite3.Connection, now: datetime, named: frozenset[Occurrence]) -> int:
    limit = (now - KEEP_ACKNOWLEDGED).isoformat()
    row = connection.execute(
        # A prefix only: the entries that stay must remain one chain.
        "SELECT sequence, hash FROM entries WHERE acknowledged_at < ? AND sequence <"
        " COALESCE((SELECT MIN(sequence) FROM entries WHERE acknowledged_at IS NULL OR acknowledged_at >= ?), ?)"
        " ORDER BY sequence DESC LIMIT 1",
        (limit, limit, 2**62),
    ).fetchone()
    removed = 0
    if row is not None:
        removed = connection.execute("DELETE FROM entries WHERE sequence <= ?", (row[0],)).rowcount
        _put(connection, "pruned", str(row[0]))
        _put(connection, "pruned_hash", str(row[1]))
    old = connection.execute(
        "SELECT kind, id, idx FROM occurrences WHERE at < ? AND receipt IS NOT NULL",
        ((now - KEEP_HISTORY).isoformat(),),
    ).fetchall()
    forgotten = [key for key in old if Occurrence(kind=key[0], id=key[1], index=key[2]) not in named]
    connection.executemany("DELETE FROM occurrences WHERE kind = ? AND id = ? AND idx = ?", forgotten)
    return removed
