"""Words shared by the bodies of several routes."""

from datetime import UTC, date
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from controller.runtime.years import FIRST_YEAR, LAST_YEAR, is_known
from loa_protocol.lines import ORDERS


def _each_once(languages: list[str]) -> list[str]:
    if len(set(languages)) < len(languages):
        raise ValueError("a language is named twice; name each once, in the order in which they are spoken")
    return languages


def _without_controls(title: str) -> str:
    """Names and titles stand in lists, in logs and on terminals: none of them gives orders there."""
    if ORDERS.search(title) or not {"\n", "\t"}.isdisjoint(title):
        raise ValueError("a name or title is one line without control characters or marks that turn its direction")
    return title


def _of_our_time(value: date) -> date:
    """Calendars end; what is reckoned from a day or an instant of these years stays within them."""
    if not is_known(value):
        raise ValueError(f"the years from {FIRST_YEAR} to {LAST_YEAR} are known; leave out what has no end")
    return value


IdField = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
ScopeField = Annotated[str, StringConstraints(pattern=r"^[ugd]-[a-z0-9-]{1,40}$")]
DayField = Annotated[date, AfterValidator(_of_our_time)]
UtcField = Annotated[AwareDatetime, AfterValidator(_of_our_time), AfterValidator(lambda value: value.astimezone(UTC))]
LanguageField = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=20)]
LanguagesField = Annotated[list[LanguageField], Field(max_length=10), AfterValidator(_each_once)]
VariantsField = Annotated[dict[LanguageField, IdField], Field(max_length=20)]
Title = Annotated[
    str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True), AfterValidator(_without_controls)
]


class Body(BaseModel):
    """A request body: an unknown field is a mistake worth telling; no text holds what a database cannot store.

    That is NUL, on PostgreSQL, and half a character (a lone surrogate), anywhere.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable(cls, given: Any) -> Any:
        try:
            refused = _holds_unstorable(given)
        except RecursionError as error:
            raise ValueError("the body is nested too deeply") from error
        if refused:
            raise ValueError("a text holds the character NUL or half a character; remove it")
        return given


def _holds_unstorable(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_unstorable(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_holds_unstorable, value))
    return isinstance(value, str) and ("\x00" in value or not _whole(value))


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class View(BaseModel):
    """An answer, read off a row."""

    model_config = ConfigDict(from_attributes=True)
