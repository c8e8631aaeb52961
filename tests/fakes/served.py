"""A controller that only answers, on a port of this machine, for tests of commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import uvicorn
from typer.testing import CliRunner

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.client import Client
from loa_cli.commands import app
from tests.acceptance.rig import free_port
from tests.fakes.databases import with_schema

TOKEN = "bi-mat"  # noqa: S105 - of tests alone


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[Client]:
    """Its API, until the end."""
    port, ready, end = free_port(), Event(), []

    class Told(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    def serve() -> None:
        given = {"roles": frozenset({Role.API}), "brokers": ("mqtt://127.0.0.1:1",), "host_acts_for_people": True}
        made = Settings(data_dir=with_schema(folder), **{**given, **settings})
        config = uvicorn.Config(
            create_app(Controller(made), TOKEN), host="127.0.0.1", port=port, log_level="warning", ws="none"
        )
        end.append(Told(config))
        end[0].run()

    thread = Thread(target=serve)
    thread.start()
    assert ready.wait(30)
    client = Client(f"http://127.0.0.1:{port}", TOKEN)
    try:
        yield client
    finally:
        client.close()
        end[0].should_exit = True
        thread.join(20)


def loa(client: Client, *arguments: str, code: int = 0) -> str:
    """What a command says there, on 80 columns."""
    line = [*arguments, "--url", client.url, "--token", TOKEN]
    result = CliRunner().invoke(app, line, env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    return result.output
