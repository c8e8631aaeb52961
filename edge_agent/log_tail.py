"""The newest lines of the agent's own log, kept in memory, and which of them the next health report tells.

Rules: 200 lines are kept, information and above; each is one line of at most 300 characters, and of an address neither
who asks nor what is asked for, which may be secrets. Warnings and errors are told once by themselves. After `show` the
newest 40 are told, whatever was told before, and for 5 minutes all that comes. At most 40 at a time, the newest first.
"""

import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from edge_agent.clock import ClockKeeper
from loa_protocol.documents.device import LOG_LINES, LogLevel, LogLine
from loa_protocol.lines import one_line

KEPT = 200
SHOWN_NS = 300 * 1_000_000_000
LOGGERS = ("edge_agent", "loa_protocol")
_TEXT_MAX = 300
_READ_MAX = 2_000
_WHO = re.compile(r"://[^\s/@]*@")
_ASKED = re.compile(r"(://[^\s?]*)\?\S*")


class LogTail(logging.Handler):
    """A ring of lines; they are numbered from 1 in each life of the agent."""

    def __init__(self, clock: ClockKeeper) -> None:
        super().__init__(logging.INFO)
        self._clock = clock
        self._ring: deque[LogLine] = deque(maxlen=KEPT)
        self._last = 0
        self._told: set[int] = set()
        self._shown_from = 0
        self._shown_until_ns = clock.monotonic_ns

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear our own loggers meanwhile, even where standard error is told less than information."""
        levels = {logger: logger.level for logger in map(logging.getLogger, LOGGERS)}
        for logger in levels:
            logger.addHandler(self)
            if not logger.isEnabledFor(logging.INFO):
                logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            for logger, level in levels.items():
                logger.removeHandler(self)
                logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; the base holds a lock meanwhile, since any thread may log."""
        try:
            text = _text(record)
        except Exception:  # noqa: BLE001 - as every handler: a line that cannot be written ends nothing
            self.handleError(record)
            return
        self._last += 1
        self._ring.append(LogLine(number=self._last, at=self._clock.now(), level=_level(record.levelno), text=text))

    @property
    def shown(self) -> bool:
        """Whether somebody looks."""
        return self._clock.monotonic_ns < self._shown_until_ns

    def show(self) -> None:
        """Somebody looks, from the newest lines on."""
        self._shown_from = self._last - LOG_LINES
        self._shown_until_ns = self._clock.monotonic_ns + SHOWN_NS
        self._told = {number for number in self._told if number <= self._shown_from}

    def untold(self) -> tuple[LogLine, ...]:
        """What the next report tells, oldest first."""
        shown_from = self._shown_from if self.shown else self._last
        lines = (one for one in self._ring.copy() if one.number not in self._told)
        return tuple(one for one in lines if one.level != "info" or one.number > shown_from)[-LOG_LINES:]

    def told(self, lines: Iterable[LogLine]) -> None:
        """A report with these went out."""
        told = self._told.union(one.number for one in lines)
        self._told = {number for number in told if number > self._last - KEPT}


def _text(record: logging.LogRecord) -> str:
    said = record.getMessage()
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        said = f"{said}: {type(error).__name__}: {error}"
    return one_line(_ASKED.sub(r"\1", _WHO.sub("://", said[:_READ_MAX])))[:_TEXT_MAX]


def _level(number: int) -> LogLevel:
    if number >= logging.ERROR:
        return "error"
    return "warning" if number >= logging.WARNING else "info"
