"""Secrets in files of the data folder that only their owner may read."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's bytes; one that is missing is made whole or not at all. Several processes may do this at once."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_suffix(f".{secrets.token_hex(4)}.new")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(make())
        opened.flush()
        os.fsync(opened.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(staged)  # unlike a rename, never replaces another process's
    staged.unlink()
    return path.read_bytes()
