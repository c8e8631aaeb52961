"""Wishes for a sound as a request gives them: in the query, or as fields of the form. What is left out is as usual."""

from dataclasses import replace
from typing import Annotated

from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from controller.api.models import Body
from controller.media import wishes
from controller.media.wishes import IntakeWishes, SoundProfile

CHIME = r"^(chime:[a-z]{1,40}|asset:[a-z0-9-]{1,40})$"


class WishFields(Body):
    """What to do with the sound beside bringing it to its loudness."""

    trim: bool | None = Field(None, description="Cut silence off both ends; breath and soft syllables stay")
    horn: bool | None = Field(None, description="Filter speech for horn loudspeakers")
    profile: SoundProfile | None = Field(None, description="speech, or music: another encoder mode, a higher rate")
    before: Annotated[str, Field(pattern=CHIME)] | None = Field(None, description="chime:opening or asset:<id>")
    after: Annotated[str, Field(pattern=CHIME)] | None = Field(None, description="chime:closing or asset:<id>")
    repeats: int | None = Field(None, ge=wishes.REPEATS[0], le=wishes.REPEATS[1])
    gap_ms: int | None = Field(None, ge=wishes.GAP_MS[0], le=wishes.GAP_MS[1], description="Silence between repeats")
    loudness_lufs: float | None = Field(None, ge=wishes.LOUDNESS_LUFS[0], le=wishes.LOUDNESS_LUFS[1])
    true_peak_dbtp: float | None = Field(None, ge=wishes.TRUE_PEAK_DBTP[0], le=wishes.TRUE_PEAK_DBTP[1])

    def on_top_of(self, usual: IntakeWishes) -> IntakeWishes:
        """The usual wishes with these.

        Raises:
            ChimeNotKnown: no chime has this name.
        """
        given = WishFields.model_fields.keys() & self.model_dump(exclude_none=True).keys()
        return replace(usual, **{name: getattr(self, name) for name in given})


def of_form(fields: dict[str, str]) -> WishFields:
    """Those of a form; what is left empty is left out, what else it has is not looked at.

    Raises:
        RequestValidationError: a field is malformed.
    """
    try:
        return WishFields.model_validate({name: fields[name] for name in WishFields.model_fields if fields.get(name)})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
