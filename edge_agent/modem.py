"""How well the modem hears its mobile network: ModemManager is asked once a minute, beside everything else.

Its program is a child process without a shell, killed when it is late. That there is no program, no modem or no answer
is logged when it becomes so, not every minute.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence

from loa_protocol.documents.device import Signal
from loa_protocol.errors import LoaError
from loa_protocol.lines import one_line

log = logging.getLogger(__name__)

COMMAND = ("mmcli", "-m", "any", "-K")
ASK_EVERY_S = 60.0
WITHIN_S = 3.0
_ANSWER_MAX = 64 * 1024
_UNKNOWN = "--"
_PERCENT = "modem.generic.signal-quality.value"
_TECHNOLOGY = "modem.generic.access-technologies.value["
_OPERATOR = "modem.3gpp.operator-name"
_MOST, _DIGITS_MAX, _TECHNOLOGY_MAX, _OPERATOR_MAX = 100, 3, 20, 40


class ModemSilent(LoaError):
    """Nothing is known of the signal; the message says why."""

    code = "modem_silent"


class Modem:
    """Asks; `changed` is called when there is a signal to tell of, or none any more."""

    def __init__(self, device_id: str, changed: Callable[[], None], command: Sequence[str] = COMMAND) -> None:
        self._device_id, self._changed, self._command = device_id, changed, tuple(command)
        self._why = ""
        self.signal: Signal | None = None

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(ASK_EVERY_S)

    async def ask(self) -> None:
        """Once."""
        before, why = self.signal, ""
        try:
            self.signal = signal_of(await _answer(self._command))
        except ModemSilent as silent:
            self.signal, why = None, str(silent)
        if why and why != self._why:
            log.info("%s: the mobile signal is not known: %s; asking again each minute", self._device_id, why)
        self._why = why
        if (before is None) != (self.signal is None):
            self._changed()


def signal_of(answer: str) -> Signal:
    """What the lines `key : value` of ModemManager tell.

    Raises:
        ModemSilent: not how strong it is.
    """
    told = dict(_told(answer))
    percent = told.get(_PERCENT, "")
    if not (percent.isascii() and percent.isdigit() and len(percent) <= _DIGITS_MAX and int(percent) <= _MOST):
        raise ModemSilent("the modem does not say how strong it is")
    technologies = "+".join(value for key, value in told.items() if key.startswith(_TECHNOLOGY))
    return Signal(
        percent=int(percent),
        technology=technologies[:_TECHNOLOGY_MAX],
        operator=told.get(_OPERATOR, "")[:_OPERATOR_MAX],
    )


def _told(answer: str) -> Iterator[tuple[str, str]]:
    """Keys and values that are known."""
    for line in answer.splitlines():
        key, _, value = line.partition(":")
        if value.strip() not in {"", _UNKNOWN}:
            yield key.strip(), one_line(value)


async def _answer(command: Sequence[str]) -> str:
    """What the program writes.

    Raises:
        ModemSilent: there is no such program, it says that there is no modem, or it is late.
    """
    nothing, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    try:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=nothing, stdout=pipe, stderr=nothing, start_new_session=True
        )
    except OSError as error:
        raise ModemSilent(f"{command[0]} cannot be started ({error.strerror})") from error
    try:
        async with asyncio.timeout(WITHIN_S):
            raw = await _read(child)
            code = await child.wait()
    except TimeoutError as error:
        raise ModemSilent(f"{command[0]} did not answer within {WITHIN_S:.0f} s") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.communicate()  # what is left in the pipe, or it would stay open
    if code:
        raise ModemSilent(f"{command[0]} finds no modem (it ended with {code})")
    return raw.decode("utf-8", "replace")


async def _read(child: asyncio.subprocess.Process) -> bytes:
    """All of it; of what is longer than any answer, the beginning."""
    if child.stdout is None:
        return b""
    try:
        return await child.stdout.readexactly(_ANSWER_MAX)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
