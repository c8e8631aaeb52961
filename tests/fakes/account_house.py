"""A controller of which only the API is there, people who work with it, and clients that are signed in as they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from msgspec import json
from sqlalchemy import select

from controller.accounts import sessions
from controller.accounts.sessions import How
from controller.api.app import create_app
from controller.audit.rules import Entry
from controller.audit.tables import AuditEntry
from controller.people import service as people
from controller.people.approving import local_day
from controller.people.rules import Role
from controller.people.tables import Person
from controller.runtime.database import Database
from controller.runtime.server import Controller
from controller.runtime.settings import Role as Process
from controller.runtime.settings import Settings
from controller.units import service as units
from tests.fakes.authenticator import Authenticator
from tests.fakes.databases import with_schema
from tests.fakes.job_house import NOWHERE
from tests.fakes.running_controller import ShiftedClock

PAGES = "http://localhost:8080"
API = f"{PAGES}/api/v1"
UNIT = "xa"


@dataclass
class AccountHouse:
    """All of it."""

    controller: Controller
    app: FastAPI
    clock: ShiftedClock

    @property
    def db(self) -> Database:
        return self.controller.db

    def client(self, secret: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A program; with a session's secret it is signed in."""
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret}"
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url=API, headers=headers)

    async def person(self, name: str = "Lan", *roles: Role) -> Person:
        """Somebody with these roles at the unit."""
        now = self.clock.now()
        async with self.db.transaction() as session:
            made = await people.create(session, name=name, unit_id=UNIT, now=now)
            for role in roles:
                await people.grant(session, made.id, role=role, unit_id=UNIT, begins=local_day(now), by=None, now=now)
        return made

    async def session(self, person: Person, *, strong: bool = False, pending: bool = False) -> str:
        """The secret of a session of theirs, begun just now."""
        async with self.db.transaction() as session:
            _, secret = await sessions.begin(
                session, person.id, strong=strong, how=How.PASSWORD, now=self.clock.now(), pending=pending
            )
        return secret

    async def passkey(self, secret: str, name: str = "Khóa", **given: Any) -> tuple[Authenticator, str]:
        """A passkey that they add in this session, and the session's new secret."""
        made = Authenticator(PAGES, **given)
        async with self.client(secret) as client:
            asked = await client.post("/second-factor/passkeys/options")
            assert asked.status_code == 200, asked.text
            body = {"name": name, "credential": made.create(asked.json()["publicKey"])}
            kept = await client.post("/second-factor/passkeys", json=body)
        assert kept.status_code == 201, kept.text
        return made, kept.json()["secret"]

    async def entries(self, action: str) -> list[Entry]:
        """What the audit says of this."""
        async with self.db.reading() as session:
            rows = await session.scalars(
                select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.sequence)
            )
            return [json.decode(row.raw, type=Entry) for row in rows]

    def later(self, **by: float) -> None:
        """The clock goes on."""
        self.clock.ahead += timedelta(**by)


@asynccontextmanager
async def account_house(folder: Path, **given: Any) -> AsyncIterator[AccountHouse]:
    """Started and ended."""
    clock = ShiftedClock()
    settings = Settings(data_dir=with_schema(folder), roles=frozenset({Process.API}), brokers=NOWHERE, **given)
    controller = await asyncio.to_thread(Controller, settings, clock)
    app = create_app(controller, "bi-mat")
    app.state.doors.crowd.hold_s = 0
    await controller.start()
    try:
        async with controller.db.transaction() as session:
            await units.create(session, unit_id=UNIT, name="Xã An Bình", kind="commune", parent_id=None)
        yield AccountHouse(controller, app, clock)
    finally:
        app.state.doors.close()
        await controller.stop()
