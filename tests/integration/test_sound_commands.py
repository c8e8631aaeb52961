"""`loa sound` against a served controller: taken in as wished, findings in Vietnamese, a line for a picture."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import uvicorn
from typer.testing import CliRunner

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.commands import app
from tests.acceptance.rig import free_port
from tests.fakes import media_corpus as corpus

TOKEN = "bi-mat"  # noqa: S105 - of this test alone


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A controller that answers and takes sounds in: nothing here needs a broker."""
    port, ready, end = free_port(), Event(), []

    class Told(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    def serve() -> None:
        roles = frozenset({Role.API, Role.JOBS})
        settings = Settings(data_dir=tmp_path / "controller", roles=roles, brokers=("mqtt://127.0.0.1:1",))
        application = create_app(Controller(settings), TOKEN)
        end.append(Told(uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning", ws="none")))
        end[0].run()

    thread = Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{port}"
    end[0].should_exit = True
    thread.join(20)


def loa(address: str, *arguments: str) -> Any:
    result = CliRunner().invoke(app, ["sound", *arguments, "--url", address, "--token", TOKEN])
    assert result.exit_code == 0, result.output
    return result


def test_a_recording_is_taken_in_as_wished_and_shown(address: str, tmp_path: Path) -> None:
    silence = np.zeros((1, 2 * 48_000), np.float32)
    sound = np.concatenate([silence, corpus.tone(2), silence], axis=1)
    file = corpus.wav(tmp_path / "thu.wav", sound)

    added = loa(address, "add", str(file), "--trim", "--after", "chime:closing", "--title", "Tin [mới]").output
    again = json.loads(loa(address, "add", str(file), "--trim", "--after", "chime:closing", "--json").stdout)
    shown = loa(address, "show", again["id"]).output

    assert f"“Tin [mới]” (5.2 s): {again['id']}" in added
    assert shown == added
    assert "đã cắt 1.8 giây im lặng ở đầu [trimmed_start]" in shown.replace("\n", " ")
    assert "█" in shown
    assert again["facts"]["wishes"] == {"after": "chime:closing", "trim": True}


def test_a_wish_that_cannot_be_ends_the_command_with_its_reason(address: str, tmp_path: Path) -> None:
    file = corpus.wav(tmp_path / "tin.wav", corpus.tone(1))

    arguments = ["sound", "add", str(file), "--before", "chime:gong", "--url", address, "--token", TOKEN]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 1
    assert "chime_unknown" in result.output
