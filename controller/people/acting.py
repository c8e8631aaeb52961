"""Who acts in a request, and by what: signed in, by a token of an integration, or by the host's own token.

The host's token acts as nobody in particular; what needs a person's name refuses that. `accounts.authentication` finds
out who it is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request

from loa_protocol.errors import LoaError

HEADER = "X-Loa-Person"
"""In it whoever holds the host's token says for whom they act, where `host_acts_for_people` is set."""
RECENT = timedelta(minutes=10)


class PersonUnknown(LoaError):
    """The person a request acts for does not exist, or has left."""

    code = "person_unknown"


class PersonNeeded(LoaError):
    """A step needs somebody who answers for it."""

    code = "person_needed"


class ProofNeeded(LoaError):
    """A step needs somebody who has proved who they are a moment ago."""

    code = "proof_needed"


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
    token by which they act; `given_by`: roles given later are none of that token's.
    """

    person_id: str | None
    name: str
    via: Via = Via.HOST
    strong: bool = True
    proved_at: datetime | None = None
    credential_id: str | None = None
    given_by: datetime | None = None

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

    def require_recent(self, now: datetime, within: timedelta = RECENT) -> None:
        """Go on only if they proved who they are so recently; an integration never did, the host need not.

        Raises:
            ProofNeeded: they did not.
        """
        if self.via is Via.HOST:
            return
        if self.proved_at is None or self.proved_at + within <= now:
            raise ProofNeeded(
                "this needs a fresh proof of who you are; give your password, code or passkey again",
                vi="việc này cần xác nhận lại chính bạn; hãy nhập lại mật khẩu, mã xác thực hoặc dùng khóa truy cập",
            )


TOKEN = Actor(None, "token")


async def _acting(request: Request) -> Actor:
    """Whom `accounts.authentication` has found to act in this request."""
    actor: Actor = request.state.actor
    return actor


Acting = Annotated[Actor, Depends(_acting, scope="function")]
"""Who acts in a request."""
