"""Files that are either the old or the new one after a power cut: temporary file, fsync, rename, fsync of the folder.

Everything here blocks; callers on the event loop use a thread.
"""

import contextlib
import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, durably."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    move(fresh, path)


def write_lightly(path: Path, data: bytes) -> None:
    """Replace `path` whole, but let the system choose when it reaches the disk (spares flash memory)."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def move(source: Path, target: Path) -> None:
    """Rename, and make the name itself durable."""
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, keeping it for whoever looks into it; an older damaged one goes."""
    target = path.with_name(path.name + ".damaged")
    path.replace(target)
    sync_folder(path.parent)
    return target


def read(path: Path) -> bytes | None:
    """The file's bytes, None where there is none."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return None
