"""The player's side of one stream: starts the child, keeps what comes from it, asks again when nothing does.

Rules: what waits is bounded: the newest is kept while nobody listens (`join`), and the child is made to wait while
somebody does; the stream is asked for again every `retry_s` while it gives nothing; a child that is still busy with
the last attempt after 10 s is replaced.
"""

import contextlib
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
import numpy as np

from edge_agent.player.levels import RATE_HZ, Samples
from edge_agent.relay import framing
from edge_agent.relay.rules import RelayRules

COMMAND = (sys.executable, "-m", "edge_agent.relay")
State = Literal["opening", "live", "down"]

_NS = 1_000_000_000
_LATE = framing.Status(code="relay_stalled", message="nothing comes from the stream; trying again")
_GONE = framing.Status(code="relay_undecodable", message="the process that reads the stream has ended; trying again")
_BUSY_S = 10.0
_PAUSE_MAX_S = 1.0
_DELIVERS_WITHIN_S = 1.0
_SURPLUS_S = 1.0
_WAIT_S = 0.1


class Station:
    """One stream. All methods belong to the thread that feeds the player, which must not wait for a process."""

    def __init__(
        self,
        url: str,
        rules: RelayRules,
        allow: tuple[str, ...],
        *,
        command: tuple[str, ...] = COMMAND,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._order = framing.Order(url=url, allow=allow, stall_s=rules.stall_s)
        self._rules, self._command, self._now_ns = rules, command, now_ns
        self._room = threading.Condition()
        self._blocks: deque[framing.Sound] = deque()
        self._available = 0
        self._joined = False
        self._child: _Child | None = None
        self._asked_ns: int | None = None
        self._heard_ns: int | None = None
        self._good_frames = self._pause_frames = 0
        self._good_since_ns = 0
        self.quiet_frames = 0
        self.state: State = "opening"
        self.status = framing.Status()

    def tend(self) -> None:
        """Open the stream, or try again where it is time; call it often."""
        now_ns = self._now_ns()
        patience_s = self._rules.retry_s if self.state == "down" else max(self._rules.retry_s, _BUSY_S)
        asked_lately = self._asked_ns is not None and now_ns - self._asked_ns < patience_s * _NS
        if self._joined or asked_lately or self._delivers(now_ns):
            return
        self._asked_ns = now_ns
        if self.state == "down" and self._child is not None and self._child.ask(self._order):
            self._forget("opening")
        else:
            self._replace_child()

    def available(self) -> int:
        """Frames that can be taken now."""
        return self._available

    def take(self, frames: int) -> Samples:
        """At most so many frames; `quiet_frames` counts how many were silence, without a break, up to these."""
        taken: list[Samples] = []
        with self._room:
            while frames and self._blocks:
                block = self._blocks[0]
                part = block.samples[:frames]
                self.quiet_frames = self.quiet_frames + part.size if self._is_quiet(block) else 0
                if part.size < block.samples.size:
                    self._blocks[0] = framing.Sound(block.samples[part.size :], block.level_dbfs)
                else:
                    self._blocks.popleft()
                frames -= part.size
                self._available -= part.size
                taken.append(part)
            self._room.notify_all()
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def join(self) -> None:
        """From now on nothing is lost between two takes."""
        with self._room:
            self._joined, self.quiet_frames = True, 0

    def part(self) -> None:
        """Nobody listens any more; what waited is thrown away, and sound is judged anew.

        A connection that stands gets as long to come back as a new one; one that broke is tried anew at once.
        """
        with self._room:
            self._joined = False
            if self.state != "down":
                self._asked_ns = self._now_ns()
            self._clear()

    @property
    def back(self) -> bool:
        """It has given sound for long enough to be listened to again, and still does."""
        now_ns = self._now_ns()
        wanted = self._rules.back_s
        long_enough = self._good_frames >= wanted * RATE_HZ and now_ns - self._good_since_ns >= wanted * _NS
        return long_enough and self.state == "live" and self._delivers(now_ns)

    def close(self) -> None:
        """End the child; nothing comes any more."""
        with self._room:
            child, self._child = self._child, None
            self._room.notify_all()
        if child is not None:
            child.kill()

    def _delivers(self, now_ns: int) -> bool:
        return self._heard_ns is not None and now_ns - self._heard_ns < _DELIVERS_WITHIN_S * _NS

    def _is_quiet(self, block: framing.Sound) -> bool:
        return block.level_dbfs < self._rules.silence_dbfs

    def _clear(self) -> None:
        self._blocks.clear()
        self._available = self._good_frames = self._pause_frames = self.quiet_frames = 0

    def _forget(self, state: State) -> None:
        with self._room:
            self._clear()
            self._heard_ns, self.state = None, state

    def _replace_child(self) -> None:
        self.close()
        self._forget("opening")
        self._child = _Child(self._command)
        threading.Thread(target=self._follow, args=(self._child,), name="relay", daemon=True).start()

    def _follow(self, child: "_Child") -> None:
        """Start a child, and hear it until it is gone or replaced."""
        with child.running():
            child.ask(self._order)
            while child is self._child and (answer := child.answer()) is not None:
                if isinstance(answer, framing.Sound):
                    self._keep(child, answer)
                else:
                    self._note(child, answer)
        self._note(child, _GONE)

    def _note(self, child: "_Child", status: framing.Status) -> None:
        with self._room:
            if child is self._child:
                self.state, self.status = ("down", status) if status.code else ("live", self.status)

    def _keep(self, child: "_Child", block: framing.Sound) -> None:
        most = round(self._rules.buffer_s * RATE_HZ)
        with self._room:
            while self._joined and child is self._child and self._available > most + _SURPLUS_S * RATE_HZ:
                self._room.wait(_WAIT_S)
                self._heard_ns = self._now_ns()  # it is made to wait: that is no silence of the line
            if child is not self._child:
                return
            self._judge(block)
            self._blocks.append(block)
            self._available += block.samples.size
            while not self._joined and self._available - self._blocks[0].samples.size >= most:
                self._available -= self._blocks.popleft().samples.size

    def _judge(self, block: framing.Sound) -> None:
        """Count what sounds; a pause for breath does not count, but a longer one begins anew."""
        now_ns = self._now_ns()
        if self._heard_ns is not None and not self._delivers(now_ns):
            self._good_frames = 0
        self._heard_ns = now_ns
        if self._is_quiet(block):
            self._pause_frames += block.samples.size
            if self._pause_frames > _PAUSE_MAX_S * RATE_HZ:
                self._good_frames = 0
            return
        self._pause_frames = 0
        if not self._good_frames:
            self._good_since_ns = now_ns
        self._good_frames += block.samples.size

    @property
    def why(self) -> framing.Status:
        """Why nothing comes."""
        return self.status if self.state == "down" else _LATE


class _Child:
    """One process, run by a thread of its own; nobody else waits for it."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The process, killed and reaped at the end; a pipe that breaks ends it quietly."""
        with contextlib.suppress(OSError, framing.FramingBroken):
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                yield
            finally:
                self.kill()
                with contextlib.suppress(OSError):
                    self._process.communicate()

    def ask(self, order: framing.Order) -> bool:
        """Give an order; whether there is somebody to give it to."""
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            return False
        try:
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def answer(self) -> framing.Sound | framing.Status | None:
        """The next answer; None when there is no more.

        Raises:
            FramingBroken: it is none.
        """
        process = self._process
        if process is None or process.stdout is None or self._unwanted:
            return None
        return framing.read(process.stdout)

    def kill(self) -> None:
        """End it, also one that is only about to start; nothing is waited for."""
        self._unwanted = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    @property
    def pid(self) -> int | None:
        """Of the process, once there is one."""
        return None if self._process is None else self._process.pid
