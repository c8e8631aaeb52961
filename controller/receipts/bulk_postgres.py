"""Groups of rows on PostgreSQL: new entries by binary COPY, everything else through arrays.

Arrays come in the order of their keys, and the planner is told to look each row up by its key: so rows are locked in
that order, and a table that was filled a minute ago, whose statistics lag behind, is not read from end to end.
What a row must say besides stands in a CASE that speaks of the array, too: the planner then looks at it after the row
was found by its key. Alone it would be a filter, and where statistics know of answered rows only, one that seems to
leave no row: the whole table would be the outer side of a loop over the array (34 s for 2,000 answers in 20,000 rows).

An array travels as one text with commas, which no value here contains (ids, hashes, outcomes, numbers, instants), and
is taken apart by the server, an empty one as NULL: the driver's own arrays cost several times as much.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

from psycopg import AsyncConnection as Driver
from sqlalchemy.ext.asyncio import AsyncConnection

from controller.receipts.rows import AddedRows, AnswerRow, BegunRow, HeadRow, Key, MovedRow, Span, Standing
from loa_protocol.receipts import GENESIS

_BY_KEY = """\
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
  set_config('enable_seqscan', 'off', true)
"""
_MAKE_HEADS = """\
INSERT INTO journals (device_id, journal_id, sequence, hash, first_seen)
SELECT w.device, w.journal, 0, %s, %s
FROM unnest(string_to_array(%s, ',', ''), string_to_array(%s, ',', '')) AS w (device, journal)
ON CONFLICT DO NOTHING
"""
_LOCK_HEADS = """\
SELECT j.device_id, j.journal_id, j.sequence, j.hash
FROM unnest(string_to_array(%s, ',', ''), string_to_array(%s, ',', '')) AS w (device, journal)
JOIN journals j ON j.device_id = w.device AND j.journal_id = w.journal
ORDER BY j.device_id, j.journal_id FOR UPDATE OF j
"""
_MOVE_HEADS = """\
UPDATE journals j SET sequence = w.sequence, hash = w.hash
FROM unnest(
    string_to_array(%s, ',', ''), string_to_array(%s, ',', ''), string_to_array(%s, ',', ''),
    string_to_array(%s, ',')::bigint[], string_to_array(%s, ',', '')
  ) AS w (device, journal, was, sequence, hash)
WHERE j.device_id = w.device AND j.journal_id = w.journal AND j.hash = w.was
"""
_HASHES = """\
SELECT e.device_id, e.journal_id, e.sequence, e.hash
FROM unnest(
    string_to_array(%s, ',', ''), string_to_array(%s, ',', ''),
    string_to_array(%s, ',')::bigint[], string_to_array(%s, ',')::bigint[]
  ) AS w (device, journal, first, last)
JOIN journal_entries e
  ON e.device_id = w.device AND e.journal_id = w.journal AND e.sequence BETWEEN w.first AND w.last
"""
_COPY_ENTRIES = """\
COPY journal_entries (device_id, journal_id, sequence, hash, kind, raw, received_at) FROM STDIN (FORMAT BINARY)
"""
_COPY_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_FIELDS = b"\0\x07"
_COPY_END = b"\xff\xff"
_LENGTH = struct.Struct(">i")
_NUMBER = struct.Struct(">iqi")
"""A number of 8 bytes behind its length, and the length of what follows."""
_INSTANT = struct.Struct(">iq")
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - as PostgreSQL counts
_ANSWER = """\
UPDATE ledger l SET outcome = w.outcome, reason = w.reason, started = coalesce(w.started, l.started),
  played_ms = w.played_ms, answered_at = %s, journal_id = w.journal, sequence = w.sequence
FROM unnest(
    string_to_array(%s, ',', ''), string_to_array(%s, ',', ''),
    string_to_array(%s, ',', ''), string_to_array(%s, ',', ''),
    string_to_array(%s, ',', '')::timestamp[], string_to_array(%s, ',')::bigint[],
    string_to_array(%s, ',', ''), string_to_array(%s, ',')::bigint[]
  ) AS w (broadcast, device, outcome, reason, started, played_ms, journal, sequence)
WHERE l.broadcast_id = w.broadcast AND l.device_id = w.device
  AND CASE WHEN w.device IS NULL THEN false ELSE l.outcome IS NULL OR l.outcome = 'unknown' END
"""
_BEGIN = """\
UPDATE ledger l SET started = w.started
FROM unnest(
    string_to_array(%s, ',', ''), string_to_array(%s, ',', ''), string_to_array(%s, ',', '')::timestamp[]
  ) AS w (broadcast, device, started)
WHERE l.broadcast_id = w.broadcast AND l.device_id = w.device
  AND CASE WHEN w.device IS NULL THEN false ELSE l.outcome IS NULL END
"""
_AWAITING = """\
SELECT w.broadcast FROM unnest(string_to_array(%s, ',', ''), string_to_array(%s, ',', '')) AS w (broadcast, device)
WHERE EXISTS (
  SELECT FROM ledger l WHERE l.broadcast_id = w.broadcast AND l.device_id > w.device
    AND CASE WHEN w.device IS NULL THEN false ELSE l.outcome IS NULL END
)
"""
_STANDING = """\
SELECT l.broadcast_id, l.device_id, l.outcome, (
  SELECT e.raw FROM journal_entries e
  WHERE e.device_id = l.device_id AND e.journal_id = l.journal_id AND e.sequence = l.sequence
)
FROM unnest(string_to_array(%s, ',', ''), string_to_array(%s, ',', '')) AS w (broadcast, device)
JOIN ledger l ON l.broadcast_id = w.broadcast AND l.device_id = w.device
"""


class PostgresBulk:
    """See `Bulk`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @classmethod
    async def on(cls, connection: AsyncConnection) -> "PostgresBulk":
        """Prepared until the end of the transaction."""
        await connection.exec_driver_sql(_BY_KEY)
        return cls(connection)

    async def lock_heads(self, keys: Sequence[Key], now: datetime) -> dict[Key, HeadRow]:
        """See `Bulk`. Two that make the same heads may meet in another order; one of them goes again then."""
        found = await self._locked(keys)
        if missing := [key for key in keys if key not in found]:
            await self._run(_MAKE_HEADS, GENESIS, _naive(now), *_columns(missing, 2))
            found |= await self._locked(missing)
        return found

    async def _locked(self, keys: Sequence[Key]) -> dict[Key, HeadRow]:
        return {(row[0], row[1]): HeadRow(*row) for row in await self._run(_LOCK_HEADS, *_columns(keys, 2))}

    async def move_heads(self, rows: Sequence[MovedRow]) -> int:
        """See `Bulk`."""
        return (await self._connection.exec_driver_sql(_MOVE_HEADS, tuple(_columns(rows, 5)))).rowcount

    async def hashes(self, spans: Sequence[Span]) -> dict[Key, dict[int, str]]:
        """See `Bulk`."""
        found: dict[Key, dict[int, str]] = {}
        for device, journal, sequence, mark in await self._run(_HASHES, *_columns(spans, 4)):
            found.setdefault((device, journal), {})[sequence] = mark
        return found

    async def add_entries(self, added: Sequence[AddedRows], now: datetime) -> None:
        """See `Bulk`."""
        proxied = await self._connection.get_raw_connection()
        driver = cast("Driver[Any]", proxied.driver_connection)
        async with driver.cursor() as cursor, cursor.copy(_COPY_ENTRIES) as copy:
            await copy.write(entries_block(added, now))

    async def answer(self, rows: Sequence[AnswerRow], now: datetime) -> int:
        """See `Bulk`."""
        columns = _columns(rows, 8)
        return (await self._connection.exec_driver_sql(_ANSWER, (_naive(now), *columns))).rowcount

    async def begin(self, rows: Sequence[BegunRow]) -> int:
        """See `Bulk`."""
        return (await self._connection.exec_driver_sql(_BEGIN, tuple(_columns(rows, 3)))).rowcount

    async def awaiting(self, keys: Sequence[Key]) -> set[str]:
        """See `Bulk`."""
        return {row[0] for row in await self._run(_AWAITING, *_columns(keys, 2))}

    async def standing(self, keys: Sequence[Key]) -> dict[Key, Standing]:
        """See `Bulk`."""
        found = await self._run(_STANDING, *_columns(keys, 2))
        return {(row[0], row[1]): Standing(row[2], row[3]) for row in found}

    async def _run(self, statement: str, *values: Any) -> Sequence[Any]:
        result = await self._connection.exec_driver_sql(statement, values)
        return result.all() if result.returns_rows else ()


def entries_block(added: Sequence[AddedRows], now: datetime) -> bytes:
    """Rows of `journal_entries` as COPY takes them in binary: a count of fields, then each behind its length."""
    received = _INSTANT.pack(8, (_naive(now) - _EPOCH) // timedelta(microseconds=1))
    parts = [_COPY_BEGIN]
    for device, journal, entries in added:
        key = _COPY_FIELDS + _field(device) + _field(journal)
        for one in entries:
            mark = one.hash.encode()
            parts += (
                key,
                _NUMBER.pack(8, one.sequence, len(mark)),
                mark,
                _kind(one.kind),
                _LENGTH.pack(len(one.raw)),
                one.raw,
                received,
            )
    parts.append(_COPY_END)
    return b"".join(parts)


def _field(text: str) -> bytes:
    """Behind its length."""
    encoded = text.encode()
    return _LENGTH.pack(len(encoded)) + encoded


_kind = cache(_field)
"""There are few."""


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[str]:
    """The first `width` columns of rows, each one text; what is not known is empty."""
    columns = tuple(zip(*rows, strict=True))[:width] if rows else ((),) * width
    return [",".join(["" if value is None else str(value) for value in column]) for column in columns]


def _naive(at: datetime) -> datetime:
    """As instants are stored."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).replace(tzinfo=None)
