"""The `folder` dialect: `X.json` with its sound file beside it is an item, and `X.result.json` is what became of it.

`X.withdraw` takes it back. An item is read once it has stayed unchanged for a while, at once where `X.ready` is there.
Names never leave the folder and no link is followed, for every file is opened relative to the folder itself; a result
is whole or the one before; no file of the sender is ever changed or removed. File work runs in threads.
"""

import asyncio
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from controller.jobs.spool import Incoming
from controller.runtime.clock import Clock
from controller.sources import bulletin
from controller.sources.bulletin import Bulletin
from controller.sources.errors import (
    SourceAudioMissing,
    SourceFileRefused,
    SourceMalformed,
    SourceRefused,
    SourceUnusable,
)
from controller.sources.port import Found

ITEM, RESULT, WITHDRAW, READY = ".json", ".result.json", ".withdraw", ".ready"
MOST_ENTRIES = 20_000
_LONGEST_NAME_BYTES = 200
_BLOCK_BYTES = 1024 * 1024


@dataclass(slots=True)
class _Seen:
    """One key as it was at the last look; `since_s` (monotonic) is when it last changed."""

    mark: tuple[str | None, ...]
    audio_name: str | None
    since_s: float
    given: bool = False


class FolderSource:
    """Implements `SourceAdapter`."""

    def __init__(self, folder: Path, clock: Clock, *, settle_s: float) -> None:
        self._folder, self._clock, self._settle_s = folder, clock, settle_s
        self._seen: dict[str, _Seen] = {}
        self._reported: dict[str, bytes] = {}

    async def look(self, limit: int) -> list[Found]:
        """As the port says."""
        return await asyncio.to_thread(self._look, limit)

    async def copy_audio(self, found: Found, incoming: Incoming) -> None:
        """As the port says."""
        if found.bulletin is None or found.bulletin.audio is None:
            raise SourceAudioMissing("audio", f"{found.key} names no sound")
        opened = await asyncio.to_thread(self._open_audio, found.bulletin.audio.file)
        try:
            while block := await asyncio.to_thread(opened.read, _BLOCK_BYTES):
                await incoming.write(block)
            if await asyncio.to_thread(_mark_of_open, opened) != found.audio_mark:
                raise SourceFileRefused("audio.file", f"{found.bulletin.audio.file} changed while it was read")
        finally:
            opened.close()

    async def report(self, key: str, result: Mapping[str, Any]) -> None:
        """As the port says."""
        text = json.dumps(result, ensure_ascii=False, indent=2).encode() + b"\n"
        if self._reported.get(key) != text:
            await asyncio.to_thread(self._write, key + RESULT, text)
            self._reported[key] = text

    def forget(self, key: str) -> None:
        """As the port says."""
        self._seen.pop(key, None)

    def _look(self, limit: int) -> list[Found]:
        with self._opened() as folder:
            names = _names(folder)
            keys = {n.removesuffix(ITEM) for n in names if n.endswith(ITEM) and not n.endswith(RESULT)}
            keys |= {n.removesuffix(WITHDRAW) for n in names if n.endswith(WITHDRAW)}
            for gone in self._seen.keys() - keys:
                del self._seen[gone]
            for gone in self._reported.keys() - keys:
                del self._reported[gone]
            settled = [key for key in sorted(keys) if self._settled(folder, key, key + READY in names)]
            return [self._give(folder, key) for key in settled[:limit]]

    def _settled(self, folder: int, key: str, ready: bool) -> bool:
        """Whether a key is to be given now: it has changed, and has stayed so for long enough."""
        now_s = self._clock.monotonic()
        seen = self._seen.get(key)
        item, withdraw = _mark(folder, key + ITEM), _mark(folder, key + WITHDRAW)
        known = seen is not None and seen.mark[0] == item
        audio_name = seen.audio_name if seen is not None and known else _audio_name(folder, key)
        mark = (item, withdraw, _mark(folder, audio_name) if audio_name else None)
        if seen is None or seen.mark != mark:
            seen = self._seen[key] = _Seen(mark, audio_name, now_s)
        return not seen.given and (ready or now_s - seen.since_s >= self._settle_s)

    def _give(self, folder: int, key: str) -> Found:
        seen = self._seen[key]
        seen.given = True
        withdraw = seen.mark[1] is not None
        if seen.mark[0] is None:
            return Found(key=key, withdraw=withdraw)
        try:
            read = _bulletin(folder, key)
        except SourceRefused as error:
            return Found(key=key, refusal=error, withdraw=withdraw)
        return Found(key=key, bulletin=read, withdraw=withdraw, audio_mark=seen.mark[2])

    def _open_audio(self, name: str) -> BinaryIO:
        with self._opened() as folder:
            try:
                return _open(folder, name, "audio.file")
            except FileNotFoundError as error:
                raise SourceAudioMissing(
                    "audio.file", f"{name} is not in the folder; put it there, the bulletin is then looked at again"
                ) from error

    def _write(self, name: str, text: bytes) -> None:
        with self._opened() as folder:
            if _content(folder, name) == text:
                return
            staged = f".{name}.new"
            with suppress(FileNotFoundError):
                os.unlink(staged, dir_fd=folder)
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                with os.fdopen(os.open(staged, flags, 0o644, dir_fd=folder), "wb") as out:
                    out.write(text)
                    out.flush()
                    os.fsync(out.fileno())
                os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except OSError as error:
                raise SourceUnusable(
                    f"{self._folder / name} cannot be written ({error.strerror}); it is tried again"
                ) from error

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceUnusable(
                f"the folder {self._folder} cannot be opened ({error.strerror}); make it, or correct LOA_SOURCES"
            ) from error
        try:
            yield folder
        finally:
            os.close(folder)


def _names(folder: int) -> frozenset[str]:
    """The names in the folder that can be ours; more than a bounded number is refused."""
    names: set[str] = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(names) >= MOST_ENTRIES:
                raise SourceUnusable(f"the folder has more than {MOST_ENTRIES} files; remove items that are final")
            if not entry.name.startswith(".") and _presentable(entry.name):
                names.add(entry.name)
    return frozenset(names)


def _presentable(name: str) -> bool:
    try:
        return len(name.encode("utf-8")) <= _LONGEST_NAME_BYTES and name.isprintable()
    except UnicodeEncodeError:
        return False


def _plain(name: str) -> bool:
    """Whether it can only be a file of this very folder."""
    return not (name.startswith(".") or "/" in name or "\\" in name or "\x00" in name) and _presentable(name)


def _open(folder: int, name: str, field: str) -> BinaryIO:
    """A plain file of the folder, opened for reading.

    Raises:
        FileNotFoundError: it is not there.
        SourceFileRefused: it is not a plain file of this folder.
    """
    if not _plain(name):
        raise SourceFileRefused(field, f"{name!r} is not the plain name of a file beside the bulletin")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        opened = os.fdopen(os.open(name, flags, dir_fd=folder), "rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SourceFileRefused(field, f"{name} cannot be read ({error.strerror}); links are not followed") from error
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise SourceFileRefused(field, f"{name} is not a plain file")
    return opened


def _bulletin(folder: int, key: str) -> Bulletin:
    try:
        with _open(folder, key + ITEM, "$") as opened:
            return bulletin.read(opened.read(bulletin.MOST_BYTES + 1))
    except OSError as error:
        raise SourceMalformed("$", f"{key}{ITEM} cannot be read ({error.strerror})") from error


def _audio_name(folder: int, key: str) -> str | None:
    """The sound a bulletin names, as far as it can be read by now; only to wait for it too."""
    try:
        read = _bulletin(folder, key)
    except SourceRefused:
        return None
    return read.audio.file if read.audio is not None and _plain(read.audio.file) else None


def _content(folder: int, name: str) -> bytes | None:
    try:
        with _open(folder, name, "$") as opened:
            return opened.read(_BLOCK_BYTES)
    except (OSError, SourceFileRefused):
        return None


def _mark(folder: int, name: str) -> str | None:
    """What tells one state of a file from another."""
    try:
        return _told_apart(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except OSError:
        return None


def _mark_of_open(opened: BinaryIO) -> str:
    return _told_apart(os.fstat(opened.fileno()))


def _told_apart(found: os.stat_result) -> str:
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
