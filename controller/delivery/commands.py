"""Commands to one device: written down, signed, sent once, and what the device answered.

A command is not state: one that is lost stays visibly unanswered and is sent again by whoever wants it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery.tables import SentCommand
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.ids import new_id
from controller.runtime.keys import Signers
from controller.runtime.mqtt import Link
from controller.runtime.urgency import Urgency
from loa_protocol import topics
from loa_protocol.documents.device import Command, CommandReply
from loa_protocol.envelope import seal
from loa_protocol.ids import device_scope
from loa_protocol.topics import Family

LIFE = timedelta(minutes=5)


class CommandDesk:
    """Sends commands over every connected link."""

    def __init__(self, db: Database, keys: Signers, clock: Clock, links: Iterable[Link]) -> None:
        self._db, self._keys, self._clock, self._links = db, keys, clock, tuple(links)

    async def send(
        self, device_id: str, name: str, arguments: Mapping[str, str | int | bool], *, life: timedelta = LIFE
    ) -> tuple[str, bool]:
        """Sign and send; gives the command's id and whether a broker has it."""
        now = self._clock.now()
        command = Command(
            id=new_id(now),
            scope=device_scope(device_id),
            name=name,
            issued=now,
            expires=now + life,
            arguments=dict(arguments),
        )
        async with self._db.transaction() as session:
            session.add(SentCommand(id=command.id, device_id=device_id, name=name, issued=now))
        raw = seal("command", command, [self._keys.plan])
        topic = topics.to_device(Family.COMMAND, device_id)
        sent = await asyncio.gather(*(link.post(topic, raw, Urgency.COMMAND) for link in self._links))
        return command.id, any(sent)


async def record_reply(session: AsyncSession, reply: CommandReply, clock: Clock) -> bool:
    """Write down what a device answered; False if that device was never asked. The first answer stands."""
    row = await session.get(SentCommand, reply.id, with_for_update=True)
    if row is None or row.device_id != reply.device:
        return False
    if row.answered_at is None:
        row.answered_at, row.code, row.message = clock.now(), reply.code, reply.message
    return True
