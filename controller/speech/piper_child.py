"""The process in which a Piper voice speaks: `python -m controller.speech.piper_child ORDER`, one reading, then gone.

espeak-ng turns the reading into sounds of the language, sherpa-onnx turns those into a voice.
"""

import array
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from controller.media.progress import Steps
from controller.speech.child import FILE_NAME, Writer, each, run, said
from controller.speech.errors import EngineFailed, VoiceFileUnusable
from controller.speech.messages import PiperOrder, Said
from controller.speech.piper_voice import (
    MODEL,
    TOKENS,
    PiperConfig,
    clauses,
    codepoints,
    make_ready,
    read_config,
    without_switches,
)
from controller.speech.rules import pieces

MOST_CHARACTERS = 250
"""Of a piece: the memory of such a voice grows with the square of it."""
_FULL_SCALE = 32_767

Phonemise = Callable[[str], str]


def speak(order: PiperOrder, reading: str, steps: Steps) -> Said:
    """Speak it in the current folder.

    Raises:
        EngineFailed, VoiceFileUnusable: it cannot.
    """
    import sherpa_onnx  # noqa: PLC0415  # what answers a refusal needs no library

    config = read_config(Path(order.config))
    if order.speaker >= config.num_speakers:
        raise VoiceFileUnusable(f"the voice has {config.num_speakers} speakers, none is number {order.speaker}")
    make_ready(Path(order.model), order.sha256, config, Path())
    phonemise, voice = _phonemiser(config), _loaded(sherpa_onnx, config)
    parts, skipped = pieces(reading, order.pause_ms, MOST_CHARACTERS), 0
    writer = Writer(Path(FILE_NAME), config.audio.sample_rate)
    for piece in each(parts, len(parts), steps):
        sounds, unknown = codepoints(phonemise(piece.text), config)
        skipped += unknown
        how = sherpa_onnx.GenerationConfig()
        how.sid, how.speed, how.phoneme_codepoints = order.speaker, order.speed, [sounds]
        if sounds:
            writer.add(_pcm(voice.generate("", how)))
        writer.rest(piece.pause_ms)
    return said(writer, len(parts), f"sherpa-onnx {sherpa_onnx.__version__}", skipped)


def _phonemiser(config: PiperConfig) -> Phonemise:
    """How a piece becomes sounds; voices of type `text` take the letters themselves."""
    if config.phoneme_type == "text":
        return lambda text: text
    if config.phoneme_type != "espeak":
        raise VoiceFileUnusable(f"the voice needs a phonemiser “{config.phoneme_type}”; take one for espeak or text")
    from controller.speech.espeak_library import Espeak  # noqa: PLC0415  # only where it is needed

    engine = Espeak(Path())
    engine.choose(config.espeak.voice)

    def phonemise(text: str) -> str:
        found = [(" ".join(engine.phonemes(words)), sign) for words, sign in clauses(text)]
        return " ".join(without_switches(sounds) + sign for sounds, sign in found)

    return phonemise


def _loaded(sherpa_onnx: Any, config: PiperConfig) -> Any:
    vits = sherpa_onnx.OfflineTtsVitsModelConfig(
        model=MODEL,
        tokens=TOKENS,
        noise_scale=config.inference.noise_scale,
        noise_scale_w=config.inference.noise_w,
        length_scale=config.inference.length_scale,
    )
    model = sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=1, provider="cpu")
    wanted = sherpa_onnx.OfflineTtsConfig(model=model, max_num_sentences=1)
    if not wanted.validate():
        raise VoiceFileUnusable("sherpa-onnx cannot use the voice; is it a Piper voice?")
    try:
        return sherpa_onnx.OfflineTts(wanted)
    except (RuntimeError, ValueError) as error:
        raise VoiceFileUnusable(f"sherpa-onnx cannot load the voice ({error})") from error


def _pcm(made: Any) -> bytes:
    if not made.sample_rate:
        raise EngineFailed("the voice made no sound of a sentence")
    samples = array.array("h", (round(_FULL_SCALE * max(-1.0, min(1.0, sample))) for sample in made.samples))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


if __name__ == "__main__":
    run(PiperOrder, speak)
