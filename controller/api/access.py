"""Who may call the API until accounts exist: whoever holds the token printed at first start, from this machine.

The token is kept in a file only its owner may read; requests carry it as `Authorization: Bearer …`.
"""

import ipaddress
import os
import secrets
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from loa_protocol.errors import LoaError

_TOKEN_BYTES = 24
_bearer = HTTPBearer(auto_error=False, description="The token printed at first start")


class ListenRefused(LoaError):
    """The API would listen where others could reach it."""

    code = "listen_refused"


class NotSignedIn(LoaError):
    """No token, or a wrong one."""

    code = "not_signed_in"


def require_loopback(host: str) -> None:
    """Accept loopback addresses only.

    Raises:
        ListenRefused: anything else, with the reason.
    """
    try:
        fine = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        fine = False
    if not fine:
        raise ListenRefused(
            f"the API does not listen on {host}: there are no accounts yet, only one token, so it stays on"
            " 127.0.0.1 or ::1; reach it from elsewhere through an SSH tunnel"
        )


def token_file(data_dir: Path) -> Path:
    """Where the token is kept."""
    return data_dir / "api-token"


def obtain_token(data_dir: Path) -> tuple[str, bool]:
    """The token, and whether it was made just now."""
    path = token_file(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        return path.read_text().strip(), False
    except FileNotFoundError:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(token + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    return token, True


def require_token(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    """Dependency of every route but the health check.

    Raises:
        NotSignedIn: no token, or a wrong one.
    """
    expected: str = request.app.state.token
    if given is None or not secrets.compare_digest(given.credentials.encode(), expected.encode()):
        raise NotSignedIn("send the token printed at first start as “Authorization: Bearer …”")
