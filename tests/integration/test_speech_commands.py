"""`loa speak` against a served controller, and what the reader of receipts is told of a voice that fell back."""

import base64
import json
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
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
from tests.fakes.databases import with_schema

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
            data_dir=with_schema(folder / "data"),
            roles=frozenset({Role.API, Role.JOBS}),
            brokers=("mqtt://127.0.0.1:1",),
            speech=folder / "voices.yaml",
            host_acts_for_people=True,
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


def an_operator(client: Client) -> str:
    """Somebody who writes for the commune."""
    person = client.post("/people", {"name": "Lan", "unit_id": "xa"})["id"]
    client.post(f"/people/{person}/grants", {"role": "operator", "unit_id": "xa"})
    return str(person)


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


def test_what_a_unit_has_spoken_is_its_own_and_found_by_what_was_written(served: Client) -> None:
    text = "UBND xã mời bà con họp lúc 19h30."
    before = served.get("/units/xa/library-quota")["assets"]
    loa(served, "speak", text, "--title", "Mời họp")

    kept = json.loads(loa(served, "speak", text, "--title", "Mời họp", "--unit", "xa", "--json").stdout)

    found = served.get("/library", {"q": "ubnd 19h30", "unit": "xa"})["items"]
    assert [(one["id"], one["unit_id"], one["language"], one["origin"]) for one in found] == [
        (kept["id"], "xa", "vi", "machine")
    ]
    assert served.get("/units/xa/library-quota")["assets"] == before + 1


def test_a_bulletin_is_spoken_as_it_was_shown_and_agreed_to(served: Client) -> None:
    person = an_operator(served)
    told = ("bulletin", "new", "--unit", "xa", "--as", person, "--title", "Họp thôn")
    text = ("--text", "UBND xã họp ngày 5/9 tại nhà văn hóa XYQ.", "--speak")
    arguments = [*told, *text, "--url", served.url, "--token", TOKEN]

    declined = CliRunner().invoke(app, arguments, input="n\n")
    before = served.get("/bulletins")
    loa(served, *told, *text, given="y\n")
    made = json.loads(loa(served, *told, *text, "--yes", "--json").stdout)

    agreed = [served.get(f"/bulletins/{one['id']}") for one in served.get("/bulletins") if one["title"] == "Họp thôn"]

    assert (declined.exit_code, before) == (1, [])
    assert len(agreed) == 2
    assert agreed[0]["document"] == agreed[1]["document"] == made["document"]
    shown = " ".join(declined.stderr.split())
    assert "ủy ban nhân dân xã họp ngày năm tháng chín" in shown.lower()
    assert "! “XYQ” đọc là “" in shown
    [variant] = made["document"]["variants"]
    asset = served.get(f"/media/{variant['audio']}")
    assert variant["audio_kind"] == "machine"
    assert asset["facts"]["speech"]["reading_sha256"] == sha256(variant["reading"].encode()).hexdigest()
    assert (asset["unit_id"], asset["language"], asset["origin"]) == ("xa", "vi", "machine")
    codes = {point["code"] for point in served.get(f"/bulletins/{made['id']}/readiness")["points"]}
    assert not codes & {"text_without_sound", "reading_missing", "reading_differs", "sound_missing"}


def test_of_several_languages_those_are_spoken_that_a_machine_has(served: Client, tmp_path: Path) -> None:
    person = an_operator(served)
    file = tmp_path / "tin.yaml"
    variants = [
        {"language": "vi", "text": "Mai cắt điện."},
        {"language": "hmn", "text": "Tag kis"},
        {"language": "en", "text": "The power is off.", "reading": "The power will be off."},
    ]
    file.write_text(json.dumps({"title": "Điện", "variants": variants}), encoding="utf-8")

    result = loa(served, "bulletin", "new", "--unit", "xa", "--as", person, "--file", str(file), "--speak", "--yes")

    [row] = [one for one in served.get("/bulletins") if one["title"] == "Điện"]
    found = {one["language"]: one for one in served.get(f"/bulletins/{row['id']}")["document"]["variants"]}
    assert {language: one.get("audio_kind") for language, one in found.items()} == {
        "vi": "machine",
        "en": "machine",
        "hmn": None,
    }
    assert found["en"]["reading"] == "The power will be off."
    assert "Tiếng Mông: không có giọng máy" in " ".join(result.stderr.split())


def test_a_bulletin_does_not_silently_stay_without_the_machine_s_sound(served: Client) -> None:
    told = ["bulletin", "new", "--unit", "xa", "--as", "ai", "--title", "Họp", "--url", served.url, "--token", TOKEN]

    for wrong in (["--text", "Họp", "--machine"], ["--speak", "--asset", "x"]):
        assert CliRunner().invoke(app, [*told, *wrong]).exit_code == 2
    nothing = CliRunner().invoke(app, [*told, "--board", "Họp", "--speak"])

    assert (nothing.exit_code, "nothing_to_speak" in nothing.stderr) == (1, True)


def test_a_unit_says_how_words_are_said_and_whose_voice_it_is(served: Client) -> None:
    def shown(*arguments: str) -> str:
        return " ".join(loa(served, "speech", *arguments).stdout.split())

    none = shown("words", "xa")
    put = shown("words", "xa", "ATK & X", "a tê ca")
    usual = shown("voice", "xa")
    slower = shown("voice", "xa", "--choose", "espeak/vi-central", "--choose", "espeak/vi-gone", "--pause-ms", "700")
    loa(served, "speech", "voice", "xa", "--speed", "0.8")
    held = json.loads(loa(served, "speech", "voice", "xa", "--json").stdout)
    left = json.loads(loa(served, "speech", "words", "xa", "ATK & X", "--remove", "--json").stdout)
    back = shown("voice", "xa", "--usual")

    assert none == "Chưa có từ nào có cách đọc riêng."
    assert "ATK & X a tê ca xa" in put
    assert "Tốc độ 1, nghỉ 400 ms giữa hai câu (mặc định)" in usual
    assert "1 piper/lan" in usual
    assert "nghỉ 700 ms giữa hai câu (do xa chọn)" in slower
    assert "1 espeak/vi-central" in slower
    assert "Đã chọn nhưng hiện không có: espeak/vi-gone" in slower
    assert (held["voices"], held["speed"], held["pause_ms"]) == (["espeak/vi-central", "espeak/vi-gone"], 0.8, 700)
    assert held["order"][0]["name"] == "espeak/vi-central"
    assert left == []
    assert back == usual


@pytest.mark.parametrize(
    "wrong", [["words", "xa", "ATK"], ["words", "xa", "--remove"], ["words", "xa", "A", "b", "--remove"]]
)
def test_half_a_word_is_not_put_on_the_list(served: Client, wrong: list[str]) -> None:
    result = CliRunner().invoke(app, ["speech", *wrong, "--url", served.url, "--token", TOKEN])

    assert result.exit_code == 2
    assert served.get("/units/xa/pronunciations") == []
