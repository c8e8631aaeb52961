"""Content on its way to one broker: its own connection, its own queue, and never much that is not acknowledged.

Rules: no more than a window of bytes (and always one frame) waits for the broker's acknowledgement, so that a slow
broker or line grows no queue here and holds nothing up that travels beside it; what the broker did not take is not
sent again before a device asks for it.
"""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from controller.delivery.content_queue import Asker, Audience, ContentQueue, Send
from controller.delivery.content_rules import INDEX, Pace
from controller.delivery.content_store import Frames
from controller.runtime.clock import Clock
from controller.runtime.mqtt import Link
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import happens, unbroken
from loa_protocol import topics
from loa_protocol.content import ContentIndex
from loa_protocol.errors import LoaError
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes a second and bytes unacknowledged, all devices together; `settle_s`: time for devices to subscribe."""

    bytes_per_s: float
    window_bytes: int
    settle_s: float


class Outflow:
    """Sends to one broker what its queue says. `sent_frames` and `sent_bytes` count what the broker has taken."""

    def __init__(self, link: Link, frames: Frames, clock: Clock, limits: Limits) -> None:
        self._link, self._frames, self._clock, self._limits = link, frames, clock, limits
        self._pace = Pace(limits.bytes_per_s)
        self._woken, self._room = asyncio.Event(), asyncio.Event()
        self.queue = ContentQueue()
        self.under_way_bytes = 0
        self.sent_frames = self.sent_bytes = 0

    def announce(self, index: ContentIndex, audience: Audience, delay_s: float) -> None:
        """Send an asset once to all, after a delay."""
        self.queue.announce(index, audience, self._clock.monotonic(), delay_s=delay_s)
        self._woken.set()

    def want(self, asker: Asker, index: ContentIndex, audience: Audience, bits: int, *, asked_s: float) -> bool:
        """A device of this broker lacked chunks when it asked; False if there is no room to remember it."""
        taken = self.queue.want(asker, index, audience, bits, self._clock.monotonic(), asked_s=asked_s)
        self._woken.set()
        return taken

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            if not self._link.connected.is_set():
                await self._link.connected.wait()
                await asyncio.sleep(self._limits.settle_s)
            self._woken.clear()
            now_s = self._clock.monotonic()
            send = self.queue.next(now_s)
            if send is not None:
                await self._send(send)
                continue
            wait_s = self.queue.wait_s(now_s)
            await happens(self._woken, _LOOK_AGAIN_S if wait_s is None else min(wait_s, _LOOK_AGAIN_S))

    async def _send(self, send: Send) -> None:
        frame = await self._frame(send)
        if frame is None:
            self.queue.forget(send.root)
            return
        delay_s = self._pace.delay_s(len(frame), self._clock.monotonic())
        if delay_s:
            await asyncio.sleep(delay_s)
        while self.under_way_bytes and self.under_way_bytes + len(frame) > self._limits.window_bytes:
            self._room.clear()
            await self._room.wait()
        to_all = send.device is None
        topic = topics.content(send.root) if to_all else topics.to_device(Family.DEVICE_CONTENT, send.device or "")
        urgency = Urgency.INDEX if send.number == INDEX else Urgency.CONTENT
        self.under_way_bytes += len(frame)
        done = self._link.post(topic, frame, urgency, qos=1)
        done.add_done_callback(partial(self._done, send, len(frame)))

    def _done(self, send: Send, size_bytes: int, done: asyncio.Future[bool]) -> None:
        self.under_way_bytes -= size_bytes
        self._room.set()
        if not done.cancelled() and done.result():
            self.sent_frames += 1
            self.sent_bytes += size_bytes
            self.queue.sent(send, self._clock.monotonic())

    async def _frame(self, send: Send) -> bytes | None:
        try:
            source = await unbroken(self._frames.source(send.root))
            return None if source is None else await unbroken(self._frames.frame(source, send.number))
        except LoaError as error:
            log.error("content %s cannot be sent: %s", send.root, error)  # noqa: TRY400 - foreseen
        except Exception:
            log.exception("content %s cannot be sent; devices ask again", send.root)
        return None
