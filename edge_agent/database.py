"""One SQLite file (WAL, synchronous=FULL) served by one thread of its own, so that no commit blocks the event loop.

A file that cannot be opened or fails its check is set aside and a new one begins; `replaced` tells so.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from edge_agent import durable
from loa_protocol.errors import LoaError

T = TypeVar("T")


class DiskFull(LoaError):
    """The disk takes no more; nothing was written. Free space: the agent tries again by itself."""

    code = "disk_full"


class StorageFailed(LoaError):
    """The device's own database failed; nothing was written."""

    code = "storage_failed"


class Database:
    """Runs functions of a connection, one after the other; each either commits wholly or changes nothing."""

    def __init__(self, path: Path, schema: str, check: Callable[[sqlite3.Connection], None] | None = None) -> None:
        self._path, self._schema, self._check = path, schema, check
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self.replaced = False

    async def open(self) -> None:
        """Open the file, or begin a new one in place of a damaged one.

        Raises:
            StorageFailed, DiskFull: not even a new one can be made.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction.

        Raises:
            DiskFull: no room.
            StorageFailed: SQLite failed otherwise.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def close(self) -> None:
        """Let the thread finish what it was given, and close; a second time does nothing."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=False)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connect()
        except (sqlite3.DatabaseError, LoaError, TypeError, ValueError) as error:
            # Whatever a damaged file holds, the device must come up; what it is not able to read it sets aside.
            if _is_full(error):
                raise DiskFull(f"{self._path} cannot be opened: {error}") from error
            self._begin_anew()
            self.replaced = True

    def _begin_anew(self) -> None:
        self._close()
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                durable.set_aside(self._path.with_name(self._path.name + suffix))
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            self._close()
            raise StorageFailed(f"{self._path} cannot be made: {error}; check the disk") from error

    def _connect(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connection = connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=5000")
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("quick_check failed")
        connection.executescript(self._schema)
        if self._check is not None:
            self._check(connection)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise StorageFailed(f"{self._path} is not open")
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            if _is_full(error):
                raise DiskFull(f"{self._path}: {error}") from error
            if isinstance(error, sqlite3.Error):
                raise StorageFailed(f"{self._path}: {error}") from error
            raise
        return result

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _is_full(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "full" in str(error)
