"""`loa library` against a served controller: a picture goes in, is found, is counted; what would go is told."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from controller.api.app import create_app
from controller.library import watch as library_watch
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.commands import app
from tests.acceptance.rig import free_port
from tests.fakes import picture_corpus as corpus
from tests.fakes.databases import with_schema
from tests.fakes.shelf import NOW, ShelfWorld

TOKEN = "bi-mat"  # noqa: S105 - of this test alone


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A controller that answers and does jobs, with a sound that nobody used for long.

    Its hourly round stays away: it would take that sound before anybody was told of it.
    """
    folder, port, ready, end = tmp_path_factory.mktemp("served"), free_port(), Event(), []
    roles = frozenset({Role.API, Role.JOBS})
    settings = Settings(
        data_dir=with_schema(folder), roles=roles, brokers=("mqtt://127.0.0.1:1",), library_keep_days=9000
    )

    class Told(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    def serve() -> None:
        config = uvicorn.Config(
            create_app(Controller(settings), TOKEN), host="127.0.0.1", port=port, log_level="warning", ws="none"
        )
        end.append(Told(config))
        end[0].run()

    thread = Thread(target=serve)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(library_watch, "unbroken", _kept_away)
        thread.start()
        assert ready.wait(30)
        asyncio.run(_furnish(settings))
        yield f"http://127.0.0.1:{port}"
        end[0].should_exit = True
        thread.join(20)


async def _kept_away(round_of: Coroutine[Any, Any, Any]) -> None:
    round_of.close()


async def _furnish(settings: Settings) -> None:
    world = await ShelfWorld.open(settings.database, settings.data_dir)
    await world.put("cu", "Bản tin năm cũ", created=NOW - timedelta(days=9999), origin="machine")
    await world.db.close()


def loa(url: str, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["library", *arguments, "--url", url, "--token", TOKEN])
    assert result.exit_code == 0, result.output
    return result.output


def as_json(url: str, *arguments: str) -> Any:
    return json.loads(loa(url, *arguments, "--json"))


def test_a_picture_goes_in_and_is_found_and_counted(served: str, tmp_path: Path) -> None:
    file = tmp_path / "lich-tiem.png"
    file.write_bytes(corpus.saved(corpus.photo(), "PNG"))
    other = tmp_path / "lich-tiem.bmp"
    other.write_bytes(corpus.saved(corpus.photo(), "BMP"))

    said = loa(served, "add", str(file), "--unit", "xa-2", "--title", "Lịch tiêm", "--text", "Trạm y tế")
    again = loa(served, "add", str(other), "--unit", "xa-2")

    assert "Đã nhận hình “Lịch tiêm” (320 × 200)" in " ".join(said.split())
    assert "Đã có trong thư viện: “Lịch tiêm”" in " ".join(again.split())
    (found,) = as_json(served, "search", "tram", "y te", "--kind", "image")["items"]
    assert (found["title"], found["unit_id"]) == ("Lịch tiêm", "xa-2")
    (used,) = as_json(served, "quota", "xa-2", "--most-mib", "3")
    assert (used["assets"], used["most_bytes"], used["own"]) == (2, 3 * 1024 * 1024, True)
    assert "3.0 MiB" in loa(served, "quota")
    assert as_json(served, "quota", "xa-2", "--usual")[0]["own"] is False
    assert "giọng máy" in loa(served, "search", "ban tin", "--within", "tinh")


def test_what_would_go_is_told_before_it_goes(served: str) -> None:
    told = loa(served, "retention")

    assert "cu" in told
    assert "Sẽ dọn 1 mục" in " ".join(told.split())
    assert "Đánh dấu 1 mục" in " ".join(loa(served, "retention", "--now").split())
    assert as_json(served, "search", "nam cu")["items"] == []
    assert as_json(served, "search", "nam cu", "--gone")["items"][0]["id"] == "cu"
