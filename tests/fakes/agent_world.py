"""An agent's inside without network, processes or waiting: time is set by hand, the player only says what it did."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from edge_agent.agenda import Desk
from edge_agent.clock import ClockKeeper
from edge_agent.documents import StoredDocument
from edge_agent.holdings import Held, Holdings
from edge_agent.journal import Journal
from edge_agent.notebook import Notebook
from edge_agent.player import wire
from edge_agent.player.errors import PlayerUnavailableError, PrepareFailedError
from edge_agent.runner import Runner
from loa_protocol import topics
from loa_protocol.documents import Versioned
from loa_protocol.documents.device import Assignment, DeviceKind
from loa_protocol.documents.emergency import Stop
from loa_protocol.documents.plan import Broadcast, Content, ContentSegment, OnPreempt, Plan, Withdrawn
from loa_protocol.documents.trust import Role, RoleKeys, TrustList
from loa_protocol.envelope import seal
from loa_protocol.ids import Level
from loa_protocol.keys import Ed25519Signer
from loa_protocol.policy import HardLimits
from loa_protocol.receipts import Body, Receipt, Started, decode_entry
from loa_protocol.spoken import every_ref
from loa_protocol.topics import Family
from loa_protocol.trust import Trust, pin

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
DEVICE = "loa-1"
COMMUNE = "u-xa-1"
MS = timedelta(milliseconds=1)
_NS_PER_MS = 1_000_000


@dataclass
class FakeSystem:
    """Clocks that stand still until moved."""

    mono_ns: int = 1_000_000_000_000
    slept_ns: int = 0
    boot: str = "boot-1"
    wall_now: datetime = NOW

    def monotonic_ns(self) -> int:
        return self.mono_ns

    def boottime_ns(self) -> int:
        return self.mono_ns + self.slept_ns

    def wall(self) -> datetime:
        return self.wall_now

    def boot_id(self) -> str:
        return self.boot

    def pass_ms(self, ms: float) -> None:
        self.mono_ns += round(ms * _NS_PER_MS)


def trust_of(*signers: tuple[Role, Ed25519Signer], version: int = 1, root: Ed25519Signer | None = None) -> Trust:
    """A pinned list with one key a role; the root signs it alone."""
    root = root or Ed25519Signer.generate("root")
    everybody = ((Role.ROOT, root), *signers)
    listed = TrustList(
        version=version,
        issued=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=365),
        keys={signer.keyid: signer.trust_key(signer.keyid) for _, signer in everybody},
        roles={role: RoleKeys(threshold=1, keys=(signer.keyid,)) for role, signer in everybody},
    )
    return pin(seal("trust", listed, [root]))


def content_named(name: str, *, duration_ms: int = 1000) -> Content:
    """A manifest's line for content nobody has to send."""
    import hashlib

    root = hashlib.sha256(name.encode()).hexdigest()
    return Content(root=root, bytes=20_000, chunk_bytes=16_384, media_type="audio/ogg", duration_ms=duration_ms)


@dataclass
class _Sounding:
    cue: str
    begin_ns: int
    end_ns: int
    offset_ms: int
    told: bool = False


@dataclass
class FakePlayer:
    """Obeys like the real one, in no time; `heard` is what would have sounded: (cue, begin_ns, end_ns)."""

    system: FakeSystem
    on_event: Callable[[wire.Event], None] = lambda _event: None
    broken: bool = False
    down: bool = False
    refuses: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[str, int, int]] = field(default_factory=list)
    prepared: dict[str, wire.Prepare] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    loudness_db: float = -20.0
    _current: _Sounding | None = None
    _armed: list[_Sounding] = field(default_factory=list)

    async def prepare(self, cue: wire.Prepare) -> wire.Ready:
        if self.broken:
            raise PlayerUnavailableError("there is no player")
        reason = self.refuses.get(cue.occurrence)
        if reason is not None:
            raise PrepareFailedError("it cannot be played", reason=reason)
        self.prepared[cue.occurrence] = cue
        return wire.Ready(occurrence=cue.occurrence, duration_ms=0)

    async def start_at(
        self, occurrence: str, *, start_ns: int, volume: int = 100, latest_ns: int | None = None
    ) -> None:
        assert latest_ns is None
        if self.opened is None:
            self._tell(occurrence, "failed", "player_unavailable")
            return
        cue = self.prepared.pop(occurrence, None)
        if cue is None:
            self._tell(occurrence, "failed", "not_prepared")
            return
        self.volumes[occurrence] = volume
        length_ms = max(0, (cue.end_ms or 0) - 250 - cue.offset_ms)
        begin = max(start_ns, self.system.mono_ns)
        self._armed.append(_Sounding(occurrence, begin, begin + length_ms * _NS_PER_MS, cue.offset_ms))

    async def stop(self, occurrence: str | None = None, *, ramp_ms: int = 20) -> None:
        assert ramp_ms <= 50
        for name in [name for name in self.prepared if occurrence in (None, name)]:
            del self.prepared[name]
        for one in [one for one in self._armed if occurrence in (None, one.cue)]:
            self._armed.remove(one)
            self._tell(one.cue, "stopped", "stopped")
        if self._current is not None and occurrence in (None, self._current.cue):
            self._end(self.system.mono_ns, "stopped", "stopped")

    async def end_at(self, occurrence: str, end_ms: int) -> None:
        if self._current is not None and self._current.cue == occurrence:
            end_ns = self._current.begin_ns + (end_ms - self._current.offset_ms) * _NS_PER_MS
            self._current.end_ns = max(self.system.mono_ns, end_ns)

    async def volume(self, volume: int, occurrence: str | None = None) -> None:
        if occurrence is not None:
            self.volumes[occurrence] = volume

    def die(self) -> None:
        """The process is gone."""
        for one in [*self._armed, *([self._current] if self._current else [])]:
            self._tell(one.cue, "interrupted", "player_died")
        self._armed, self._current = [], None
        self.down = True

    def back(self) -> None:
        """The next process is there; what was prepared was prepared again."""
        self.down = False
        self.on_event(wire.Opened(pid=1, output="fake", evidence="signal"))

    @property
    def opened(self) -> wire.Opened | None:
        """What the running process said of its output."""
        return None if self.down or self.broken else wire.Opened(pid=1, output="fake", evidence="signal")

    def play(self) -> None:
        """Bring the sound up to the system's time."""
        now = self.system.mono_ns
        while True:
            due = min((one for one in self._armed if one.begin_ns <= now), key=lambda one: one.begin_ns, default=None)
            current = self._current
            if current is not None and current.end_ns <= (due.begin_ns if due else now):
                self._end(current.end_ns, "played", None)
            elif due is not None:
                if current is not None:
                    self._end(due.begin_ns, "stopped", "superseded")
                self._armed.remove(due)
                self._current = due
                self.on_event(wire.FirstSample(occurrence=due.cue, dac_ns=due.begin_ns, skew_ms=0.0))
            else:
                return

    def _end(self, at_ns: int, outcome: wire.Outcome, reason: str | None) -> None:
        current, self._current = self._current, None
        assert current is not None
        if at_ns > current.begin_ns:
            self.heard.append((current.cue, current.begin_ns, at_ns))
        played_ms = round((at_ns - current.begin_ns) / _NS_PER_MS)
        self.on_event(
            wire.Ended(
                occurrence=current.cue,
                outcome=outcome,
                reason=reason,
                evidence="signal",
                played_ms=played_ms,
                frames=played_ms * 48,
                position_ms=current.offset_ms + played_ms,
                rms_dbfs=self.loudness_db,
                peak_dbfs=self.loudness_db + 6,
                dac_ns=current.begin_ns,
                skew_ms=0.0,
            )
        )

    def _tell(self, cue: str, outcome: wire.Outcome, reason: str) -> None:
        self.on_event(wire.Ended(occurrence=cue, outcome=outcome, reason=reason, evidence="signal"))


@dataclass
class FakeCache:
    """Which content is there."""

    have: set[str] = field(default_factory=set)
    all_there: bool = True
    rechecked: list[str] = field(default_factory=list)
    good: bool = True

    def ready(self, root: str) -> bool:
        return self.all_there or root in self.have

    async def recheck(self, root: str) -> bool:
        self.rechecked.append(root)
        if not self.good:
            self.all_there = False
            self.have.discard(root)
        return self.good


class World:
    """One loudspeaker's runner over a real journal in `folder`; a new life is begun with `reborn`."""

    def __init__(self, folder: Path, *, kind: DeviceKind = DeviceKind.SPEAKER) -> None:
        self.folder, self.kind = folder, kind
        self.system = FakeSystem()
        self.cache = FakeCache()
        self.holdings = Holdings(DEVICE, trust_of())
        self.versions = 0
        self.lengths: dict[str, int] = {}
        self.heard: list[tuple[str, int, int]] = []
        self._hold(self._assignment())

    async def born(self) -> None:
        """Begin a life of the agent: disk first, then the runner."""
        self.clock = ClockKeeper(self.folder / "clock.json", self.system)
        self.clock.answered(sent_ns=self.system.mono_ns, received_ns=self.system.mono_ns, now=self.utc)
        self.journal = Journal(self.folder / "journal.sqlite")
        await self.journal.open()
        self.notebook = Notebook(self.journal, self.clock, self.folder / "progress.json", written=lambda: None)
        await self.notebook.load()
        if self.kind is DeviceKind.SPEAKER:
            await self.notebook.end_what_a_power_cut_ended()
        self.desk = Desk(self.holdings, self.clock, HardLimits())
        self.desk.refresh()
        self.player = FakePlayer(self.system)
        self.runner = Runner(
            desk=self.desk,
            notebook=self.notebook,
            player=self.player,
            content=self.cache,
            path=lambda root: Path("/nowhere") / root,
            clock=self.clock,
            told=lambda: None,
        )
        self.player.on_event = self.runner.on_event

    async def power_cut(self) -> None:
        """Everything but the disk is gone."""
        self._cut_sound()
        await self.journal.close()

    async def reborn(self, *, off_ms: float = 500) -> None:
        """A power cut, and the next life after `off_ms`."""
        await self.power_cut()
        self.system.pass_ms(off_ms)
        await self.born()

    def _cut_sound(self) -> None:
        current = self.player._current
        self.heard += self.player.heard
        if current is not None and self.system.mono_ns > current.begin_ns:
            self.heard.append((current.cue, current.begin_ns, self.system.mono_ns))

    @property
    def utc(self) -> datetime:
        """True time."""
        return NOW + timedelta(microseconds=(self.system.mono_ns - 1_000_000_000_000) / 1000)

    async def live(
        self, ms: float, *, step_ms: float = 50.0, meanwhile: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Let time pass; the runner looks at least every `step_ms`."""
        import asyncio

        left = ms
        while left > 0:
            for _ in range(3):
                await asyncio.sleep(0)  # prepares run as tasks
            wait_ms = await self.runner.tick() * 1000
            passed = min(left, step_ms, max(1.0, wait_ms))
            self.system.pass_ms(passed)
            self.player.play()
            left -= passed
            if meanwhile is not None:
                await meanwhile()
        for _ in range(4):
            await asyncio.sleep(0)
            await self.runner.tick()

    def broadcast(
        self,
        name: str,
        *,
        in_ms: float = 5000,
        duration_ms: int = 1000,
        late_ms: float = 10_000,
        level: Level = Level.NORMAL,
        on_preempt: OnPreempt = OnPreempt.RESUME,
        **other: object,
    ) -> Broadcast:
        """A broadcast with a content of its own name."""
        start = self.utc + in_ms * MS
        return Broadcast(
            id=name,
            start=start,
            latest_start=start + late_ms * MS,
            duration_ms=duration_ms,
            level=level,
            segments=(ContentSegment(ref=name),),
            on_preempt=on_preempt,
            volume=80,
            **other,
        )

    def spoken(self, name: str, *, ref_ms: int, longest_ms: int, **variants_ms: int) -> Broadcast:
        """A broadcast with a variant `<name>-<language>` for each of these languages."""
        self.lengths |= {name: ref_ms} | {f"{name}-{language}": ms for language, ms in variants_ms.items()}
        said = ContentSegment(ref=name, variants={language: f"{name}-{language}" for language in variants_ms})
        return replace(self.broadcast(name, in_ms=2000, duration_ms=longest_ms), segments=(said,))

    def speaks(self, *languages: str) -> None:
        """Accept an assignment with these languages."""
        self.versions += 1
        self._hold(replace(self._assignment(), languages=languages, version=1 + self.versions))

    def plan(self, *broadcasts: Broadcast, withdrawn: tuple[Withdrawn, ...] = (), days: float = 13) -> Plan:
        """Accept a plan of the commune that names exactly these."""
        self.versions += 1
        plan = Plan(
            scope=COMMUNE,
            version=self.versions,
            issued=self.utc,
            expires=self.utc + timedelta(days=days),
            horizon=self.utc + timedelta(days=13),
            broadcasts=broadcasts,
            withdrawn=withdrawn,
            manifest={
                ref: content_named(ref, duration_ms=self.lengths.get(ref, one.duration_ms))
                for one in broadcasts
                for ref in (*every_ref(one.segments), *(one.board.refs if one.board is not None else ()))
            },
        )
        self._hold(plan)
        return plan

    def stop(self, *, for_ms: float = 0, broadcast: str | None = None) -> None:
        """Accept a stop of the commune."""
        self.versions += 1
        until, expires = self.utc + for_ms * MS, self.utc + timedelta(hours=2)
        self._hold(
            Stop(
                scope=COMMUNE,
                version=self.versions,
                issued=self.utc,
                expires=expires,
                until=until,
                broadcast=broadcast,
            )
        )

    def _assignment(self) -> Assignment:
        return Assignment(
            scope=f"d-{DEVICE}",
            version=1,
            issued=NOW,
            expires=NOW + timedelta(days=300),
            kind=self.kind,
            units=(COMMUNE,),
        )

    def _hold(self, document: Versioned) -> None:
        families = {Plan: Family.PLAN, Stop: Family.STOP}
        family = families.get(type(document))
        own = topics.to_device(Family.ASSIGNMENT, DEVICE)
        topic = own if family is None else topics.scoped(family, document.scope)
        stored = StoredDocument(topic, f"{document.version:064x}", document.version, b"", self.utc)
        older = self.holdings.held.get(topic, []) if isinstance(document, Plan) else []
        self.holdings.held[topic] = [*older, Held(stored, document)]
        if hasattr(self, "desk"):
            self.desk.refresh()
            self.runner.changed()

    async def bodies(self) -> list[Body]:
        """Everything in the journal."""
        pending = await self.journal.pending(0, 10_000)
        return [decode_entry(raw).body for raw in pending.entries]

    async def receipts(self) -> dict[str, list[Receipt]]:
        """Receipts by broadcast."""
        found: dict[str, list[Receipt]] = {}
        for body in await self.bodies():
            if isinstance(body, Receipt):
                found.setdefault(body.occurrence.id, []).append(body)
        return found

    async def starts(self) -> list[str]:
        """Broadcasts that began, in order."""
        return [body.occurrence.id for body in await self.bodies() if isinstance(body, Started)]

    def sounds(self) -> list[tuple[str, int, int]]:
        """Everything heard in all lives: (broadcast, begin_ns, end_ns)."""
        return [(cue.split(".")[0], begin, end) for cue, begin, end in (*self.heard, *self.player.heard)]
