"""What the API says and is told of machine voices."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from controller.api.models import Body, IdField, LanguageField, Title, View
from controller.speech.port import MOST_BYTES, PAUSES_MS, SPEEDS

VoiceField = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}/[a-z0-9-]{1,40}$")]
SpeedField = Annotated[float, Field(ge=SPEEDS[0], le=SPEEDS[1])]
PauseField = Annotated[int, Field(ge=PAUSES_MS[0], le=PAUSES_MS[1])]
TextField = Annotated[str, Field(max_length=1_000_000)]
"""Longer than any text may be: the refusal that tells the limit is the cleaning's."""


class VoiceView(View):
    """A voice, in the order in which voices are tried; `missing`: why it cannot speak now."""

    name: str
    engine: str
    language: str
    about: str
    licence: str
    missing: str | None


class TextBody(Body):
    """A text as written; `unit` is whose pronunciations hold, `voice` who is to say it, if not the unit's own."""

    text: TextField
    unit: IdField | None = None
    language: LanguageField = "vi"
    voice: VoiceField | None = None


class NoteView(View):
    """What is read how; `doubtful`: somebody should look."""

    kind: str
    written: str
    spoken: str
    start: int
    count: int
    doubtful: bool
    vi: str
    en: str


class ChangeView(View):
    """What was taken out of a text or put right in it."""

    code: str
    count: int
    vi: str
    en: str


class ProposalView(View):
    """A reading to approve. `written` is the text it was made of; notes count their `start` in it."""

    written: str
    reading: str
    changes: list[ChangeView]
    notes: list[NoteView]


class SayBody(Body):
    """What to say: the approved `reading`, spoken as it is, or a `text`, whose reading nobody looked at.

    `voice` absent: the first of the unit's order that can speak; `speed` and `pause_ms` absent: the unit's.
    """

    reading: Annotated[str, Field(max_length=MOST_BYTES)] | None = None
    text: TextField | None = None
    unit: IdField | None = None
    language: LanguageField = "vi"
    voice: VoiceField | None = None
    speed: SpeedField | None = None
    pause_ms: PauseField | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.reading is None) == (self.text is None):
            raise ValueError("give either the approved reading or a text")
        return self


class SpeakBody(SayBody):
    """What to say, and what the sound is called; `written`: the text of the reading, which it is found by."""

    title: Title
    written: TextField = ""


class ChoiceBody(Body):
    """Voices by preference, best first; what is null is as the list of voices has it."""

    voices: Annotated[list[VoiceField], Field(max_length=50, default_factory=list)]
    speed: SpeedField | None = None
    pause_ms: PauseField | None = None


class ChoiceView(View):
    """What holds for a unit; `unit_id`: whose choice it is, null: nobody's."""

    voices: list[str]
    speed: float
    pause_ms: int
    unit_id: str | None


class PronunciationBody(Body):
    """How a word, or a few, shall be read."""

    written: Annotated[str, Field(min_length=1, max_length=100)]
    spoken: Annotated[str, Field(min_length=1, max_length=200)]


class PronunciationView(View):
    """A word as it is read; `unit_id` is whose it is: the unit's own, or that of one above."""

    unit_id: str
    written: str
    spoken: str
    made_by: str | None
    made_at: datetime
