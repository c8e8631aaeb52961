"""Keeps one child process alive and talks lines with it; knows nothing of cues.

A child that ends, or answers no ping three times running, is replaced after a pause that grows from 0.1 s to 5 s. It
has its own process group, and ends by itself when its standard input does.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from edge_agent.player import wire

log = logging.getLogger(__name__)

_PING_S = 1.0
_UNANSWERED_MAX = 3
_OPENING_TICKS_MAX = 15
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_HEALTHY_S = 30.0
_EXIT_WITHIN_S = 1.0
_LINE_BYTES = 1 << 20


class Keeper:
    """One supervised child.

    `on_event` is called with every event; `on_down` whenever the child is gone, after its last
    event, with its exit status (negative: a signal), or None when it was asked to end.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None,
        on_event: Callable[[wire.Event], None],
        on_down: Callable[[int | None], None],
    ) -> None:
        self._command, self._environment = list(command), environment
        self._on_event, self._on_down = on_event, on_down
        self._child: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._heard = False
        self.opened: wire.Opened | None = None
        self.lives = 0

    def start(self) -> None:
        """Begin to keep a child alive."""
        if self._task is None:
            self._closing = False
            self._task = asyncio.create_task(self._keep(), name="player keeper")

    async def close(self) -> None:
        """Let the child end by closing its input, read what it still says, kill it after a second."""
        task, self._task = self._task, None
        if task is None:
            return
        self._closing = True
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        await asyncio.wait({task}, timeout=_EXIT_WITHIN_S)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def write(self, command: wire.Command) -> bool:
        """Queue a command for the child; False when there is none that listens."""
        child = self._child
        if child is None or child.stdin is None or child.stdin.is_closing() or self.opened is None:
            return False
        child.stdin.write(wire.encode(command))
        return True

    async def _keep(self) -> None:
        failures = 0
        while not self._closing:
            born_s = time.monotonic()
            try:
                await self._live()
            except OSError:
                log.exception("the player process cannot be started; trying again")
            if self._closing:
                return
            failures = 0 if time.monotonic() - born_s > _HEALTHY_S else failures
            pause_s = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            log.warning("the player process has ended; restarting it in %.1f s", pause_s)
            failures += 1
            await asyncio.sleep(pause_s)

    async def _live(self) -> None:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=pipe,
            stdout=pipe,
            env=self._environment,
            start_new_session=True,
            limit=_LINE_BYTES,
        )
        self._child, self._heard = child, True
        self.lives += 1
        watch = asyncio.create_task(self._watch(child), name="player watch")
        try:
            await self._read(child)
        finally:
            watch.cancel()
            self._child, self.opened = None, None
            _kill(child)
            await child.wait()
            self._on_down(None if self._closing else child.returncode)

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        while child.stdout is not None and (line := await child.stdout.readline()):
            self._heard = True
            try:
                event = wire.decode_event(line)
            except msgspec.DecodeError:
                log.warning("the player said something that is no event; ignored")
                continue
            if isinstance(event, wire.Opened):
                self.opened = event
            self._on_event(event)

    async def _watch(self, child: asyncio.subprocess.Process) -> None:
        """Ping; kill a child that stays silent. Ticks are counted, not time, so a busy loop here condemns nobody."""
        unanswered = token = 0
        while True:
            await asyncio.sleep(_PING_S)
            unanswered = 0 if self._heard else unanswered + 1
            if unanswered >= (_OPENING_TICKS_MAX if self.opened is None else _UNANSWERED_MAX):
                log.error("the player process answers no more; killing it")
                _kill(child)
                return
            self._heard = False
            token += 1
            self.write(wire.Ping(token=token))


def _kill(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
