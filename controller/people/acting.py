"""Who acts in a request, until people sign in: whoever holds the token says it in a header and is trusted with it.

Without the header the token itself acts, as nobody in particular; what needs a person's name refuses that.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession

from controller.people import store
from controller.runtime.database import Database
from loa_protocol.errors import LoaError

HEADER = "X-Loa-Person"


class PersonUnknown(LoaError):
    """The person a request acts for does not exist, or has left."""

    code = "person_unknown"


class PersonNeeded(LoaError):
    """A step needs somebody who answers for it."""

    code = "person_needed"


class Via(StrEnum):
    """By what somebody acts."""

    HOST = "host"
    """The token of whoever runs the controller, kept on its machine."""
    SESSION = "session"
    """Signed in."""
    TOKEN = "token"  # noqa: S105 - a word, no secret
    """The token of an integration."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, or nobody in particular (`person_id` None), which only the host's token may.

    `strong`: with two factors; `proved_at`: when they last proved to be who they are; `credential_id`: the session or
    token by which they act.
    """

    person_id: str | None
    name: str
    via: Via = Via.HOST
    strong: bool = True
    proved_at: datetime | None = None
    credential_id: str | None = None

    @property
    def everywhere(self) -> bool:
        """Whether whoever runs the controller acts, who may do all of it."""
        return self.person_id is None and self.via is Via.HOST

    def require_person(self) -> str:
        """The person's id.

        Raises:
            PersonNeeded: nobody in particular acts.
        """
        if self.person_id is None:
            raise PersonNeeded(
                f"this needs somebody who answers for it; name a person in the header {HEADER}",
                vi=f"việc này cần ghi rõ ai làm: thêm “--as <mã người>” (hoặc LOA_PERSON; qua API: {HEADER})",
            )
        return self.person_id


TOKEN = Actor(None, "token")


async def of_header(session: AsyncSession, person_id: str | None) -> Actor:
    """The actor that a header names.

    Raises:
        PersonUnknown: nobody who works here.
    """
    if person_id is None:
        return TOKEN
    person = await store.find(session, person_id)
    if person is None or person.retired_at is not None:
        raise PersonUnknown(f"{person_id} in {HEADER} is nobody who works here; list the people", person=person_id)
    return Actor(person.id, person.name)


async def _acting(request: Request, person: Annotated[str | None, Header(alias=HEADER)] = None) -> Actor:
    """In the transaction of the request where it has one."""
    session: AsyncSession | None = getattr(request.state, "session", None)
    if session is not None:
        return await of_header(session, person)
    db: Database = request.app.state.controller.db  # not `TheController`: what runs below the API uses actors, too
    async with db.reading() as reading:
        return await of_header(reading, person)


Acting = Annotated[Actor, Depends(_acting, scope="function")]
