"""Sends what the outbox holds: claims it, sends it outside of any transaction, notes what became of it.

Any number of processes may run one; a sending belongs to whoever holds its lease. One that dies between sending and
noting leaves the lease to run out, and the same letter goes once more under the same id: at least once, never lost.
The channels wait for nobody: a mail server that hangs holds up no web push.
"""

import asyncio
import logging
import secrets

from sqlalchemy.ext.asyncio import AsyncSession

from controller.notices import outbox, store
from controller.notices.addresses import NoticeAddressRefused
from controller.notices.encryption import SubscriptionInvalid
from controller.notices.outbox import Claim
from controller.notices.port import (
    WITHIN_S,
    Browser,
    ChannelNotSetUp,
    NoticeNoAddress,
    NoticeNotDelivered,
    NoticeRefused,
    NoticeTooLate,
    Post,
    SubscriptionGone,
)
from controller.notices.rules import Channel, again_at
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import happens, unbroken
from loa_protocol import failpoints
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

POLL_S = 2.0
AT_ONCE = 4
TIDY_S = 3600.0
FOR_GOOD = (
    NoticeRefused,
    ChannelNotSetUp,
    NoticeNoAddress,
    NoticeTooLate,
    NoticeAddressRefused,
    SubscriptionGone,
    SubscriptionInvalid,
)


class Dispatcher:
    """One process's share of the outbox."""

    def __init__(self, db: Database, clock: Clock, post: Post) -> None:
        self._db, self._clock, self._post = db, clock, post
        self._owner = secrets.token_hex(8)
        self._bells = {channel: asyncio.Event() for channel in Channel}

    async def run(self) -> None:
        """Send until cancelled; what is under way is given back then."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tidy(), name="notices tidy")
            for channel in Channel:
                tasks.create_task(self._serve(channel), name=f"notices {channel}")

    def wake(self) -> None:
        """Something may have been told."""
        for bell in self._bells.values():
            bell.set()

    async def _serve(self, channel: Channel) -> None:
        bell = self._bells[channel]
        while True:
            try:
                sent = await self.round(channel)
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "notices by %s could not be sent; trying again", channel)
                sent = 0
            if not sent:
                await happens(bell, POLL_S)
                bell.clear()

    async def round(self, channel: Channel) -> int:
        """Send what is due on a channel, a few at a time; gives how many were tried."""
        claims = await unbroken(self._claim(channel))
        async with asyncio.TaskGroup() as tasks:
            for claim in claims:
                tasks.create_task(self._carry(claim, channel), name=f"notice {claim.id}")
        return len(claims)

    async def _claim(self, channel: Channel) -> list[Claim]:
        now = self._clock.now()
        async with self._db.reading() as session:
            if not await outbox.any_due(session, channel, now):
                return []
        return await self._db.attempt(
            lambda session: outbox.claim(session, channel, owner=self._owner, now=now, most=AT_ONCE)
        )

    async def _carry(self, claim: Claim, channel: Channel) -> None:
        try:
            fault = await self._sent(claim)
        except asyncio.CancelledError:
            await unbroken(self._give_back(claim))
            raise
        await unbroken(self._note(claim, channel, fault))

    async def _sent(self, claim: Claim) -> LoaError | None:
        """None once the other side has taken it over, else why not."""
        letter = claim.letter
        if letter is None:
            return NoticeNoAddress(f"{claim.person_id} has no address there any more; set it, and tell them again")
        if claim.useful_until <= self._clock.now():
            return NoticeTooLate(f"it was of use until {claim.useful_until:%Y-%m-%d %H:%M} UTC; nothing sent it before")
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._post.send(letter)
        except TimeoutError:
            return NoticeNotDelivered(f"nobody took it over within {WITHIN_S:.0f} s; it is tried again")
        except LoaError as error:
            return error
        except Exception:
            log.exception("notice %s: a fault of ours in attempt %d", claim.id, claim.attempt)
            return NoticeNotDelivered("a fault of ours, see the controller's log; it is tried again")
        failpoints.reach("controller.notice.sent")
        return None

    async def _note(self, claim: Claim, channel: Channel, fault: LoaError | None) -> None:
        if fault is not None:
            log.warning("notice %s by %s to %s, try %d: %s", claim.id, channel, claim.person_id, claim.attempt, fault)
        try:
            async with self._db.transaction() as session:
                await self._record(session, claim, fault)
        except LoaError as error:
            tell_failure(log, error, "what became of notice %s is not noted; it may be sent again", claim.id)

    async def _record(self, session: AsyncSession, claim: Claim, fault: LoaError | None) -> None:
        now = self._clock.now()
        if fault is None:
            await outbox.sent(session, claim, now)
            return
        at = None if isinstance(fault, FOR_GOOD) else again_at(claim.attempt, now, claim.useful_until)
        if at is None:
            await outbox.failed(session, claim, fault.code, str(fault))
        else:
            await outbox.again(session, claim, at, fault.code, str(fault))
        if isinstance(fault, SubscriptionGone) and claim.letter is not None and isinstance(claim.letter.to, Browser):
            await store.forget_subscriptions(session, [claim.letter.to.subscription_id], fault.code)

    async def _give_back(self, claim: Claim) -> None:
        try:
            async with self._db.transaction() as session:
                await outbox.release(session, claim)
        except LoaError as error:
            tell_failure(log, error, "notice %s is not given back; its lease runs out by itself", claim.id)

    async def _tidy(self) -> None:
        """Old notices, at the start and now and then."""
        while True:
            try:
                await unbroken(self._forget())
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "old notices could not be forgotten; trying again")
            await asyncio.sleep(TIDY_S)

    async def _forget(self) -> None:
        now = self._clock.now()
        while await self._db.attempt(lambda session: outbox.forget_old(session, now)):
            continue
