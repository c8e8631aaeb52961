"""The process in which espeak-ng speaks: `python -m controller.speech.espeak_child ORDER`, one reading, then gone."""

from pathlib import Path

from controller.media.progress import Steps
from controller.speech.child import FILE_NAME, Writer, each, run, said
from controller.speech.messages import EspeakOrder, Said
from controller.speech.rules import pieces

WORDS_A_MINUTE = 160
"""Of a Vietnamese announcer on a horn; a word is a syllable here."""
_FASTEST, _SLOWEST = 450, 80


def speak(order: EspeakOrder, reading: str, steps: Steps) -> Said:
    """Speak it in the current folder.

    Raises:
        EngineFailed: espeak-ng refused.
    """
    from controller.speech.espeak_library import Espeak  # noqa: PLC0415  # what answers a refusal needs no library

    engine = Espeak(Path())
    engine.choose(order.voice)
    engine.pace(max(_SLOWEST, min(_FASTEST, round(WORDS_A_MINUTE * order.speed))))
    parts = pieces(reading, order.pause_ms)
    writer = Writer(Path(FILE_NAME), engine.rate_hz)
    for piece in each(parts, len(parts), steps):
        engine.speak(piece.text, writer.add)
        writer.rest(piece.pause_ms)
    return said(writer, len(parts), engine.version)


if __name__ == "__main__":
    run(EspeakOrder, speak)
