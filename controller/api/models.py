"""Words shared by the bodies of several routes."""

from datetime import UTC
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

IdField = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
ScopeField = Annotated[str, StringConstraints(pattern=r"^[ugd]-[a-z0-9-]{1,40}$")]
UtcField = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]
Title = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]


class Body(BaseModel):
    """A request body: an unknown field is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """An answer, read off a row."""

    model_config = ConfigDict(from_attributes=True)
