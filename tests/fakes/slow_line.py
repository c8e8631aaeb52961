"""A line with a limited rate between a client and a server of this machine: a small user-space TCP proxy.

Everything passes in small pieces, each connection in its turn, as through a fair router; what does not fit waits with
whoever sent it. `passed_bytes` counts what went towards the slow end.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_PIECE = 1024
_BUFFER_BYTES = 16 * 1024


@dataclass
class SlowLine:
    """Listens on `port`. `down`: the server's answers are slow; else the client's words are."""

    target: int
    bytes_per_s: float
    down: bool
    port: int = 0
    passed_bytes: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _free_at_s: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        far_socket = socket.socket()
        far_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        far_socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(far_socket, ("127.0.0.1", self.target))
        far_reader, far_writer = await asyncio.open_connection(sock=far_socket, limit=_PIECE)
        work = [
            asyncio.create_task(self._pump(reader, far_writer, slow=not self.down)),
            asyncio.create_task(self._pump(far_reader, writer, slow=self.down)),
        ]
        self._tasks |= set(work)
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
                self._tasks.discard(task)
            for end in (writer, far_writer):
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE if slow else 65_536):
                if slow:
                    await self._wait(len(piece))
                writer.write(piece)
                await writer.drain()

    async def _wait(self, size_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        async with self._turn:
            self._free_at_s = max(self._free_at_s, loop.time()) + size_bytes / self.bytes_per_s
            self.passed_bytes += size_bytes
            await asyncio.sleep(self._free_at_s - loop.time())


@asynccontextmanager
async def slow_line(target: int, bytes_per_s: float, *, down: bool) -> AsyncIterator[SlowLine]:
    """A running line."""
    line = SlowLine(target, bytes_per_s, down)
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await line.serve(reader, writer)
        handlers.discard(task)

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    listener.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(serve, sock=listener, limit=_PIECE)
    line.port = listener.getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        for task in list(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
