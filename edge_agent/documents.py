"""Accepted documents and version floors, on disk: both are committed with fsync before anything acts on a document.

A plan is kept as long as it names a broadcast that no newer plan of its scope names and that has no receipt yet,
because absence from a plan says nothing; of every other kind the newest is kept.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_agent.database import Database
from loa_protocol import failpoints
from loa_protocol.acceptance import Floor
from loa_protocol.documents.device import CommandReply
from loa_protocol.documents.plan import Plan
from loa_protocol.receipts import Occurrence

MAX_OLDER_PLANS = 32
_SCHEMA = """
CREATE TABLE IF NOT EXISTS floors (
    topic TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (topic, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    topic TEXT NOT NULL, digest TEXT NOT NULL, version INTEGER NOT NULL, raw BLOB NOT NULL, received TEXT NOT NULL,
    PRIMARY KEY (topic, digest));
CREATE TABLE IF NOT EXISTS commands (
    id TEXT PRIMARY KEY, code TEXT, message TEXT NOT NULL DEFAULT '', expires TEXT NOT NULL) WITHOUT ROWID;
"""
Floors = dict[tuple[str, str], Floor]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it came; `received` is when it was first accepted."""

    topic: str
    digest: str
    version: int
    raw: bytes
    received: datetime


class DocumentStore:
    """The file; what is read from it is verified again by the caller."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA, _readable)

    @property
    def replaced(self) -> bool:
        """Whether a damaged file was set aside at `open`."""
        return self._database.replaced

    async def open(self) -> None:
        """Open or begin the file."""
        await self._database.open()

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()

    async def load(self) -> tuple[Floors, tuple[StoredDocument, ...]]:
        """Everything that is held, older versions first."""
        return await self._database.run(_load)

    async def accept(
        self, document: StoredDocument, floors: Mapping[tuple[str, str], Floor], *, keep_older: bool
    ) -> None:
        """Commit a document with its floors; without `keep_older` it replaces what its topic had.

        Raises:
            DiskFull, StorageFailed: nothing was written; the document must not be acted on.
        """
        await self._database.run(lambda connection: _accept(connection, document, floors, keep_older=keep_older))
        failpoints.reach("agent.floor.after_commit")

    async def drop(self, documents: Iterable[tuple[str, str]]) -> None:
        """Forget documents by (topic, digest)."""
        keys = list(documents)
        await self._database.run(
            lambda c: c.executemany("DELETE FROM documents WHERE topic = ? AND digest = ?", keys).rowcount
        )

    async def keep_floors(self, floors: Floors) -> None:
        """Replace all floors, after a trust change."""
        await self._database.run(lambda connection: _keep_floors(connection, floors))

    async def begin_command(self, command_id: str, *, expires: datetime, now: datetime) -> CommandReply | bool:
        """True if the command is new and is now taken; the reply given before if it was done; False if under way."""
        row = await self._database.run(lambda connection: _begin_command(connection, command_id, expires, now))
        if row is None:
            return True
        return False if row[0] is None else CommandReply(device="none", id=command_id, code=row[0], message=row[1])

    async def end_command(self, reply: CommandReply) -> None:
        """Keep what became of a command."""
        await self._database.run(
            lambda c: (
                c.execute(
                    "UPDATE commands SET code = ?, message = ? WHERE id = ?", (reply.code, reply.message, reply.id)
                ).rowcount
            )
        )


def _load(connection: sqlite3.Connection) -> tuple[Floors, tuple[StoredDocument, ...]]:
    floors = {
        (row[0], row[1]): Floor(row[2], row[3])
        for row in connection.execute("SELECT topic, key, version, digest FROM floors")
    }
    rows = connection.execute("SELECT topic, digest, version, raw, received FROM documents ORDER BY version")
    held = tuple(StoredDocument(r[0], r[1], r[2], bytes(r[3]), datetime.fromisoformat(r[4])) for r in rows)
    return floors, held


def _readable(connection: sqlite3.Connection) -> None:
    """Everything in the file can be read; what it says is verified later."""
    _load(connection)


def _accept(
    connection: sqlite3.Connection,
    document: StoredDocument,
    floors: Mapping[tuple[str, str], Floor],
    *,
    keep_older: bool,
) -> None:
    if not keep_older:
        connection.execute("DELETE FROM documents WHERE topic = ?", (document.topic,))
    connection.execute(
        "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
        (document.topic, document.digest, document.version, document.raw, document.received.isoformat()),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO floors VALUES (?, ?, ?, ?)",
        [(topic, key, floor.version, floor.digest) for (topic, key), floor in floors.items()],
    )
    failpoints.reach("agent.floor.before_commit")


def _keep_floors(connection: sqlite3.Connection, floors: Floors) -> None:
    connection.execute("DELETE FROM floors")
    connection.executemany(
        "INSERT INTO floors VALUES (?, ?, ?, ?)",
        [(topic, key, floor.version, floor.digest) for (topic, key), floor in floors.items()],
    )


def _begin_command(
    connection: sqlite3.Connection, command_id: str, expires: datetime, now: datetime
) -> tuple[str | None, str] | None:
    connection.execute("DELETE FROM commands WHERE expires < ?", (now.isoformat(),))
    row = connection.execute("SELECT code, message FROM commands WHERE id = ?", (command_id,)).fetchone()
    if row is None:
        connection.execute("INSERT INTO commands (id, expires) VALUES (?, ?)", (command_id, expires.isoformat()))
        return None
    return row[0], str(row[1])


def superfluous(plans: Iterable[tuple[str, Plan]], settled: Iterable[Occurrence]) -> tuple[str, ...]:
    """Digests of the older plans of one topic that nothing needs any more. `plans`: (digest, plan), any order."""
    ordered = sorted(plans, key=lambda held: held[1].version, reverse=True)
    over = {occurrence.id for occurrence in settled if occurrence.kind == "broadcast"}
    known = {broadcast.id for _, plan in ordered for broadcast in plan.broadcasts}
    named: set[str] = set()
    dropped: list[str] = []
    for place, (digest, plan) in enumerate(ordered):
        # A withdrawal matters as long as an older plan could bring the broadcast back.
        says = {broadcast.id for broadcast in plan.broadcasts} | ({one.id for one in plan.withdrawn} & known)
        if place > MAX_OLDER_PLANS or (place > 0 and not says - named - over):
            dropped.append(digest)
        else:
            named |= says
    return tuple(dropped)
