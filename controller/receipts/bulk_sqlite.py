"""Groups of rows on SQLite: `executemany` to write, one JSON parameter to name the rows that are read.

The transaction is the only writer from its beginning on, so nothing needs to be locked.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from controller.receipts.rows import AddedRows, AnswerRow, BegunRow, HeadRow, Key, MovedRow, Span, Standing
from controller.receipts.told import stored
from loa_protocol.receipts import GENESIS

_MAKE_HEADS = """\
INSERT INTO journals (device_id, journal_id, sequence, hash, first_seen) VALUES (?, ?, 0, ?, ?)
"""
_HEADS = """\
SELECT j.device_id, j.journal_id, j.sequence, j.hash FROM json_each(?) w
JOIN journals j ON j.device_id = json_extract(w.value, '$[0]') AND j.journal_id = json_extract(w.value, '$[1]')
"""
_MOVE_HEADS = "UPDATE journals SET sequence = ?, hash = ? WHERE device_id = ? AND journal_id = ? AND hash = ?"
_HASHES = """\
SELECT e.device_id, e.journal_id, e.sequence, e.hash FROM json_each(?) w
JOIN journal_entries e
  ON e.device_id = json_extract(w.value, '$[0]') AND e.journal_id = json_extract(w.value, '$[1]')
  AND e.sequence BETWEEN json_extract(w.value, '$[2]') AND json_extract(w.value, '$[3]')
"""
_ADD_ENTRY = """\
INSERT INTO journal_entries (device_id, journal_id, sequence, hash, kind, raw, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_ANSWER = """\
UPDATE ledger SET outcome = ?, reason = ?, started = coalesce(?, started), played_ms = ?, answered_at = ?,
  journal_id = ?, sequence = ?
WHERE broadcast_id = ? AND device_id = ? AND (outcome IS NULL OR outcome = 'unknown')
"""
_BEGIN = "UPDATE ledger SET started = ? WHERE broadcast_id = ? AND device_id = ? AND outcome IS NULL"
_AWAITING = """\
SELECT json_extract(w.value, '$[0]') FROM json_each(?) w WHERE EXISTS (
  SELECT 1 FROM ledger l WHERE l.broadcast_id = json_extract(w.value, '$[0]')
    AND l.device_id > json_extract(w.value, '$[1]') AND l.outcome IS NULL
)
"""
_STANDING = """\
SELECT l.broadcast_id, l.device_id, l.outcome, e.raw FROM json_each(?) w
JOIN ledger l ON l.broadcast_id = json_extract(w.value, '$[0]') AND l.device_id = json_extract(w.value, '$[1]')
LEFT JOIN journal_entries e
  ON e.device_id = l.device_id AND e.journal_id = l.journal_id AND e.sequence = l.sequence
"""


class SqliteBulk:
    """See `Bulk`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_heads(self, keys: Sequence[Key], now: datetime) -> dict[Key, HeadRow]:
        """See `Bulk`."""
        found = {(row[0], row[1]): HeadRow(*row) for row in await self._read(_HEADS, keys)}
        seen = stored(now)
        missing = [key for key in keys if key not in found]
        await self._write(_MAKE_HEADS, [(*key, GENESIS, seen) for key in missing])
        return found | {key: HeadRow(*key, 0, GENESIS) for key in missing}

    async def move_heads(self, rows: Sequence[MovedRow]) -> int:
        """See `Bulk`."""
        values = [(sequence, mark, device, journal, was) for device, journal, was, sequence, mark in rows]
        return await self._write(_MOVE_HEADS, values)

    async def hashes(self, spans: Sequence[Span]) -> dict[Key, dict[int, str]]:
        """See `Bulk`."""
        found: dict[Key, dict[int, str]] = {}
        for device, journal, sequence, mark in await self._read(_HASHES, spans):
            found.setdefault((device, journal), {})[sequence] = mark
        return found

    async def add_entries(self, added: Sequence[AddedRows], now: datetime) -> None:
        """See `Bulk`."""
        received = stored(now)
        values = [
            (device, journal, one.sequence, one.hash, one.kind, one.raw, received)
            for device, journal, entries in added
            for one in entries
        ]
        await self._write(_ADD_ENTRY, values)

    async def answer(self, rows: Sequence[AnswerRow], now: datetime) -> int:
        """See `Bulk`."""
        at = stored(now)
        values = [
            (outcome, reason, started, played_ms, at, journal, sequence, broadcast, device)
            for broadcast, device, outcome, reason, started, played_ms, journal, sequence, _ in rows
        ]
        return await self._write(_ANSWER, values)

    async def begin(self, rows: Sequence[BegunRow]) -> int:
        """See `Bulk`."""
        return await self._write(_BEGIN, [(row.started, row.broadcast, row.device) for row in rows])

    async def awaiting(self, keys: Sequence[Key]) -> set[str]:
        """See `Bulk`."""
        return {row[0] for row in await self._read(_AWAITING, keys)}

    async def standing(self, keys: Sequence[Key]) -> dict[Key, Standing]:
        """See `Bulk`."""
        return {(row[0], row[1]): Standing(row[2], row[3]) for row in await self._read(_STANDING, keys)}

    async def _write(self, statement: str, values: list[tuple[Any, ...]]) -> int:
        if not values:
            return 0
        return (await self._connection.exec_driver_sql(statement, values)).rowcount

    async def _read(self, statement: str, named: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        return (await self._connection.exec_driver_sql(statement, (json.dumps(named),))).all()
