"""Machine voices through the API: what was approved is what is heard, whoever had to speak, and what units decide."""

import asyncio
import io
import json
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from controller.media.encode import decode
from controller.media.tables import Rendition
from controller.speech import engines
from controller.speech.config import PiperVoice, SpeechConfig
from controller.speech.espeak import EspeakEngine
from controller.speech.port import Progress, Spoken, SpokenText, Voice
from controller.speech.talking import Talker
from tests.fakes import listening_child
from tests.fakes import speech_likeness as likeness
from tests.fakes.job_house import ASYNC, House, housed
from tests.fakes.running_controller import eventually

SENTENCES = (
    (Path(__file__).parents[1] / "vectors" / "speech" / "sentences.txt").read_text(encoding="utf-8").splitlines()
)
TEXT = "UBND xã thông báo: 17h30 ngày 21/11/2026, mực nước sông Thao vượt báo động III. Bà con gọi 0912 345 678."


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


def speaking_through(house: House, module: str) -> Path:
    """Put another child in espeak's place; gives the folder of its ear."""
    ear = house.controller.settings.data_dir / listening_child.HEARD
    ear.mkdir()
    house.controller.speech.engines["espeak"] = EspeakEngine(Talker(module))  # type: ignore[index]
    return ear


async def decoded(house: House, asset_id: str) -> likeness.Signal:
    """The Opus of a sound, as devices hear it, at 16 kHz."""
    async with house.controller.db.reading() as session:
        query = select(Rendition.sha256).where(Rendition.asset_id == asset_id, Rendition.codec == "opus")
        sha256 = (await session.scalars(query)).one()
    sound = np.concatenate(await asyncio.to_thread(lambda: list(decode(house.controller.objects.path(sha256)))))
    return likeness.resampled(sound.astype(np.float64), 48_000)


def spoken_apart(folder: Path) -> list[likeness.Signal]:
    """The sentences, by plain espeak-ng, in a process that knows nothing of ours."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.fakes.raw_espeak", "vi", "160"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, cwd=folder, env=environment, input="\n".join(SENTENCES).encode(), check=True, timeout=60)
    return [likeness.read(folder / f"{number}.wav") for number in range(len(SENTENCES))]


async def test_what_is_heard_in_the_end_is_the_approved_sentence_and_no_other(
    house: House, tell: Callable[[str], None]
) -> None:
    wanted = 1
    answer = await house.api.post("/speech", json={"title": "Lũ", "reading": SENTENCES[wanted]})
    made = answer.json()
    assert answer.status_code == 201, made
    apart = await asyncio.to_thread(spoken_apart, house.folder / "apart")
    heard = await decoded(house, made["id"])

    features = [likeness.features(sound) for sound in apart]
    own = likeness.features(heard)
    distances = [likeness.distance(own, other) for other in features]

    nearest_other = min(distance for number, distance in enumerate(distances) if number != wanted)
    assert distances[wanted] < nearest_other
    assert distances[wanted] < 0.7 * nearest_other, "clearly, not by chance"
    tell(
        f"MFCC/DTW: the asset to its own sentence {distances[wanted]:.2f}, to the nearest of {len(apart) - 1} others"
        f" {nearest_other:.2f}"
    )
    first, last = (edge_distance(heard, apart[wanted], edge) for edge in ("first", "last"))
    assert max(first, last) < 0.8 * nearest_other, "the first word and the tail are there"
    assert abs(sounding_s(heard) - sounding_s(apart[wanted])) < 0.06, "and nothing of them was trimmed"


def sounding_s(sound: likeness.Signal) -> float:
    """From the first to the last that is louder than a thirtieth of the loudest."""
    loud = np.flatnonzero(np.abs(sound) > 0.03 * np.abs(sound).max())
    return float(loud[-1] - loud[0]) / likeness.RATE_HZ


def edge_distance(heard: likeness.Signal, apart: likeness.Signal, edge: str) -> float:
    """How far the first or the last 0.6 s of what sounds are from each other."""
    cut = []
    for sound in (heard, apart):
        loud = np.flatnonzero(np.abs(sound) > 0.03 * np.abs(sound).max())
        span = sound[loud[0] : loud[-1] + 1]
        length = int(0.6 * likeness.RATE_HZ)
        cut.append(likeness.features(span[:length] if edge == "first" else span[-length:]))
    return likeness.distance(*cut)


async def test_the_engine_is_given_the_reading_that_was_approved(house: House) -> None:
    ear = speaking_through(house, "tests.fakes.listening_child")
    proposed = (await house.api.post("/speech/readings", json={"text": TEXT})).json()
    approved = proposed["reading"].replace("Bà con", "Bà con nào cần giúp thì")

    corrected = await house.api.post("/speech/preview", json={"reading": approved})
    unseen = await house.api.post("/speech/preview", json={"text": TEXT})

    assert (corrected.status_code, unseen.status_code) == (200, 200)
    assert (ear / "0.stdin").read_bytes() == approved.encode() != proposed["reading"].encode()
    assert (ear / "1.stdin").read_bytes() == proposed["reading"].encode()
    assert not any(sign.isdigit() for sign in proposed["reading"])
    assert "ủy ban nhân dân xã" in proposed["reading"].lower()
    assert proposed["notes"]


async def test_markup_in_a_text_is_taken_out_and_told_before_anybody_speaks(house: House) -> None:
    ear = speaking_through(house, "tests.fakes.listening_child")
    text = '<speak>Bà con <break time="9s"/>chú ý</speak> &lt;prosody rate="200%"&gt;đi ngay'

    proposed = (await house.api.post("/speech/readings", json={"text": text})).json()
    await house.api.post("/speech/preview", json={"text": text})
    refused = await house.api.post("/speech/preview", json={"reading": text})

    assert "markup" in {change["code"] for change in proposed["changes"]}
    assert (ear / "0.stdin").read_text(encoding="utf-8") == proposed["reading"]
    assert not any(sign in proposed["reading"] for sign in "<>&")
    assert (refused.status_code, refused.json()["code"]) == (422, "reading_refused")
    assert len(list(ear.glob("*.stdin"))) == 1, "what was approved is spoken as it is, or not at all"


async def test_a_preview_is_heard_at_once_and_kept_nowhere(house: House) -> None:
    answer = await house.api.post(
        "/speech/preview", json={"reading": "Xin chào bà con", "voice": "espeak/vi-south", "speed": 1.5}
    )

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/wav")
    assert answer.headers["X-Loa-Voice"] == "espeak/vi-south"
    assert "X-Loa-Fell-Back" not in answer.headers
    with wave.open(io.BytesIO(answer.content)) as opened:
        assert 0.4 < opened.getnframes() / opened.getframerate() < 3
    assert (await house.api.get("/jobs")).json() == []
    assert await house.assets() == []
    assert list((house.controller.settings.data_dir / "previews").iterdir()) == []


def with_lost_voice(house: House) -> None:
    """A Piper voice, preferred by all, whose file was exchanged."""
    model = house.folder / "lan.onnx"
    model.write_bytes(b"another")
    (house.folder / "lan.onnx.json").write_text(
        json.dumps({"audio": {"sample_rate": 22_050}, "phoneme_id_map": {"_": [0], "a": [1]}})
    )
    lan = PiperVoice(name="lan", model=str(model), sha256="0" * 64, licence="CC0")
    registry = engines.made_of(SpeechConfig(order=("piper/lan",), piper=(lan,)), [])
    house.controller.speech.engines.update(registry.engines)  # type: ignore[attr-defined]
    object.__setattr__(house.controller.speech, "config", registry.config)


async def test_the_same_reading_is_the_same_sound_unless_another_voice_had_to_speak(house: House) -> None:
    ear = speaking_through(house, "tests.fakes.listening_child")
    body = {"title": "Họp", "reading": "Mời bà con đi họp"}
    first = await house.api.post("/speech", json=body, headers={"Idempotency-Key": "k"})
    replayed = await house.api.post("/speech", json=body, headers={"Idempotency-Key": "k"})
    again = await house.api.post("/speech", json={**body, "title": "Khác"})
    with_lost_voice(house)

    fallen = (await house.api.post("/speech", json=body)).json()
    preview = await house.api.post("/speech/preview", json={"reading": "Mời bà con đi họp"})

    assert first.json()["id"] == replayed.json()["id"] == again.json()["id"] != fallen["id"]
    assert first.headers["Location"] == replayed.headers["Location"] != again.headers["Location"]
    assert {path.read_bytes() for path in ear.glob("*.stdin")} == {"Mời bà con đi họp".encode()}
    made = first.json()["facts"]["speech"]
    assert (made["engine"], made["voice"], made["wanted"]) == ("espeak", "espeak/vi", "espeak/vi")
    assert (made["fell_back"], made["characters"]) == (None, 17)
    facts = fallen["facts"]["speech"]
    assert (facts["voice"], facts["wanted"]) == ("espeak/vi", "piper/lan")
    assert facts["fell_back_code"] == "voice_file_unusable"
    assert "SHA-256" in facts["fell_back"]
    assert preview.headers["X-Loa-Fell-Back"] == "voice_file_unusable"


async def test_a_long_reading_tells_its_progress_and_can_be_cancelled(house: House) -> None:
    speaking_through(house, "tests.fakes.hanging_child")
    answer = await house.api.post("/speech", json={"title": "Dài", "reading": "Bà con. " * 4_000}, headers=ASYNC)
    job_id = answer.json()["id"]

    async def started() -> bool:
        return bool(await asyncio.to_thread(list, house.controller.settings.data_dir.glob("intake/*/speak/*/sign")))

    await eventually(started, "the child runs", 20)
    cancelled = await house.api.delete(f"/jobs/{job_id}")

    assert answer.status_code == 202
    assert cancelled.json()["state"] == "cancelled"
    assert cancelled.json()["kind"] == "speak"
    assert await house.assets() == []
    await house.clean()


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("/speech", {"reading": "A", "voice": "espeak/none"}, 404, "voice_unknown"),
    ("/speech", {"reading": "A", "language": "hmn"}, 422, "language_unspoken"),
    ("/speech", {"reading": "A", "unit": "khong-co"}, 404, "unit_unknown"),
    ("/speech", {"reading": "ấ" * 30_000}, 413, "reading_too_long"),
    ("/speech", {"reading": " "}, 422, "text_empty"),
    ("/speech", {"text": "a" * 100_000}, 422, "text_too_long"),
    ("/speech", {"text": "a", "reading": "a"}, 422, "request_invalid"),
    ("/speech", {}, 422, "request_invalid"),
    ("/speech", {"reading": "a", "speed": 9}, 422, "request_invalid"),
    ("/speech/preview", {"reading": "a" * 501}, 413, "reading_too_long"),
    ("/speech/readings", {"text": "\u200b"}, 422, "text_empty"),
]


async def test_what_cannot_be_spoken_is_refused_before_it_is_a_job(house: House) -> None:
    title = {"/speech": {"title": "T"}}

    answers = [await house.api.post(path, json={**title.get(path, {}), **body}) for path, body, _, _ in REFUSED]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [told[2:] for told in REFUSED]
    assert (await house.api.get("/jobs")).json() == []


async def furnish(house: House) -> None:
    for unit, parent in (("tinh", None), ("xa", "tinh"), ("thon", "xa")):
        body = {"id": unit, "name": unit, "kind": "commune", "parent_id": parent}
        assert (await house.api.post("/units", json=body)).status_code == 201


async def test_the_nearest_unit_decides_whose_voice_it_is(house: House) -> None:
    await furnish(house)
    chosen = {"voices": ["espeak/vi-south", "piper/away"], "speed": 0.8, "pause_ms": None}

    before = (await house.api.get("/units/thon/speech")).json()
    put = await house.api.put("/units/xa/speech", json=chosen)
    voices = (await house.api.get("/speech/voices", params={"unit": "thon", "language": "vi"})).json()
    preview = await house.api.post("/speech/preview", json={"reading": "Xin chào", "unit": "thon"})
    after = (await house.api.delete("/units/xa/speech")).json()

    assert before == {"voices": [], "speed": 1.0, "pause_ms": 400, "unit_id": None} == after
    assert put.json() == {"voices": chosen["voices"], "speed": 0.8, "pause_ms": 400, "unit_id": "xa"}
    assert [voice["name"] for voice in voices] == ["espeak/vi-south", "espeak/vi", "espeak/vi-central"]
    assert preview.headers["X-Loa-Voice"] == "espeak/vi-south"


async def test_numbers_are_read_in_the_words_of_the_voice(house: House) -> None:
    await furnish(house)
    await house.api.put("/units/xa/speech", json={"voices": ["espeak/vi-south"]})
    asked = ({"unit": "tinh"}, {"unit": "thon"}, {"unit": "thon", "voice": "espeak/vi"})

    answers = [await house.api.post("/speech/readings", json={"text": "Thu 2.105 đồng.", **body}) for body in asked]

    assert [answer.json()["reading"] for answer in answers] == [
        "Thu hai nghìn một trăm linh năm đồng.",
        "Thu hai ngàn một trăm lẻ năm đồng.",
        "Thu hai nghìn một trăm linh năm đồng.",
    ]


async def test_a_units_words_are_read_as_it_says(house: House) -> None:
    await furnish(house)
    words = [("tinh", "ATK", "a tê ca"), ("tinh", "Nậm Pồ", "nậm pồ"), ("thon", "ATK", "át ca")]

    answers = [
        await house.api.put(f"/units/{unit}/pronunciations", json={"written": written, "spoken": spoken})
        for unit, written, spoken in words
    ]
    readings = [
        (await house.api.post("/speech/readings", json={"text": "Khu ATK mở cửa.", "unit": unit})).json()["reading"]
        for unit in ("thon", "xa")
    ]
    held = (await house.api.get("/units/thon/pronunciations")).json()
    left = await house.api.request("DELETE", "/units/thon/pronunciations", params={"written": "ATK"})
    gone = await house.api.request("DELETE", "/units/thon/pronunciations", params={"written": "ATK"})

    assert [answer.status_code for answer in answers] == [200] * 3
    assert readings == ["Khu át ca mở cửa.", "Khu a tê ca mở cửa."]
    assert [(row["written"], row["spoken"], row["unit_id"]) for row in held] == [
        ("ATK", "át ca", "thon"),
        ("Nậm Pồ", "nậm pồ", "tinh"),
    ]
    assert [row["spoken"] for row in left.json()] == ["a tê ca", "nậm pồ"]
    assert (gone.status_code, gone.json()["code"]) == (404, "pronunciation_unknown")


async def test_a_list_of_voices_is_read_at_the_start(tmp_path: Path) -> None:
    listed = tmp_path / "voices.yaml"
    listed.write_text("order: [espeak/vi-central]\nspeed: 0.8\n")

    async with housed(tmp_path, speech=listed) as house:
        voices = (await house.api.get("/speech/voices", params={"language": "vi"})).json()
        everything = (await house.api.get("/speech/voices")).json()

    assert voices[0]["name"] == "espeak/vi-central"
    assert {voice["name"] for voice in everything} >= {"espeak/vi", "espeak/en"}


def rough(path: Path) -> Path:
    """A sound with what intake finds of recordings: clipped, off its centre line, and 6 s of silence inside."""
    tone = np.clip(3 * np.sin(np.arange(2 * 48_000) * 2 * np.pi * 440 / 48_000) + 0.2, -1, 1)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((32_767 * np.concatenate([tone, np.zeros(6 * 48_000), tone])).astype("<i2").tobytes())
    return path


class RoughEngine(EspeakEngine):
    """A voice that sounds so, whatever it is given."""

    async def speak(self, spoken: SpokenText, voice: Voice, folder: Path, progress: Progress) -> Spoken:
        progress(1.0)
        path = await asyncio.to_thread(rough, folder / "speech.wav")
        return Spoken(path, 10_000, {"version": voice.name, "sentences": len(spoken.text)})


async def test_nobody_is_told_to_hold_a_machine_s_microphone_further_away(house: House) -> None:
    house.controller.speech.engines["espeak"] = RoughEngine()  # type: ignore[index]

    usual = (await house.api.post("/speech", json={"title": "A", "reading": "Một. Hai."})).json()
    asked = (await house.api.post("/speech", json={"title": "B", "reading": "Một. Hai.", "pause_ms": 5000})).json()
    sent = await house.hand_in(await asyncio.to_thread(rough, house.folder / "thu.wav"))

    assert {one["code"] for one in sent.json()["findings"]} >= {"clipped", "dc_offset_removed", "silence_inside"}
    assert {one["code"] for one in usual["findings"]} == {"voice_clipped", "voice_silent"}
    assert [one["code"] for one in asked["findings"]] == ["voice_clipped"], "the pause is as long as it was asked for"
    told = " ".join(one["vi"] for one in usual["findings"])
    assert "giọng máy" in told
    assert not any(word in told for word in ("micrô", "thu lại", "bản ghi"))


WRONG_WORDS = [
    ("x<y>", "ích"),
    ("ATK\u200b", "a tê ca"),
    ("<b>ATK</b>", "a tê ca"),
    ("một\nhai", "ba"),
    ("!!", "ba"),
    ("ATK", "123 !!"),
    ("ATK", "a 3"),
    ("ATK", "!!"),
    ("ATK", "a tê\nca"),
    ("ATK", "<i>a</i>"),
]


async def test_a_pronunciation_is_a_word_and_how_it_is_said_or_nothing(house: House) -> None:
    await furnish(house)

    answers = [
        await house.api.put("/units/xa/pronunciations", json={"written": written, "spoken": spoken})
        for written, spoken in WRONG_WORDS
    ]
    right = [("86/KH", "tám mươi sáu, kế hoạch"), ("Na\u0323m  Pồ", "nạm pồ"), ("Y-a-ly", "i-a-li"), ("K'Ho", "cơ ho")]
    for written, spoken in right:
        assert (
            await house.api.put("/units/xa/pronunciations", json={"written": written, "spoken": spoken})
        ).status_code == 200, written

    told = [(one.status_code, one.json()["code"]) for one in answers]
    assert told == [(422, "reading_refused")] * len(WRONG_WORDS)
    assert all(one.json()["details"]["vi"] for one in answers)
    held = [row["written"] for row in (await house.api.get("/units/xa/pronunciations")).json()]
    assert held == sorted(["86/KH", "Nạm Pồ", "Y-a-ly", "K'Ho"])
