"""The controller as a process: settings, token, sockets, and where others find it.

`api.json` in the data folder names the address while the process lives. As long as nobody can sign in, a one-time link
is printed that makes the first administrator. What is loaded by then stays, so no garbage is sought among it.
"""

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from controller.accounts import setting_up
from controller.accounts.host_token import obtain_token
from controller.accounts.inviting import Kind, page
from controller.api.app import create_app
from controller.runtime import listening, logs
from controller.runtime.exposure import require_safe
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_protocol import failpoints


def run(given: dict[str, Any]) -> None:
    """Serve until the process is told to end.

    Raises:
        SettingsInvalid: a setting is unknown or wrong.
        ListenRefused: others could read what is sent there.
        PortTaken: the port is in use.
    """
    settings = Settings(**given)
    logs.begin()
    require_safe(settings)
    _arm_failpoints()
    token = obtain_token(settings.data_dir)
    listener = listening.listen(settings.http_host, settings.http_port)
    url = f"http://{_bracketed(settings.http_host)}:{listener.getsockname()[1]}"
    address = settings.data_dir / "api.json"

    async def invite(controller: Controller) -> None:
        secret = await setting_up.first_secret(controller.db, controller.clock.now())
        if secret is not None:
            link = page(settings.public_url or url, Kind.SET_UP, secret)
            _say("Nobody can sign in yet. Make the first administrator within 24 hours:")
            _say(f"open {link} in a browser, or: loa set-up '{link}'")

    app = create_app(Controller(settings), token, started=invite if Role.API in settings.roles else None)
    server = listening.server_of(app, settings.trusted_proxies)
    gc.freeze()
    gc.enable()
    _announce(address, url)
    _say(f"Loa listens on {url} (API description: {url}/docs)")
    try:
        server.run(sockets=[listener])
    finally:
        address.unlink(missing_ok=True)
    if not server.started:
        raise SystemExit(1)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _announce(path: Path, url: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    temporary.replace(path)


def _arm_failpoints() -> None:
    log = os.environ.get("LOA_FAILPOINT_LOG")  # noqa: TID251 - the process's own start
    failpoints.arm(os.environ.get("LOA_FAILPOINT", ""), Path(log) if log else None)  # noqa: TID251


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
