"""From what arrived to documents that count: signatures verified, names compared, everything read once.

All of it is computing: it runs in threads, several messages a turn, because verifying lets go of the interpreter.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from controller.delivery.directory import Known
from controller.receipts.journals import Received
from controller.runtime.mqtt import Arrival
from loa_protocol import strict_json
from loa_protocol.documents import Wire
from loa_protocol.documents.device import CommandReply, DeviceState, Health, Presence
from loa_protocol.errors import LoaError
from loa_protocol.topics import Family
from loa_protocol.uplink import open_receipts, open_uplink

log = logging.getLogger(__name__)

THREADS = max(1, min(4, os.cpu_count() or 1))
A_TURN = 16
"""So many messages are one turn of a thread: fewer cost more switching, more make the last thread wait."""
_SIGNED: dict[Family, tuple[str, type[Wire]]] = {
    Family.STATE: ("state", DeviceState),
    Family.UP_REPLY: ("command-reply", CommandReply),
}
_PLAIN: dict[Family, type[Wire]] = {Family.HEALTH: Health, Family.PRESENCE: Presence}
FAMILIES = frozenset({Family.RECEIPTS, *_SIGNED, *_PLAIN})


class WrongDevice(LoaError):
    """A message tells of another device than the one on whose topic it came."""

    code = "wrong_device"


class NotTakenIn(LoaError):
    """A message that failed for a reason nobody foresaw; the device sends it again."""

    code = "not_taken_in"


@dataclass(frozen=True, slots=True)
class Closed:
    """One message as it came, and of whom."""

    arrival: Arrival
    family: Family
    known: Known


@dataclass(frozen=True, slots=True)
class Message:
    """One message that passed the door and its signature check."""

    arrival: Arrival
    known: Known
    document: Wire | Received

    @property
    def entries(self) -> int:
        """How many journal entries it brings."""
        return len(self.document.lines) if isinstance(self.document, Received) else 0


class Opener:
    """The threads that open; `close` when done."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ingest-open")

    async def open_all(self, closed: Sequence[Closed]) -> list[Message | LoaError]:
        """Each opened, or why it does not count; in their order."""
        loop = asyncio.get_running_loop()
        turns = [closed[at : at + A_TURN] for at in range(0, len(closed), A_TURN)]
        parts = await asyncio.gather(*(loop.run_in_executor(self._threads, _open_some, turn) for turn in turns))
        return [one for part in parts for one in part]

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _open_some(closed: Sequence[Closed]) -> list[Message | LoaError]:
    opened: list[Message | LoaError] = []
    for one in closed:
        try:
            opened.append(Message(one.arrival, one.known, _read(one)))
        except LoaError as error:
            opened.append(error)
        except Exception:
            log.exception("%s: a message could not be opened", one.known.device_id)
            opened.append(NotTakenIn("opening it failed; the log says why"))
    return opened


def _read(one: Closed) -> Wire | Received:
    raw, device_id = one.arrival.payload, one.known.device_id
    if one.family is Family.RECEIPTS:
        return Received(*open_receipts(raw, device_id=device_id, key=one.known.key))
    if one.family in _SIGNED:
        kind, model = _SIGNED[one.family]
        return open_uplink(raw, kind=kind, model=model, device_id=device_id, key=one.known.key)
    document = strict_json.decode(raw, _PLAIN[one.family])
    if getattr(document, "device", device_id) != device_id:
        raise WrongDevice(f"on a topic of device {device_id} came a message that names another")
    return document
