"""The content cache: assets by their root, whole or growing, verified chunk by chunk; all methods block on the disk.

Rules: an asset becomes whole by temp + fsync + rename + fsync of the folder, after every chunk matched the index and
the index the root; what a restart finds half-done is hashed again and goes on; what no longer matches is thrown away;
the quota holds, the least soon needed goes first, pinned roots never. A chunk that comes before its index is kept where
it belongs and counts once the index confirms it.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge_agent import durable
from loa_protocol import failpoints
from loa_protocol.content import (
    ContentFrame,
    ContentIndex,
    Kind,
    chunk_size,
)
from loa_protocol.documents.plan import Content
from loa_protocol.errors import LoaError

RESERVE_BYTES = 64 * 1024 * 1024


class CacheFull(LoaError):
    """No room for an asset within the quota or on the disk; it is fetched when there is."""

    code = "content_cache_full"


@dataclass(slots=True)
class _Growing:
    """An asset on its way: its checked index and which chunks lie in the file."""

    index: ContentIndex
    have: set[int] = field(default_factory=set)


class ContentCache:
    """Folders `whole/<root>` with `<root>.index`, and `growing/` likewise."""

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        self._whole, self._partial = folder / "whole", folder / "growing"
        self._quota_bytes = quota_bytes
        self._growing: dict[str, _Growing] = {}
        self._early: dict[str, set[int]] = {}
        self._verified: set[str] = set()

    def open(self) -> None:
        """Make the folders; drop what a crash left without meaning."""
        for folder in (self._whole, self._partial):
            folder.mkdir(parents=True, exist_ok=True)
            for stray in folder.glob("*.new"):
                stray.unlink()

    def path(self, root: str) -> Path:
        """Where a whole asset lies."""
        return self._whole / root

    def roots(self) -> frozenset[str]:
        """Assets that are whole; not necessarily hashed since the start."""
        return frozenset(path.name for path in self._whole.iterdir() if not path.suffix)

    def verify(self, root: str) -> bool:
        """Hash a whole asset again; a damaged one is thrown away."""
        path = self._whole / root
        try:
            index = _read_index(root, self._whole, path.stat().st_size)
            good = len(_matching(index, path)) == index.chunk_count
        except (OSError, LoaError):
            good = False
        if good:
            self._verified.add(root)
        else:
            self.discard(root)
        return good

    def verified(self, root: str) -> bool:
        """Whether it is whole and was hashed by this process: only then may it sound."""
        return root in self._verified

    def unverified(self) -> frozenset[str]:
        """Whole assets that were not hashed since the start."""
        return self.roots() - self._verified

    def doubt(self, root: str) -> None:
        """Have a whole asset hashed again before its next use."""
        self._verified.discard(root)

    def discard(self, root: str) -> None:
        """Forget an asset, whole or growing."""
        self._verified.discard(root)
        self._growing.pop(root, None)
        self._early.pop(root, None)
        for folder in (self._whole, self._partial):
            for name in (root, f"{root}.index"):
                (folder / name).unlink(missing_ok=True)

    def missing(self, root: str, described: Content) -> tuple[bool, tuple[int, ...]]:
        """(index is missing, chunks that are missing) of an asset that is not whole."""
        growing = self._grown(root, described)
        count = -(-described.bytes // described.chunk_bytes)
        if growing is None:
            early = self._early.get(root, ())
            return True, tuple(i for i in range(count) if i not in early)
        return False, tuple(i for i in range(count) if i not in growing.have)

    def take(self, frame: ContentFrame, described: Content) -> bool:
        """Keep one frame of a wanted asset; whether the asset is whole now.

        Raises:
            ContentWrongIndex, ContentWrongChunk: it is not what the root names; nothing was kept.
            CacheFull: no room on the disk.
        """
        if frame.root in self._verified:
            return False
        growing = self._grown(frame.root, described)
        try:
            if frame.kind is Kind.INDEX:
                if growing is not None:
                    return False
                growing = self._begin(
                    ContentIndex.parse(frame.root, frame.data, described.bytes, described.chunk_bytes)
                )
            elif growing is None:
                self._keep_early(frame, described)
                return False
            elif frame.i in growing.have:
                return False
            else:
                growing.index.verify_chunk(frame.i, frame.data)
                if self._write(frame, described.chunk_bytes):
                    growing.have.add(frame.i)
            return self._finish(growing)
        except OSError as error:
            raise _no_room(frame.root, error) from error

    def finish(self, root: str, described: Content) -> bool:
        """Whether an asset on its way is whole: what a crash or a full disk kept from being moved is moved now.

        Raises:
            CacheFull: no room on the disk.
        """
        growing = self._grown(root, described)
        try:
            return growing is not None and self._finish(growing)
        except OSError as error:
            raise _no_room(root, error) from error

    def make_room(
        self, bytes_needed: int, when: datetime, needed_at: Mapping[str, datetime], pinned: Collection[str]
    ) -> None:
        """Throw away what is needed later than `when`, the latest first, until `bytes_needed` fit.

        Raises:
            CacheFull: everything that is left is pinned or needed sooner.
        """
        excess = self.used_bytes() + bytes_needed - self._quota_bytes
        excess = max(excess, bytes_needed + RESERVE_BYTES - self.free_bytes())
        for root in self._least_needed(when, needed_at, pinned):
            if excess <= 0:
                return
            excess -= _size(self._whole / root) + _size(self._partial / root)
            self.discard(root)
        if excess > 0:
            raise CacheFull(f"{bytes_needed} bytes of content do not fit the quota of {self._quota_bytes}")

    def used_bytes(self) -> int:
        """What the cache takes on the disk."""
        return sum(_size(path) for folder in (self._whole, self._partial) for path in folder.iterdir())

    def free_bytes(self) -> int:
        """What the disk has left."""
        return shutil.disk_usage(self._whole).free

    def _least_needed(
        self, when: datetime, needed_at: Mapping[str, datetime], pinned: Collection[str]
    ) -> Sequence[str]:
        """What may go: first what nobody needs, oldest first, then what is needed later than `when`, latest first."""
        held = self.roots() | {path.name for path in self._partial.iterdir() if not path.suffix}
        free = sorted((_used_at(self._whole / root), root) for root in held - needed_at.keys() - set(pinned))
        later = sorted((at, root) for root, at in needed_at.items() if root in held and at > when)
        return [root for _, root in free] + [root for _, root in reversed(later) if root not in pinned]

    def _grown(self, root: str, described: Content) -> _Growing | None:
        """An asset on its way, taken up again from the disk where a restart left it."""
        known = self._growing.get(root)
        if known is not None or not (self._partial / f"{root}.index").exists():
            return known
        try:
            index = _read_index(root, self._partial, described.bytes)
            self._growing[root] = _Growing(index, _matching(index, self._partial / root))
        except (OSError, LoaError):
            self.discard(root)
        return self._growing.get(root)

    def _begin(self, index: ContentIndex) -> _Growing:
        """The index is there: of what came before it, that counts which matches."""
        path = self._partial / index.root
        begun = path.exists()
        with path.open("ab") as file:
            file.truncate(index.total_bytes)
        durable.write_lightly(self._partial / f"{index.root}.index", index.raw)
        self._early.pop(index.root, None)
        growing = _Growing(index, _matching(index, path) if begun else set())
        self._growing[index.root] = growing
        return growing

    def _keep_early(self, frame: ContentFrame, described: Content) -> None:
        """Put a chunk where it belongs, if there is such a place; nothing is known of it yet."""
        offset = frame.i * described.chunk_bytes
        if len(frame.data) == min(described.chunk_bytes, described.bytes - offset):
            (self._partial / frame.root).touch()
            if self._write(frame, described.chunk_bytes):
                self._early.setdefault(frame.root, set()).add(frame.i)

    def _write(self, frame: ContentFrame, chunk_bytes: int) -> bool:
        descriptor = os.open(self._partial / frame.root, os.O_WRONLY)
        try:
            return os.pwrite(descriptor, frame.data, frame.i * chunk_bytes) == len(frame.data)
        finally:
            os.close(descriptor)

    def _finish(self, growing: _Growing) -> bool:
        """Move an asset that lacks nothing among the whole ones; the index first, so that no whole one lacks it."""
        root = growing.index.root
        if len(growing.have) < growing.index.chunk_count:
            return False
        failpoints.reach("agent.content.before_whole")
        if len(_matching(growing.index, self._partial / root)) != growing.index.chunk_count:
            self.discard(root)
            return False
        durable.write(self._whole / f"{root}.index", growing.index.raw)
        descriptor = os.open(self._partial / root, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        durable.move(self._partial / root, self._whole / root)
        (self._partial / f"{root}.index").unlink(missing_ok=True)
        self._growing.pop(root, None)
        self._verified.add(root)
        return True


def _no_room(root: str, error: OSError) -> CacheFull:
    return CacheFull(f"content {root}: {error.strerror}; free space on the device")


def _read_index(root: str, folder: Path, total_bytes: int) -> ContentIndex:
    raw = (folder / f"{root}.index").read_bytes()
    return ContentIndex.parse(root, raw, total_bytes, chunk_size(total_bytes))


def _matching(index: ContentIndex, path: Path) -> set[int]:
    """The chunks of a file that are what the index says."""
    found = set()
    with path.open("rb") as file:
        for i, digest in enumerate(index.digests):
            if hashlib.sha256(file.read(index.chunk_length(i))).digest() == digest:
                found.add(i)
    return found


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _used_at(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0
