"""`loa sound` against a served controller: taken in as wished, findings in Vietnamese, a line for a picture."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from typer.testing import CliRunner

from controller.api.app import create_app
from controller.media.encode import decode
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.commands import app
from tests.acceptance.rig import free_port
from tests.fakes import media_corpus as corpus
from tests.fakes.databases import with_schema

TOKEN = "bi-mat"  # noqa: S105 - of this test alone


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A controller that answers and takes sounds in: nothing here needs a broker."""
    folder, port, ready, end = tmp_path_factory.mktemp("served"), free_port(), Event(), []

    class Told(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    def serve() -> None:
        roles = frozenset({Role.API, Role.JOBS})
        settings = Settings(data_dir=with_schema(folder), roles=roles, brokers=("mqtt://127.0.0.1:1",))
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


def test_a_sound_is_labelled_when_it_is_handed_in_and_can_be_heard(address: str, tmp_path: Path) -> None:
    file = corpus.wav(tmp_path / "chuc.wav", corpus.tone(2))
    with httpx.Client(base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}) as api:
        api.post("/units", json={"id": "xa", "name": "Xã", "kind": "commune"})
        said = ("--unit", "xa", "--language", "tyz", "--text", "Lời chúc năm mới", "--recording")

        made = json.loads(loa(address, "add", str(file), *said, "--title", "Chúc / Tết", "--json").stdout)
        found = api.get("/library", params={"q": "loi chuc", "unit": "xa"}).json()["items"]
        used = api.get("/units/xa/library-quota").json()
        for name in ("nghe.mp3", "nghe.ogg"):
            loa(address, "save", made["id"], str(tmp_path / name))

    assert [(one["id"], one["language"], one["origin"]) for one in found] == [(made["id"], "tyz", "recording")]
    assert used["assets"] == 1
    for name in ("nghe.mp3", "nghe.ogg"):
        heard = np.concatenate(list(decode(tmp_path / name)))
        assert abs(len(heard) / 48_000 - 2) < 0.1
        assert np.abs(heard).max() > 0.1
    assert sorted(path.name for path in tmp_path.glob("*nghe*")) == ["nghe.mp3", "nghe.ogg"]


def test_a_sound_is_saved_in_the_encodings_there_are_and_leaves_no_half_file(address: str, tmp_path: Path) -> None:
    for target in ("nghe.wav", "nowhere/nghe.mp3"):
        result = CliRunner().invoke(app, ["sound", "save", "x", str(tmp_path / target), "--url", address])
        assert result.exit_code == 2, result.output

    arguments = ["sound", "save", "khong-co", str(tmp_path / "nghe.mp3"), "--url", address, "--token", TOKEN]
    result = CliRunner().invoke(app, arguments)

    assert (result.exit_code, "asset_unknown" in result.output) == (1, True)
    assert not list(tmp_path.glob("*nghe*"))
