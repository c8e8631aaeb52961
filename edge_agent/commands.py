"""Commands to this device: done once per id, answered on `reply` whatever becomes of them.

A command that was under way when the device stopped is answered as `interrupted` and not done again.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Protocol

from edge_agent.agenda import Desk
from edge_agent.clock import ClockKeeper
from edge_agent.documents import DocumentStore
from edge_agent.player import wire
from loa_protocol.documents.device import Command, CommandReply
from loa_protocol.errors import LoaError
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Past

log = logging.getLogger(__name__)

TEST_TONE = "attention"
TEST_TONE_CUE = "test-tone"
TEST_TONE_MS = 1_500
TEST_TONE_VOLUME = 50
_QUIET = timedelta(seconds=10)
_LEAD_NS = 300_000_000


class CommandRefused(LoaError):
    """A command cannot be done now; `reason` is the reply's code."""

    code = "command_refused"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason


class TonePlayer(Protocol):
    """What a test tone and a restart need of the player."""

    async def prepare(self, cue: wire.Prepare) -> wire.Ready:
        """Decode ahead."""

    async def start_at(self, occurrence: str, *, start_ns: int, volume: int = 100) -> None:
        """Sound."""

    async def start(self) -> None:
        """Begin to keep a process alive."""

    async def close(self) -> None:
        """End the process."""


class Commands:
    """The commands this agent knows."""

    def __init__(
        self,
        *,
        device_id: str,
        store: DocumentStore,
        clock: ClockKeeper,
        desk: Desk,
        player: TonePlayer | None,
        busy: Callable[[], bool],
        report_state: Callable[[], None],
        show_log: Callable[[], None],
        reply: Callable[[CommandReply], Awaitable[None]],
    ) -> None:
        self._device_id, self._store, self._clock, self._desk = device_id, store, clock, desk
        self._player, self._busy, self._report_state, self._reply = player, busy, report_state, reply
        self._show_log = show_log
        self._known: Mapping[str, Callable[[], Awaitable[str]]] = {
            "report-state": self._do_report_state,
            "show-log": self._do_show_log,
            "test-tone": self._do_test_tone,
            "restart-player": self._do_restart_player,
        }

    async def obey(self, command: Command) -> None:
        """Do a verified command, or say again what became of it.

        Raises:
            DiskFull, StorageFailed: it could not be written down, so it was not done.
        """
        before = await self._store.begin_command(command.id, expires=command.expires, now=self._clock.now())
        if before is True:
            code, message = await self._do(command)
        elif isinstance(before, CommandReply):
            code, message = before.code, before.message
        else:
            code, message = "interrupted", "the device stopped while it did this; it is not done again"
        reply = CommandReply(device=self._device_id, id=command.id, code=code, message=message)
        await self._store.end_command(reply)
        await self._reply(reply)

    async def _do(self, command: Command) -> tuple[str, str]:
        action = self._known.get(command.name)
        if action is None:
            return "command_unknown", f"this agent does not know {command.name}; update it"
        log.info("command %s: %s", command.id, command.name)
        try:
            return "", await action()
        except CommandRefused as refused:
            return refused.reason, str(refused)
        except LoaError as error:
            return error.code, str(error)

    async def _do_report_state(self) -> str:
        self._report_state()
        return "the state is published"

    async def _do_show_log(self) -> str:
        self._show_log()
        return "the newest lines of the log are told, and what comes in the next 5 minutes"

    async def _do_test_tone(self) -> str:
        """One chime at half volume, within the hours that are allowed and where nothing else is due."""
        player = self._idle_player()
        policy, now = self._desk.policy, self._clock.now()
        end = now + timedelta(milliseconds=TEST_TONE_MS)
        if policy is None or not self._clock.read().schedules_play:
            raise CommandRefused("the clock or the policy is not known; no tone without them", "clock_untrusted")
        violation = policy.allows(now, end)
        if violation is not None:
            raise CommandRefused(f"{violation.scope}: {violation.detail}", "policy")
        await player.prepare(wire.Prepare(occurrence=TEST_TONE_CUE, sources=(wire.Chime(TEST_TONE),)))
        volume = policy.volume_over(now, end, TEST_TONE_VOLUME)
        await player.start_at(TEST_TONE_CUE, start_ns=self._clock.monotonic_ns + _LEAD_NS, volume=volume)
        return f"a tone sounds at volume {volume}"

    async def _do_restart_player(self) -> str:
        player = self._idle_player()
        await player.close()
        await player.start()
        return "the player is restarted"

    def _idle_player(self) -> TonePlayer:
        if self._player is None:
            raise CommandRefused("this device has no sound output", "not_for_device")
        history: dict[Occurrence, Past] = {}
        soon = self._desk.look(history, frozenset()).segments
        due = any(segment.begin <= self._clock.now() + _QUIET for segment in soon)
        if self._busy() or due:
            raise CommandRefused("something sounds or is due within seconds; try again later", "busy")
        return self._player
