"""Where bytes lie that are named by their own SHA-256: renditions, board images, films.

Rules it keeps: an object is whole or absent (temporary file, fsync, rename, fsync of the folder); storing the same
bytes twice is one object; a name is only ever 64 lower-case hex digits, so no name leaves the folder. Blocking file
work runs in a thread; the port is async so that an S3-compatible store fits the same shape.
"""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from loa_protocol.errors import LoaError

_BLOCK_BYTES = 1024 * 1024
_HEX = frozenset("0123456789abcdef")


class ObjectBadName(LoaError):
    """A name is not a SHA-256 in lower-case hex."""

    code = "object_bad_name"


class ObjectMissing(LoaError):
    """No object of this name is stored."""

    code = "object_missing"


class ObjectMismatch(LoaError):
    """The bytes are not those the name promises."""

    code = "object_mismatch"


class ObjectStore(Protocol):
    """Content-addressed bytes. Names are SHA-256 hex; every method may raise ObjectBadName."""

    async def put_bytes(self, data: bytes) -> str:
        """Store `data` durably and return its name."""
        ...

    async def put_file(self, source: Path, *, sha256: str | None = None) -> str:
        """Store a copy of a file durably and return its name; ObjectMismatch if it is not `sha256`."""
        ...

    async def size(self, name: str) -> int:
        """Length in bytes; ObjectMissing if it is not stored."""
        ...

    async def read(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes [offset, offset + length), fewer at the end, empty past it; ObjectMissing."""
        ...

    async def verify(self, name: str) -> None:
        """Hash the whole object again; ObjectMissing, ObjectMismatch."""
        ...

    async def delete(self, name: str) -> bool:
        """Remove the object; False if it was not stored."""
        ...


class FolderObjectStore:
    """Objects as files `<folder>/ab/abcd…`; one process or several may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / "staging"

    def path(self, name: str) -> Path:
        """Where the object lies if it is stored; for readers that need a file, who must not write to it."""
        if len(name) != 2 * hashlib.sha256().digest_size or not _HEX.issuperset(name):
            raise ObjectBadName(f"{name!r} is not the SHA-256 of an object; 64 lower-case hex digits are")
        return self._folder / name[:2] / name

    async def put_bytes(self, data: bytes) -> str:
        """Store `data` and return its name."""
        return await asyncio.to_thread(self._put, iter([data]), None)

    async def put_file(self, source: Path, *, sha256: str | None = None) -> str:
        """Store a copy of `source` and return its name."""
        if sha256 is not None:
            self.path(sha256)
        return await asyncio.to_thread(self._put_file, source, sha256)

    async def size(self, name: str) -> int:
        """Length in bytes."""
        return await asyncio.to_thread(self._size, name)

    async def read(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """A range of bytes."""
        return await asyncio.to_thread(self._read, name, offset, length)

    async def verify(self, name: str) -> None:
        """Hash the whole object again."""
        await asyncio.to_thread(self._verify, name)

    async def delete(self, name: str) -> bool:
        """Remove the object; False if it was not stored."""
        return await asyncio.to_thread(self._delete, name)

    async def sweep(self) -> int:
        """Remove what a killed process left in staging; returns how many. Only at start, before anything is stored."""
        return await asyncio.to_thread(self._sweep)

    def _put_file(self, source: Path, expected: str | None) -> str:
        with source.open("rb") as opened:
            return self._put(_blocks(opened), expected)

    def _put(self, blocks: Iterator[bytes], expected: str | None) -> str:
        self._staging.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        handle, staged_name = tempfile.mkstemp(dir=self._staging)
        staged = Path(staged_name)
        try:
            with os.fdopen(handle, "wb") as out:
                for block in blocks:
                    digest.update(block)
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
            name = digest.hexdigest()
            if expected not in (None, name):
                raise ObjectMismatch(f"object {expected}: the file hashes to {name}; it was not stored")
            self._publish(staged, self.path(name))
        finally:
            staged.unlink(missing_ok=True)
        return name

    def _publish(self, staged: Path, final: Path) -> None:
        if not final.parent.exists():
            final.parent.mkdir(exist_ok=True)
            _sync_folder(self._folder)
        staged.replace(final)
        _sync_folder(final.parent)

    def _size(self, name: str) -> int:
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError as error:
            raise _missing(name) from error

    def _read(self, name: str, offset: int, length: int | None) -> bytes:
        if offset < 0 or (length is not None and length < 0):
            raise ValueError("a range starts at 0 or later and has no negative length")
        with self._open(name) as opened:
            opened.seek(offset)
            return opened.read(-1 if length is None else length)

    def _verify(self, name: str) -> None:
        digest = hashlib.sha256()
        with self._open(name) as opened:
            for block in _blocks(opened):
                digest.update(block)
        if digest.hexdigest() != name:
            raise ObjectMismatch(f"object {name}: the disk gives other bytes; delete it and store it again")

    def _open(self, name: str) -> BinaryIO:
        try:
            return self.path(name).open("rb")
        except FileNotFoundError as error:
            raise _missing(name) from error

    def _delete(self, name: str) -> bool:
        path = self.path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        _sync_folder(path.parent)
        return True

    def _sweep(self) -> int:
        left = list(self._staging.iterdir()) if self._staging.exists() else []
        for path in left:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        return len(left)


def _missing(name: str) -> ObjectMissing:
    return ObjectMissing(f"object {name} is not stored here; store it again from its source")


def _blocks(opened: BinaryIO) -> Iterator[bytes]:
    while block := opened.read(_BLOCK_BYTES):
        yield block


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
