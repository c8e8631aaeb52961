"""The sessions that `loa sign-in` keeps: one for each controller, in a file that only its owner may read."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import typer

from loa_protocol.errors import LoaError

DEFAULT = Path(typer.get_app_dir("loa")) / "sessions.json"


class SignInFileUnsafe(LoaError):
    """Others may read the file of kept sessions."""

    code = "sign_in_file_unsafe"


@dataclass(frozen=True, slots=True)
class Kept:
    """A session: its secret, and who signed in."""

    secret: str
    name: str


def find(path: Path, url: str) -> Kept | None:
    """The session that is kept for a controller.

    Raises:
        SignInFileUnsafe: others may read the file.
    """
    held = _read(path).get(url)
    return None if held is None else Kept(held["secret"], held["name"])


def keep(path: Path, url: str, kept: Kept) -> None:
    """Keep a session, in place of the one before.

    Raises:
        SignInFileUnsafe: others may read the file.
    """
    _write(path, _read(path) | {url: {"secret": kept.secret, "name": kept.name}})


def forget(path: Path, url: str) -> None:
    """Keep none for a controller any more.

    Raises:
        SignInFileUnsafe: others may read the file.
    """
    held = _read(path)
    if held.pop(url, None) is not None:
        _write(path, held)


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except FileNotFoundError:
        return {}
    if mode & 0o077:
        raise SignInFileUnsafe(f"others may read {path}; run chmod 600 on it, or delete it and sign in again")
    try:
        held = json.loads(text)
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _write(path: Path, held: dict[str, dict[str, str]]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_suffix(f".{secrets.token_hex(4)}.new")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump(held, opened)
    staged.replace(path)
