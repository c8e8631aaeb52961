"""What the device says of itself: the signed state and the unsigned health, put together from its parts."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from edge_agent import checks, vitals
from edge_agent.agenda import Desk
from edge_agent.clock import ClockKeeper
from edge_agent.content.fetcher import Fetcher
from edge_agent.holdings import Holdings
from edge_agent.journal import Journal
from edge_agent.log_tail import LogTail
from edge_agent.witness import Witness
from loa_protocol.documents.device import DeviceState, Evidence, Health, LinkClass, Signal

AGENT = "loa-agent 0.1.0"
READY_WITHIN = timedelta(hours=1)
_MISSING_MAX = 500


@dataclass(frozen=True, slots=True)
class Output:
    """The sound output or the board, as far as reports need it; `open` None: the device has none."""

    open: bool | None
    evidence: Evidence
    playing: str
    relay_down: str = ""


class Reports:
    """Composes state and health, and remembers what is wrong."""

    def __init__(
        self,
        *,
        device_id: str,
        boot: str,
        state_dir: Path,
        min_free_bytes: int,
        holdings: Holdings,
        desk: Desk,
        clock: ClockKeeper,
        journal: Journal,
        fetcher: Fetcher,
        output: Callable[[], Output],
        refused: Mapping[str, int],
        tail: LogTail,
        signal: Callable[[], Signal | None],
        link: LinkClass = "mobile",
        witness: Witness | None = None,
    ) -> None:
        self._witness = witness or Witness(None)
        self._link, self._tail, self._signal = link, tail, signal
        self._device_id, self._boot, self._state_dir = device_id, boot, state_dir
        self._min_free_bytes = min_free_bytes
        self._holdings, self._desk, self._clock = holdings, desk, clock
        self._journal, self._fetcher, self._output, self._refused = journal, fetcher, output, refused
        self._born_ns = clock.monotonic_ns
        self._cpu: tuple[int, float] | None = None
        self._open_ns = self._acknowledged_ns = clock.monotonic_ns
        self._acknowledged = -1
        self.faults: dict[str, str] = {}

    async def state(self) -> DeviceState:
        """The state now."""
        reading, output = self._clock.read(), self._output()
        audit_head, audit_disowned = self._witness.texts
        free = await asyncio.to_thread(vitals.look, self._state_dir)
        return DeviceState(
            device=self._device_id,
            boot=self._boot,
            issued=reading.now,
            agent=AGENT,
            have=self._holdings.versions,
            ready=self._ready(output),
            missing=self._fetcher.missing[:_MISSING_MAX],
            clock=reading.report(),
            evidence=output.evidence,
            free_bytes=free.free_bytes,
            journal=self._journal.head,
            playing=output.playing[:100],
            relay_down=output.relay_down,
            link=self._link,
            audit_head=audit_head,
            audit_disowned=audit_disowned,
        )

    async def health(self) -> Health:
        """The figures now."""
        now_ns = self._clock.monotonic_ns
        seen = await asyncio.to_thread(vitals.look, self._state_dir)
        before, self._cpu = self._cpu, (now_ns, seen.cpu_s)
        percent = None
        if before is not None and now_ns > before[0]:
            percent = round(100 * (seen.cpu_s - before[1]) / ((now_ns - before[0]) / 1e9), 1)
        return Health(
            device=self._device_id,
            uptime_s=(now_ns - self._born_ns) // 1_000_000_000,
            cpu_percent=percent,
            memory_bytes=seen.memory_bytes,
            temperature_c=seen.temperature_c,
            free_bytes=seen.free_bytes,
            refused=dict(self._refused),
            faults=self.faults,
            boot=self._boot,
            signal=self._signal(),
            log=self._tail.untold(),
        )

    async def diagnose(self, *, connected: bool) -> tuple[dict[str, str], tuple[str, ...]]:
        """Look for faults; gives those that are new, and the names of those that are gone."""
        seen = await asyncio.to_thread(vitals.look, self._state_dir)
        found = checks.faults(self._condition(seen.free_bytes, connected=connected))
        fresh = {code: text for code, text in found.items() if code not in self.faults}
        gone = tuple(code for code in self.faults if code not in found)
        self.faults = found
        return fresh, gone

    def _condition(self, free_bytes: int, *, connected: bool) -> checks.Condition:
        now_ns, head, output = self._clock.monotonic_ns, self._journal.head, self._output()
        if output.open is not False:
            self._open_ns = now_ns
        if head.acknowledged != self._acknowledged or head.sequence == head.acknowledged or not connected:
            self._acknowledged, self._acknowledged_ns = head.acknowledged, now_ns
        return checks.Condition(
            clock=self._clock.read().state,
            connected=connected,
            free_bytes=free_bytes,
            min_free_bytes=self._min_free_bytes,
            output_open=output.open,
            relay_down=output.relay_down,
            output_down_s=(now_ns - self._open_ns) / 1e9,
            unacknowledged=head.sequence - head.acknowledged,
            unacknowledged_s=(now_ns - self._acknowledged_ns) / 1e9,
        )

    def _ready(self, output: Output) -> bool:
        """Whether what is due within the hour would sound."""
        usable = self._holdings.assignment is not None and self._clock.read().schedules_play
        return usable and output.open is not False and not self._fetcher.missing_before(READY_WITHIN)
