"""From what arrived to documents that count: in threads, or in processes where there is much of it.

All of it is computing, several messages a turn. Threads are enough for a commune, because verifying lets go of the
interpreter; for thousands of devices they take it from the thread that stores. What a process does not answer is
opened in threads: a process that dies loses nothing.
"""

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from controller.delivery.directory import Known
from controller.receipts.opening_pool import Needs, OpeningPool
from controller.receipts.opening_process import OpeningProcessGone
from controller.receipts.opening_wire import NOT_TAKEN_IN, Question, Refusal, ask, opened, understood
from controller.receipts.reading import FAMILIES
from controller.receipts.told import Received
from controller.runtime.mqtt import Arrival
from loa_protocol.documents import Wire
from loa_protocol.errors import LoaError
from loa_protocol.topics import Family

__all__ = ["FAMILIES", "Closed", "Message", "NotTakenIn", "Opener", "Refusal"]

log = logging.getLogger(__name__)

THREADS = max(1, min(4, os.cpu_count() or 1))
A_TURN = 16
"""So many messages are one turn of a thread: fewer cost more switching, more make the last thread wait."""


class NotTakenIn(LoaError):
    """A message that failed for a reason nobody foresaw; the device sends it again."""

    code = NOT_TAKEN_IN


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
    """The threads that open, and at most `processes` that are started when they are needed; `end` when done."""

    def __init__(self, processes: int = 0, needs: Needs | None = None) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ingest-open")
        self.pool = OpeningPool(processes, needs or Needs())

    async def open_all(self, closed: Sequence[Closed], backlog: int = 0) -> list[Message | Refusal]:
        """Each opened, or why it does not count; in their order. So many more messages wait behind them."""
        self.pool.count(len(closed), backlog)
        turns = [closed[at : at + A_TURN] for at in range(0, len(closed), A_TURN)]
        parts = await asyncio.gather(*map(self._open, turns))
        return [one for part in parts for one in part]

    async def end(self) -> None:
        """Let the threads go; no process is left."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self.pool.end()

    async def _open(self, turn: Sequence[Closed]) -> list[Message | Refusal]:
        questions = [Question(one.arrival.payload, one.family, one.known.device_id, one.known.key) for one in turn]
        found = await self._elsewhere(questions)
        if found is None:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, _opened, questions)
        return list(_messages(turn, found))

    async def _elsewhere(self, questions: Sequence[Question]) -> "list[Wire | Received | Refusal] | None":
        """What a process says of a turn; None where none is there, or none any longer."""
        process = self.pool.least_busy()
        if process is None:
            return None
        try:
            return understood(await process.ask(ask(questions)), [one.family for one in questions])
        except OpeningProcessGone:
            return None
        except (msgspec.MsgspecError, ValueError):
            log.exception("opening process %d answered nonsense; it is ended", process.pid)
            await process.end()
            return None


def _opened(questions: Sequence[Question]) -> list[Wire | Received | Refusal]:
    return [opened(question) for question in questions]


def _messages(turn: Sequence[Closed], found: Sequence[Wire | Received | Refusal]) -> Iterator[Message | Refusal]:
    for one, document in zip(turn, found, strict=True):
        yield document if isinstance(document, Refusal) else Message(one.arrival, one.known, document)
