"""`loa speak` against a served controller, and what the reader of receipts is told of a voice that fell back."""

import base64
import json
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.client import Client
from loa_cli.commands import app
from loa_protocol.keys import Ed25519Signer
from tests.acceptance.rig import free_port

TOKEN = "bi-mat"  # noqa: S105 - of this test alone
VOICES = """
order: [piper/lan, espeak/vi-south]
piper:
  - name: lan
    model: lan.onnx
    sha256: "0000000000000000000000000000000000000000000000000000000000000000"
    licence: CC0
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A controller that answers and does jobs; its preferred voice is not the one that was written down."""
    folder, port, ready, end = tmp_path_factory.mktemp("served"), free_port(), Event(), []
    (folder / "voices.yaml").write_text(VOICES)
    (folder / "lan.onnx").write_bytes(b"another")
    (folder / "lan.onnx.json").write_text('{"audio": {"sample_rate": 22050}, "phoneme_id_map": {"_": [0], "a": [1]}}')

    class Told(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    def serve() -> None:
        settings = Settings(
            data_dir=folder / "data",
            roles=frozenset({Role.API, Role.JOBS}),
            brokers=("mqtt://127.0.0.1:1",),
            speech=folder / "voices.yaml",
        )
        config = uvicorn.Config(
            create_app(Controller(settings), TOKEN), host="127.0.0.1", port=port, log_level="warning", ws="none"
        )
        end.append(Told(config))
        end[0].run()

    thread = Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    client = Client(f"http://127.0.0.1:{port}", TOKEN)
    client.post("/units", {"id": "xa", "name": "Xã An Bình", "kind": "commune"})
    key = base64.b64encode(Ed25519Signer.generate("loa-1").public_raw).decode()
    client.post("/devices", {"id": "loa-1", "name": "Loa 1", "kind": "speaker", "unit_id": "xa", "public_key": key})
    yield client
    client.close()
    end[0].should_exit = True
    thread.join(20)


def loa(client: Client, *arguments: str, given: str | None = None) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--url", client.url, "--token", TOKEN], input=given)
    assert result.exit_code == 0, result.output
    return result


def test_a_text_is_shown_as_it_would_be_read(served: Client) -> None:
    said = loa(served, "speak", "UBND xã họp lúc 7h30.").stdout

    assert " ".join(said.split()) == served.post("/speech/readings", {"text": "UBND xã họp lúc 7h30."})["reading"]
    assert said.lower().startswith("ủy ban nhân dân xã họp")


def test_a_preview_is_written_to_a_file_and_tells_whose_voice_it_is(served: Client, tmp_path: Path) -> None:
    target = tmp_path / "thu.wav"

    wanted = loa(served, "speak", "Xin chào bà con", "-o", str(target), "--voice", "espeak/vi", "--speed", "1.5")
    usual = loa(served, "speak", "Xin chào bà con", "-o", str(tmp_path / "thuong.wav"), "--as-is")

    with wave.open(str(target)) as opened:
        assert opened.getnframes() > opened.getframerate() // 2
    assert "espeak/vi:" in wanted.stderr
    assert "espeak/vi-south" in usual.stderr
    assert "voice_file_unusable" in usual.stderr


def test_whoever_reads_receipts_is_told_that_another_voice_had_to_speak(served: Client) -> None:
    kept = json.loads(loa(served, "speak", "-", "--title", "Tin lũ", "--json", given="Nước lên nhanh.\n").stdout)
    start = datetime.now(UTC) + timedelta(hours=1)
    made = served.post(
        "/broadcasts", {"title": "Lũ", "to": ["u-xa"], "asset_id": kept["id"], "at": start.isoformat(), "repeats": 20}
    )

    detail = served.get(f"/broadcasts/{made['id']}")
    ledger = loa(served, "ledger", made["id"]).stdout
    explained = loa(served, "explain", "loa-1", (start + timedelta(seconds=2)).isoformat()).stdout

    assert kept["facts"]["speech"]["fell_back_code"] == "voice_file_unusable"
    [mark] = detail["machine_speech"]
    assert (mark["asset_id"], mark["voice"], mark["wanted"], mark["fell_back"]) == (
        kept["id"],
        "espeak/vi-south",
        "piper/lan",
        "voice_file_unusable",
    )
    assert mark["vi"].startswith("“Tin lũ”: giọng máy espeak/vi-south, thay cho piper/lan (voice_file_unusable: ")
    for shown in (ledger, explained):
        assert "giọng máy espeak/vi-south, thay cho piper/lan" in " ".join(shown.split())


def test_people_who_speak_themselves_carry_no_mark(served: Client) -> None:
    start = datetime.now(UTC) + timedelta(hours=2)
    made = served.post("/broadcasts", {"title": "Chữ", "to": ["u-xa"], "board_text": "Họp", "at": start.isoformat()})

    assert served.get(f"/broadcasts/{made['id']}")["machine_speech"] == []
