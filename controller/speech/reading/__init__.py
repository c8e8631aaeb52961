"""How a Vietnamese text is read aloud: `read` is the door, `Reading` what comes out."""

from controller.speech.reading.reader import as_written, read
from controller.speech.reading.spoken import PAUSES_MS, Kind, Note, Pause, Phrase, Reading, Sentence
from controller.speech.reading.usage import NORTHERN, SOUTHERN, Usage

__all__ = [
    "NORTHERN",
    "PAUSES_MS",
    "SOUTHERN",
    "Kind",
    "Note",
    "Pause",
    "Phrase",
    "Reading",
    "Sentence",
    "Usage",
    "as_written",
    "read",
]
