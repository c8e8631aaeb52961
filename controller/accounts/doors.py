"""What sign-ins of one process share: who hashes passwords, who counts addresses, and where a crowd waits."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from controller.accounts.hashing import PasswordDesk, SignInBusy
from controller.accounts.keys import AccountKeys
from controller.accounts.limiting import AddressLimit, Crowd, SignInTooOften
from controller.accounts.sessions import Caller
from controller.runtime.database import Database
from controller.runtime.server import Controller


@dataclass(frozen=True, slots=True)
class Doors:
    """One of an application; `close` it at its end."""

    controller: Controller
    desk: PasswordDesk
    addresses: AddressLimit
    crowd: Crowd

    @classmethod
    def of(cls, controller: Controller) -> "Doors":
        """By the controller's settings."""
        return cls(controller, PasswordDesk(), AddressLimit(controller.settings.sign_ins_per_address_per_min), Crowd())

    @property
    def db(self) -> Database:
        """The controller's."""
        return self.controller.db

    @property
    def keys(self) -> AccountKeys:
        """The controller's."""
        return self.controller.account_keys

    @property
    def now(self) -> datetime:
        """The controller's."""
        return self.controller.clock.now()

    def close(self) -> None:
        """No password is looked at any more."""
        self.desk.close()


def doors_of(request: Request) -> Doors:
    """Of the application that answers."""
    doors: Doors = request.app.state.doors
    return doors


async def unhurried(request: Request) -> AsyncIterator[None]:
    """Dependency of every route that tries a secret: who is turned away waits a moment for the answer."""
    try:
        yield
    except (SignInBusy, SignInTooOften):
        await doors_of(request).crowd.hold()
        raise


def caller_of(request: Request) -> Caller:
    """From where and with what somebody asks."""
    address = "" if request.client is None else request.client.host
    return Caller(agent=request.headers.get("user-agent", ""), address=address)
