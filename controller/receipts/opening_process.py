"""One opening process: started, asked, ended, without a transport or a thread of the ingest's.

Its socket is the only thing between it and us: it ends when our end is closed, by `kill -9` of us too. Whatever goes
wrong with it ends it, and everything that it was asked fails with `OpeningProcessGone`.
"""

import asyncio
import logging
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path

from controller.receipts.opening_wire import HEAD_BYTES, length
from controller.runtime.waiting import ended, unbroken

log = logging.getLogger(__name__)

ANSWER_S = 30.0
"""A turn takes milliseconds; one that takes so long will never be answered."""
_READ_BYTES = 256 * 1024
_MODULE = "controller.receipts.opening_child"
_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(_ROOT)}


class OpeningProcessGone(Exception):
    """What was asked will not be answered."""


class OpeningProcess:
    """Questions are answered in their order; many may wait."""

    def __init__(self, process: "subprocess.Popen[bytes]", line: socket.socket) -> None:
        self.in_hand = 0
        self._process, self._line = process, line
        self._asking = asyncio.Lock()
        self._asked: deque[asyncio.Future[bytes]] = deque()
        self._ready = asyncio.get_running_loop().create_future()
        self._asked.append(self._ready)
        self._hearing = asyncio.create_task(self._hear(), name="ingest-opener")

    @classmethod
    async def start(cls) -> "OpeningProcess":
        """Start one; it may be asked as soon as it is `ready`.

        Raises:
            OSError: it could not be started.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await unbroken(asyncio.to_thread(_spawn, theirs))
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it has imported what it needs.

        Raises:
            OpeningProcessGone: it ended instead.
        """
        await self._within(self._ready)

    async def ask(self, frame: bytes) -> bytes:
        """The answer to a turn, without its length.

        Raises:
            OpeningProcessGone: there will be none.
        """
        self.in_hand += 1
        try:
            return await self._within(await self._sent(frame))
        finally:
            self.in_hand -= 1

    async def gone(self) -> None:
        """Wait until it has ended and is collected, whoever ended it."""
        await asyncio.wait({self._hearing})

    async def end(self) -> None:
        """End it; nothing of it is left then."""
        await ended([self._hearing])

    async def _sent(self, frame: bytes) -> "asyncio.Future[bytes]":
        loop = asyncio.get_running_loop()
        async with self._asking:
            if self._hearing.done():
                raise OpeningProcessGone
            answer: asyncio.Future[bytes] = loop.create_future()
            self._asked.append(answer)
            try:
                await loop.sock_sendall(self._line, frame)
            except OSError as error:
                self._process.kill()
                raise OpeningProcessGone from error
            except asyncio.CancelledError:  # half a frame may be on its way
                self._process.kill()
                raise
            return answer

    async def _within(self, answer: "asyncio.Future[bytes]") -> bytes:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as error:
            log.warning("opening process %d has not answered for %d s; it is ended", self.pid, ANSWER_S)
            self._process.kill()
            raise OpeningProcessGone from error

    async def _hear(self) -> None:
        """Give every answer to the question that it belongs to, until the process has ended or is no longer wanted."""
        try:
            await self._hear_all()
        except OSError as error:
            log.warning("opening process %d: %s", self.pid, error)
        finally:
            self._process.kill()
            self._line.close()
            for answer in self._asked:
                if not answer.done():
                    answer.set_exception(OpeningProcessGone())
                    answer.exception()  # it may be that nobody waits for it any more
            await unbroken(asyncio.to_thread(self._process.wait))

    async def _hear_all(self) -> None:
        loop, heard = asyncio.get_running_loop(), bytearray()
        while data := await loop.sock_recv(self._line, _READ_BYTES):
            heard += data
            while len(heard) >= HEAD_BYTES and len(heard) >= (end := HEAD_BYTES + length(heard)):
                self._give(bytes(heard[HEAD_BYTES:end]))
                del heard[:end]

    def _give(self, data: bytes) -> None:
        answer = self._asked.popleft()
        if not answer.done():
            answer.set_result(data)


def _spawn(theirs: socket.socket) -> "subprocess.Popen[bytes]":
    """In a session of its own: a Ctrl-C is for us, who end it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-s", "-B", "-m", _MODULE, str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        cwd="/",
        env=_ENVIRONMENT,
        pass_fds=(theirs.fileno(),),
        start_new_session=True,
    )
