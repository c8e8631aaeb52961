"""A controller that people sign in to: its API in the test's own loop, a clock that a test moves, browsers, codes."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pyotp
from argon2 import PasswordHasher
from fastapi import FastAPI

from controller.accounts import (
    authenticators,
    codes,
    csrf,
    hashing,
    inviting,
    password_rules,
    passwords,
    sessions,
    setting_up,
)
from controller.accounts.doors import Doors
from controller.accounts.inviting import Kind
from controller.accounts.sessions import How
from controller.accounts.tables import Account, Totp
from controller.api.app import create_app
from controller.people import service as people
from controller.people.approving import local_day
from controller.people.rules import Role
from controller.runtime.clock import SystemClock
from controller.runtime.server import Controller
from controller.runtime.settings import Role as Process
from controller.runtime.settings import Settings
from controller.units import service as units
from tests.fakes.job_house import NOWHERE

HOST = "http://127.0.0.1:8080"
TOKEN = "cua-may-chu"  # noqa: S105 - of tests alone
UNIT = "xa-an-binh"
PASSWORD = "bốn con thuyền giấy trôi"  # noqa: S105


class StillClock(SystemClock):
    """Time passes only where a test says so."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._began = super().now()

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return self._began + self.ahead


@dataclass
class Browser:
    """One client. A browser sends its cookie and says where its page is from; a program sends a token."""

    http: httpx.AsyncClient
    csrf: str = ""
    otp: str = ""
    paper: list[str] = field(default_factory=list)
    person_id: str = ""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """As a page of ours does it."""
        told = {"Sec-Fetch-Site": "same-origin", "X-Loa-CSRF": self.csrf} | headers
        answer = await self.http.request(method, path, json=body, headers=told)
        if answer.is_success and (found := re.search(r'"csrf":"([0-9a-f]+)"', answer.text)):
            self.csrf = found[1]
        return answer

    @property
    def secret(self) -> str:
        """What its cookie holds."""
        return next((str(one.value).strip('"') for one in self.http.cookies.jar if one.name.endswith("loa")), "")


@dataclass
class Doorway:
    """The controller, and people who come to it."""

    app: FastAPI
    controller: Controller
    clock: StillClock
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def browser(self, address: str = "127.0.0.1", base: str = HOST, **headers: str) -> Browser:
        """A new one, at an address."""
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        client = httpx.AsyncClient(transport=transport, base_url=f"{base}/api/v1", headers=headers)
        self.clients.append(client)
        return Browser(client)

    def host(self, **headers: str) -> Browser:
        """Whoever runs the machine."""
        return self.browser(Authorization=f"Bearer {TOKEN}", **headers)

    def pass_time(self, **parts: float) -> None:
        """Later."""
        self.clock.ahead += timedelta(**parts)

    async def person(self, name: str, *roles: Role) -> str:
        """Somebody with roles at the commune, who cannot sign in yet."""
        now = self.clock.now()
        async with self.controller.db.transaction() as session:
            made = await people.create(session, name=name, unit_id=UNIT, now=now)
            for role in roles:
                await people.grant(session, made.id, role=role, unit_id=UNIT, begins=local_day(now), by=None, now=now)
        return made.id

    async def link(self, person_id: str, name: str, *, forgets_factors: bool = False) -> str:
        """The secret of an invitation."""
        async with self.controller.db.transaction() as session:
            made = await inviting.invite(
                session,
                person_id,
                sign_in_name=name,
                forgets_factors=forgets_factors,
                by=None,
                now=self.clock.now(),
            )
        return made.secret

    async def set_up_link(self) -> str:
        """The secret that a start prints."""
        secret = await setting_up.first_secret(self.controller.db, self.clock.now())
        assert secret is not None
        return secret

    async def sign_in_link(self, person_id: str) -> str:
        """The secret of a link of the demonstration."""
        async with self.controller.db.transaction() as session:
            made = await inviting.make(session, Kind.SIGN_IN, person_id, by=None, now=self.clock.now())
        return made[0]

    async def member(self, name: str, *roles: Role) -> Browser:
        """Somebody with an account, not signed in; put there without the ways that have tests of their own."""
        browser = self.browser()
        browser.person_id = await self.person(name, *roles)
        now = self.clock.now()
        async with self.controller.db.transaction() as session:
            session.add(Account(person_id=browser.person_id, sign_in_name=name, made_at=now, made_by=None))
            await passwords.put(session, browser.person_id, _hashed(PASSWORD), now)
        return browser

    async def sign_in(self, browser: Browser, name: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
        """By name and password."""
        return await browser.ask("POST", "/sign-in", {"name": name, "password": password, **more})

    async def enrol(self, browser: Browser) -> httpx.Response:
        """Set an authenticator up, and keep what it shows."""
        begun = await browser.ask("POST", "/second-factor/authenticator")
        assert begun.status_code == 201, begun.text
        browser.otp = begun.json()["secret"]
        answer = await browser.ask("POST", "/second-factor/authenticator/confirmation", {"code": self.code(browser)})
        assert answer.status_code == 200, answer.text
        browser.paper = answer.json()["codes"]
        return answer

    async def strong(self, name: str, *roles: Role) -> Browser:
        """Somebody who is signed in with two factors; put there as by `member`."""
        browser = await self.member(name, *roles)
        doors: Doors = self.app.state.doors
        browser.otp = codes.new_secret()
        sealed = self.controller.account_keys.seal(browser.otp.encode(), authenticators.about(browser.person_id))
        async with self.controller.db.transaction() as session:
            now = self.clock.now()
            session.add(Totp(person_id=browser.person_id, confirmed=True, sealed=sealed, made_at=now, last_step=None))
            browser.paper = await authenticators.new_paper_codes(doors, session, browser.person_id)
            row, secret = await sessions.begin(
                session, browser.person_id, strong=True, how=How.PASSWORD_AND_CODE, now=now
            )
        browser.http.cookies.set("loa", secret, domain="127.0.0.1", path="/")
        browser.csrf = csrf.token_of(self.controller.account_keys, row)
        return browser

    def code(self, browser: Browser, *, steps: int = 0) -> str:
        """What their authenticator shows now, or some steps later."""
        return str(pyotp.TOTP(browser.otp).at(self.clock.now(), counter_offset=steps))

    async def audit(self) -> list[dict[str, Any]]:
        """Entries, oldest first."""
        answer = await self.host().ask("GET", "/audit")
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()
        return entries[::-1]


@cache
def _hashed(password: str) -> str:
    """As the controller does it; once for all tests of a process."""
    cost = {"time_cost": hashing.TIME_COST, "memory_cost": hashing.MEMORY_KIB, "parallelism": hashing.LANES}
    return PasswordHasher(**cost).hash(password_rules.normal(password))


@asynccontextmanager
async def doorway(folder: Path, database: str, **settings: Any) -> AsyncIterator[Doorway]:
    """Started, with one commune; ended whatever happens."""
    clock = StillClock()
    given = {"data_dir": folder / "controller", "database_url": database, "brokers": NOWHERE, **settings}
    controller = Controller(Settings(roles=frozenset({Process.API}), **given), clock)
    app = create_app(controller, TOKEN)
    app.state.doors.crowd.hold_s = 0
    made = Doorway(app, controller, clock)
    await controller.start()
    try:
        async with controller.db.transaction() as session:
            await units.create(session, unit_id=UNIT, name="Xã An Bình", kind="commune")
        yield made
    finally:
        for client in made.clients:
            await client.aclose()
        app.state.doors.close()
        await controller.stop()
