"""What browsers answer, as `PublicKeyCredential.toJSON()` writes it. Fields that we do not use are not looked at."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from controller.accounts.encoded import decoded
from controller.api.models import Body

_LONGEST_ID = 1364
"""Characters of the 1,023 bytes that the standard allows."""
_LONGEST = 65_536
_SPELLING = r"^[A-Za-z0-9_-]*$"


def _bytes(given: object) -> object:
    return decoded(given) if isinstance(given, str) else given


def _field(longest: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": _SPELLING, "maxLength": longest})


_ID = Field(min_length=1, max_length=_LONGEST_ID * 3 // 4)
Id = Annotated[bytes, BeforeValidator(_bytes), _ID, _field(_LONGEST_ID)]
Bytes = Annotated[bytes, BeforeValidator(_bytes), Field(max_length=_LONGEST * 3 // 4), _field(_LONGEST)]
Transport = Annotated[str, Field(pattern=r"^[a-z-]{1,20}$")]


class _Credential(Body):
    model_config = ConfigDict(extra="ignore")

    id: Id
    raw_id: Id = Field(alias="rawId")
    type: Literal["public-key"]


class AttestationResponse(Body):
    """Of `navigator.credentials.create()`."""

    model_config = ConfigDict(extra="ignore")

    client_data: Bytes = Field(alias="clientDataJSON")
    attestation: Bytes = Field(alias="attestationObject")
    transports: Annotated[list[Transport], Field(max_length=10)] = []  # noqa: RUF012 - pydantic copies it


class Registration(_Credential):
    """A new passkey."""

    response: AttestationResponse


class AssertionResponse(Body):
    """Of `navigator.credentials.get()`."""

    model_config = ConfigDict(extra="ignore")

    client_data: Bytes = Field(alias="clientDataJSON")
    data: Bytes = Field(alias="authenticatorData")
    signature: Bytes
    handle: Bytes | None = Field(default=None, alias="userHandle")


class Assertion(_Credential):
    """A proof with a passkey."""

    response: AssertionResponse
