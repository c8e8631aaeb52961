"""Words shared by the bodies of several routes."""

from datetime import UTC
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator

IdField = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
ScopeField = Annotated[str, StringConstraints(pattern=r"^[ugd]-[a-z0-9-]{1,40}$")]
UtcField = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]
Title = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class Body(BaseModel):
    """A request body: an unknown field is a mistake worth telling; no text holds NUL, which PostgreSQL cannot store."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_nul(cls, given: Any) -> Any:
        try:
            refused = _holds_nul(given)
        except RecursionError as error:
            raise ValueError("the body is nested too deeply") from error
        if refused:
            raise ValueError("a text holds the character NUL; remove it")
        return given


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\x00" in value


class View(BaseModel):
    """An answer, read off a row."""

    model_config = ConfigDict(from_attributes=True)
