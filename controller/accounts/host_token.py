"""The host's own token: whoever runs the controller acts by it, on its machine; its file is for their eyes only.

It is what the command line uses there before anybody has an account, and when nobody can sign in any more.
"""

import secrets
from pathlib import Path

from controller.runtime.secret_files import read_or_make

_TOKEN_BYTES = 32


def token_file(data_dir: Path) -> Path:
    """Where the token is kept."""
    return data_dir / "api-token"


def obtain_token(data_dir: Path) -> str:
    """The token; it is made at the first start."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return (
        read_or_make(token_file(data_dir), lambda: secrets.token_urlsafe(_TOKEN_BYTES).encode() + b"\n")
        .decode()
        .strip()
    )
