"""Commands to one device: written down, signed, sent once, and what the device answered.

A command is not state: one that is lost stays visibly unanswered and is sent again by whoever wants it. What a request
asks for waits in its row until a process with a broker has sent it, for as long as the command is good.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery.tables import SentCommand
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.ids import new_id
from controller.runtime.keys import Signers
from controller.runtime.mqtt import Link
from controller.runtime.telling import tell_failure
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import happens
from loa_protocol import topics
from loa_protocol.documents.device import Command, CommandReply
from loa_protocol.envelope import seal
from loa_protocol.ids import device_scope
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=5)
POLL_S = 2.0
KNOWN = ("report-state", "test-tone", "restart-player", "show-log")
"""What agents know to do; a board has no sound."""
SOUNDING = frozenset({"test-tone", "restart-player"})
_AT_ONCE = 50


def ask(session: AsyncSession, device_id: str, name: str, *, by: str | None, now: datetime) -> SentCommand:
    """Write down that a device shall do something; it is sent after the commit."""
    row = SentCommand(
        id=new_id(now), device_id=device_id, name=name, issued=now, expires=now + LIFE, asked_by=by, arguments={}
    )
    session.add(row)
    return row


async def lately(session: AsyncSession, device_id: str, limit: int) -> Sequence[SentCommand]:
    """The newest of a device, newest first."""
    query = select(SentCommand).where(SentCommand.device_id == device_id)
    return (await session.scalars(query.order_by(SentCommand.issued.desc(), SentCommand.id.desc()).limit(limit))).all()


async def unsent(session: AsyncSession, now: datetime) -> Sequence[SentCommand]:
    """Those that no broker has and that are still good, oldest first."""
    query = select(SentCommand).where(SentCommand.sent_at.is_(None), SentCommand.expires > now)
    return (await session.scalars(query.order_by(SentCommand.issued, SentCommand.id).limit(_AT_ONCE))).all()


class CommandDesk:
    """Sends commands over every connected link."""

    def __init__(self, db: Database, keys: Signers, clock: Clock, links: Iterable[Link]) -> None:
        self._db, self._keys, self._clock, self._links = db, keys, clock, tuple(links)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was asked for."""
        self._wake.set()

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.step()
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "sending commands failed; trying again in %.0f s", POLL_S)
            await happens(self._wake, POLL_S)

    async def step(self) -> int:
        """Send what waits; gives how many brokers took. One that two processes send is done once by the device."""
        if not any(link.connected.is_set() for link in self._links):
            return 0
        async with self._db.reading() as session:
            rows = await unsent(session, self._clock.now())
        taken = [row.id for row in rows if row.expires is not None and await self._post(_command(row, row.expires))]
        if taken:
            statement = update(SentCommand).where(SentCommand.id.in_(taken), SentCommand.sent_at.is_(None))
            async with self._db.transaction() as session:
                await session.execute(statement.values(sent_at=self._clock.now()))
        return len(taken)

    async def send(
        self, device_id: str, name: str, arguments: Mapping[str, str | int | bool], *, life: timedelta = LIFE
    ) -> tuple[str, bool]:
        """Sign and send; gives the command's id and whether a broker has it."""
        now = self._clock.now()
        expires = now + life
        row = SentCommand(
            id=new_id(now), device_id=device_id, name=name, issued=now, expires=expires, arguments=dict(arguments)
        )
        command, row.sent_at = _command(row, expires), now
        async with self._db.transaction() as session:
            session.add(row)
        return command.id, await self._post(command)

    async def _post(self, command: Command) -> bool:
        """Whether a broker has it."""
        raw = seal("command", command, [self._keys.plan])
        topic = topics.to_device(Family.COMMAND, command.scope[2:])
        sent = await asyncio.gather(*(link.post(topic, raw, Urgency.COMMAND) for link in self._links))
        return any(sent)


def _command(row: SentCommand, expires: datetime) -> Command:
    return Command(
        id=row.id,
        scope=device_scope(row.device_id),
        name=row.name,
        issued=row.issued,
        expires=expires,
        arguments=dict(row.arguments),
    )


async def record_reply(session: AsyncSession, reply: CommandReply, clock: Clock) -> bool:
    """Write down what a device answered; False if that device was never asked. The first answer stands."""
    row = await session.get(SentCommand, reply.id, with_for_update=True)
    if row is None or row.device_id != reply.device:
        return False
    if row.answered_at is None:
        row.answered_at, row.code, row.message = clock.now(), reply.code, reply.message
    return True
