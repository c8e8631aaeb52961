"""Where the source of a job lies until the job has ended: one file a job, named by the job's id.

Rules it keeps: a file is written block by block, hashed on the way, and on disk before its job is committed; whoever
writes one holds its lock, so that a file without a lock and without an open job is a left-over and is removed.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from controller.media.errors import MediaTooLarge
from controller.runtime.waiting import unbroken
from loa_protocol.errors import LoaError

_LOOK_BYTES = 8 * 1024 * 1024


class SpoolFull(LoaError):
    """The files that wait to be taken in fill their quota."""

    code = "spool_full"


class Incoming:
    """A file on its way in; `write` blocks, then `seal` gives its SHA-256. It goes away unless `kept`."""

    def __init__(self, job_id: str, opened: BinaryIO, *, most_bytes: int, room: Callable[[], int]) -> None:
        self.job_id = job_id
        self.kept = False
        self.total_bytes = 0
        self._opened, self._most_bytes, self._room = opened, most_bytes, room
        self._look_at = 0
        self._digest = hashlib.sha256()

    async def write(self, block: bytes) -> None:
        """Append a block.

        Raises:
            MediaTooLarge: the file is larger than one may be.
            SpoolFull: all files together are.
        """
        await asyncio.to_thread(self._write, block)

    async def seal(self) -> str:
        """Bring everything to the disk; gives the SHA-256."""
        await asyncio.to_thread(self._sync)
        return self._digest.hexdigest()

    def _write(self, block: bytes) -> None:
        self.total_bytes += len(block)
        if self.total_bytes > self._most_bytes:
            raise MediaTooLarge(
                f"the file has more than {self._most_bytes} bytes; shorten or compress it", most_bytes=self._most_bytes
            )
        if self.total_bytes >= self._look_at:
            self._look_at = self.total_bytes + _LOOK_BYTES
            if len(block) > self._room():
                raise SpoolFull("files that wait to be taken in fill the disk space set aside; try again later")
        self._digest.update(block)
        self._opened.write(block)

    def _sync(self) -> None:
        self._opened.flush()
        os.fsync(self._opened.fileno())


class Spool:
    """A folder of waiting files; several processes may share it."""

    def __init__(self, folder: Path, *, most_bytes: int, quota_bytes: int) -> None:
        self._folder, self._most_bytes, self._quota_bytes = folder, most_bytes, quota_bytes

    def path(self, job_id: str) -> Path:
        """Where a job's file lies."""
        return self._folder / job_id

    @asynccontextmanager
    async def receiving(self, job_id: str) -> AsyncIterator[Incoming]:
        """A new file for a job; at the end of the block it is removed unless it was `kept`."""
        opened = await asyncio.to_thread(self._create, job_id)
        incoming = Incoming(job_id, opened, most_bytes=self._most_bytes, room=self._room)
        try:
            yield incoming
        finally:
            await unbroken(asyncio.to_thread(self._let_go, opened, None if incoming.kept else job_id))

    async def drop(self, job_id: str) -> None:
        """Remove a job's file; it may be gone already."""
        await asyncio.to_thread(self.path(job_id).unlink, missing_ok=True)

    async def sweep(self, is_open: Callable[[str], Awaitable[bool]]) -> int:
        """Remove every file nobody writes and no open job needs; returns how many."""
        names = await asyncio.to_thread(lambda: [path.name for path in self._folder.glob("*")])
        return sum([await self._swept(name, is_open) for name in names])

    async def _swept(self, name: str, is_open: Callable[[str], Awaitable[bool]]) -> bool:
        """The lock is taken before the job is looked for: a writer commits its job before it lets go."""
        opened = await asyncio.to_thread(_unused, self._folder / name)
        if opened is None:
            return False
        try:
            if await is_open(name):
                return False
            await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)
            return True
        finally:
            opened.close()

    def _let_go(self, opened: BinaryIO, unwanted: str | None) -> None:
        if unwanted is not None:
            self.path(unwanted).unlink(missing_ok=True)
        opened.close()

    def _create(self, job_id: str) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        opened = self.path(job_id).open("xb")
        fcntl.flock(opened, fcntl.LOCK_EX)
        if os.fstat(opened.fileno()).st_nlink == 0:  # swept before it was locked
            opened.close()
            return self._create(job_id)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return opened

    def _room(self) -> int:
        used = 0
        for entry in os.scandir(self._folder):
            with contextlib.suppress(FileNotFoundError):
                used += entry.stat(follow_symlinks=False).st_size
        return self._quota_bytes - used


def _unused(path: Path) -> BinaryIO | None:
    """The file, locked, unless somebody else holds it or it is gone."""
    try:
        opened = path.open("rb")
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        opened.close()
        return None
    return opened
