"""The edge agent put together: opens what is on disk, starts every part, and ends them in good order.

Rules: no part's failure ends the others: it is logged and started again; nothing plays before the disk was verified and
what a power cut ended was answered for; on SIGTERM sound ramps down and its receipt is written.
"""

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.agenda import Desk
from edge_agent.board_runner import BoardRunner
from edge_agent.clock import ClockKeeper, SystemTime
from edge_agent.commands import Commands
from edge_agent.config import AgentConfig
from edge_agent.content.cache import ContentCache
from edge_agent.content.fetcher import Fetcher
from edge_agent.documents import DocumentStore
from edge_agent.holdings import Holdings
from edge_agent.inbox import Inbox
from edge_agent.journal import Journal
from edge_agent.log_tail import LogTail
from edge_agent.modem import Modem
from edge_agent.notebook import Notebook
from edge_agent.outputs import player_settings
from edge_agent.player import wire
from edge_agent.player.supervisor import Player
from edge_agent.profile import Board, DeviceProfile
from edge_agent.reactions import AgentReactions
from edge_agent.refusals import Refusals
from edge_agent.reports import AGENT, Output, Reports
from edge_agent.runner import Runner
from edge_agent.services import Services
from edge_agent.session import Identity, Session
from edge_agent.trust_store import TrustStore
from edge_agent.upkeep import Upkeep
from edge_agent.uplink.receipts import ReceiptSender
from edge_agent.uplink.state import StateReporter
from edge_agent.uplink.time_questions import TimeQuestions
from edge_agent.witness import Witness
from loa_protocol import topics
from loa_protocol.documents.device import CommandReply, DeviceKind, Evidence
from loa_protocol.errors import LoaError
from loa_protocol.keys import Ed25519Signer
from loa_protocol.policy import HardLimits
from loa_protocol.receipts import Body
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink

if TYPE_CHECKING:
    from edge_agent.board.show import BoardShow

log = logging.getLogger(__name__)

BOARD_END_S = 2.0
GOODBYE_S = 0.7
_MIB = 1024 * 1024
_WALL_TOLERANCE = timedelta(days=1)
_LOST_BEFORE = "lost_before"


@dataclass(frozen=True, slots=True)
class Given:
    """What an agent is made from."""

    config: AgentConfig
    profile: DeviceProfile
    signer: Ed25519Signer
    system: SystemTime


class Agent:
    """One device."""

    def __init__(self, given: Given) -> None:
        config, profile = given.config, given.profile
        self._given, self._device_id = given, config.device
        self._folder = Path(config.state_dir)
        self._boot = secrets.token_hex(12)
        self._journal = Journal(self._folder / "journal.sqlite")
        self._store = DocumentStore(self._folder / "documents.sqlite")
        self._trust_store = TrustStore(Path(config.pinned_trust), self._folder / "trust.json")
        self._clock = ClockKeeper(self._folder / "clock.json", given.system, has_rtc=profile.has_rtc)
        self._tail = LogTail(self._clock)
        self._modem = Modem(config.device, self._health_is_due) if profile.modem == "modemmanager" else None
        quota = min(config.content_quota_bytes, profile.limits.cache_quota_mib * _MIB)
        self._cache = ContentCache(self._folder / "content", quota)
        self._refusals = Refusals()
        self._services = Services()
        self._player: Player | None = None
        self._runner: Runner | None = None
        self._show: BoardShow | None = None
        self._board: BoardRunner | None = None
        self._clock_was_usable = False
        self._needs_are_old = False

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop` is set.

        Raises:
            TrustRefused: there is no usable pinned trust list.
            StorageFailed, DiskFull: the journal cannot even be begun.
        """
        with self._tail.listening():
            await self._live(stop)

    async def _live(self, stop: asyncio.Event) -> None:
        await self._start_player()
        try:
            await self._open()
        except BaseException:
            if self._player is not None:
                await self._player.close()
            raise
        await self._begin()
        try:
            await stop.wait()
        finally:
            await self._end()

    async def _start_player(self) -> None:
        """Let the player process load and open its output while the disk is read; nobody asks it for sound before."""
        settings = player_settings(self._given.profile, self._given.config.output, self._folder)
        if settings is not None:
            self._player = Player(settings, self._player_event)
            await self._player.start()

    async def _open(self) -> None:
        """Everything from the disk, verified."""
        self._folder.mkdir(parents=True, exist_ok=True)
        trust, trust_replaced = await asyncio.to_thread(self._trust_store.load)
        await asyncio.to_thread(self._clock.load, trust.current.issued)
        await self._journal.open()
        await self._store.open()
        await asyncio.to_thread(self._cache.open)
        self._holdings = Holdings(self._device_id, trust)
        self._notebook = Notebook(
            self._journal, self._clock, self._folder / "progress.json", written=self._something_written
        )
        await self._notebook.load()
        await self._restore()
        self._witness = Witness(self._folder / "witness.json")
        witness_replaced = await asyncio.to_thread(self._witness.load)
        self._assemble()
        replaced = {
            "journal_replaced": self._journal.replaced,
            "documents_replaced": self._store.replaced,
            "trust_replaced": trust_replaced,
            "witness_replaced": witness_replaced,
        }
        await self._note_the_start([code for code, damaged in replaced.items() if damaged])

    async def _restore(self) -> None:
        floors, stored = await self._store.load()
        refused = self._holdings.restore(stored)
        self._holdings.floors |= floors
        for document, refusal in refused:
            log.warning("%s version %d is not used any more: %s", document.topic, document.version, refusal)
        await self._store.drop((document.topic, document.digest) for document, _ in refused)

    async def _note_the_start(self, damaged: list[str]) -> None:
        """The journal tells of every start, and of what was found damaged; a full disk must not keep us from living."""
        try:
            await self._notebook.note("boot", f"{AGENT}, boot {self._boot}")
            for code in damaged:
                await self._notebook.note(code, "a damaged file was set aside; see the state folder")
            if self._journal.replaced:
                await self._journal.remember(_LOST_BEFORE, "")
            if self._kind() is DeviceKind.SPEAKER:
                await self._notebook.end_what_a_power_cut_ended()
        except LoaError as error:
            log.error("the start could not be journalled: %s", error)  # noqa: TRY400 - foreseen

    def _assemble(self) -> None:
        """Make the parts; nothing runs yet."""
        device_id, clock, signer = self._device_id, self._clock, self._given.signer
        self._desk = Desk(self._holdings, clock, HardLimits(self._given.profile.limits.max_volume))
        identity = Identity(device_id, self._boot)
        self._session = Session(self._given.config.broker, identity, check_times=self._wall_is_believable)
        self._fetcher = Fetcher(
            self._cache,
            device_id=device_id,
            clock=clock,
            publish=partial(self._session.publish, qos=1),
            changed=self._content_changed,
            spoiled=self._content_spoiled,
            link=self._given.profile.link,
            probe=partial(self._session.probe, topics.to_device(Family.DEVICE_CONTENT, device_id)),
        )
        self._assemble_outputs()
        self._reports = Reports(
            device_id=device_id,
            boot=self._boot,
            state_dir=self._folder,
            min_free_bytes=self._given.profile.limits.min_free_disk_mib * _MIB,
            holdings=self._holdings,
            desk=self._desk,
            clock=clock,
            journal=self._journal,
            fetcher=self._fetcher,
            output=self._output,
            refused=self._refusals.counts,
            tail=self._tail,
            signal=lambda: self._modem.signal if self._modem is not None else None,
            link=self._given.profile.link,
            witness=self._witness,
        )
        publish = self._session.publish
        retained = partial(publish, retain=True)
        self._state = StateReporter(signer, device_id=device_id, compose=self._reports.state, publish=retained)
        self._sender = ReceiptSender(self._journal, signer, device_id=device_id, clock=clock.read, publish=publish)
        # QoS 0: waiting for the broker's PUBACK would widen the round trip, and with it the clock's error, fourfold.
        self._questions = TimeQuestions(
            clock, device_id=device_id, publish=partial(publish, qos=0), witnessed=lambda: self._witness.head
        )
        self._assemble_inbox()
        self._assemble_upkeep()

    def _assemble_outputs(self) -> None:
        if self._player is not None:
            self._runner = Runner(
                desk=self._desk,
                notebook=self._notebook,
                player=self._player,
                content=self._fetcher,
                path=self._cache.path,
                clock=self._clock,
                told=self._told,
            )
        if self._given.profile.board is not None:
            self._assemble_board(self._given.profile.board)

    def _assemble_board(self, board: Board) -> None:
        # Pictures, fonts and arrays take 15 MB that a loudspeaker has no use for.
        from edge_agent.board.outfit import open_driver, open_show  # noqa: PLC0415

        own = self._given.config.output
        folder = Path(own.path) if own is not None and own.kind == "file" and own.path else None
        self._board = BoardRunner(
            desk=self._desk,
            notebook=self._notebook,
            clock=self._clock,
            told=self._told,
            content=self._fetcher,
            path=self._cache.path,
        )
        driver = open_driver(board, self._folder, self._clock.now, folder=folder)
        self._show = open_show(board, driver, self._board)
        self._board.attach(self._show)

    def _assemble_inbox(self) -> None:
        commands = Commands(
            device_id=self._device_id,
            store=self._store,
            clock=self._clock,
            desk=self._desk,
            player=self._player,
            busy=lambda: self._runner is not None and self._runner.busy,
            report_state=self._state.repeat,
            show_log=self._show_log,
            reply=self._reply,
        )
        self._reactions = AgentReactions(
            device_id=self._device_id,
            holdings=self._holdings,
            store=self._store,
            desk=self._desk,
            clock=self._clock,
            fetcher=self._fetcher,
            notebook=self._notebook,
            session=self._session,
            sender=self._sender,
            state=self._state,
            questions=self._questions,
            witness=self._witness,
            commands=commands,
            recompute=self._recompute,
        )
        self._inbox = Inbox(
            holdings=self._holdings,
            store=self._store,
            trust_store=self._trust_store,
            clock=self._clock,
            refusals=self._refusals,
            content=self._fetcher,
            reactions=self._reactions,
            journal=self._write,
        )

    def _assemble_upkeep(self) -> None:
        self._upkeep = Upkeep(
            device_id=self._device_id,
            session=self._session,
            reports=self._reports,
            tail=self._tail,
            refusals=self._refusals,
            notebook=self._notebook,
            journal=self._journal,
            clock=self._clock,
            holdings=self._holdings,
            reactions=self._reactions,
            each_second=self._each_second,
        )

    async def _begin(self) -> None:
        """Start every part."""
        await self._reactions.documents_changed()
        self._services.start("session", lambda: self._session.run(self._take, self._connected))
        self._services.start("receipts", self._sender.run)
        self._services.start("state", self._state.run)
        self._services.start("time", self._questions.run)
        self._services.start("content", self._fetcher.run)
        self._services.start("content lag", self._fetcher.watch_lag)
        self._services.start("upkeep", self._upkeep.run)
        if self._modem is not None:
            self._services.start("modem", self._modem.run)
        if self._runner is not None:
            self._services.start("runner", self._runner.run)
        if self._board is not None and self._show is not None:
            self._services.start("board timeline", self._board.run)
            self._services.start("board", self._show.run)

    async def _end(self) -> None:
        """Silence first, then receipts, then the network, then the disk."""
        log.info("%s: ending", self._device_id)
        if self._runner is not None:
            await self._services.end("runner")
            with contextlib.suppress(LoaError):
                await self._runner.close()
        if self._show is not None:
            self._show.stop()
            await self._services.finish("board", BOARD_END_S)
        if self._player is not None:
            await self._player.close()
        await self._send_the_last()
        await self._services.end()
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._clock.save)
        await self._fetcher.close()
        await self._store.close()
        await self._journal.close()

    async def _send_the_last(self) -> None:
        """Give the newest receipts a moment to be acknowledged."""
        self._sender.wake()
        loop = asyncio.get_running_loop()
        until_s = loop.time() + GOODBYE_S
        while self._session.connected.is_set() and loop.time() < until_s:
            if self._journal.head.acknowledged == self._journal.head.sequence:
                return
            await asyncio.sleep(0.05)

    # What happens.

    async def _take(self, topic: str, payload: bytes) -> None:
        await self._inbox.take(topic, payload)
        await self._note_clock()

    async def _note_clock(self) -> None:
        """The first moment at which schedules may play: look again at what waited for it."""
        usable = self._clock.read().schedules_play
        if usable == self._clock_was_usable:
            return
        self._clock_was_usable = usable
        if usable:
            await self._settle_the_lost()
            await self._inbox.clock_usable()
            self._reactions.needs_changed()
        self._recompute()
        self._state.changed()

    async def _settle_the_lost(self) -> None:
        """A journal that was replaced knows nothing of what began before; that moment is fixed once it is known."""
        lost = await self._journal.recall(_LOST_BEFORE)
        if lost is None or self._runner is None:
            return
        before = datetime.fromisoformat(lost) if lost else self._clock.now()
        if not lost:
            await self._journal.remember(_LOST_BEFORE, before.isoformat())
        self._runner.begin_nothing_before(before)

    async def _connected(self) -> None:
        self._questions.connected()
        self._sender.connected()
        self._state.repeat()
        self._health_is_due()

    def _player_event(self, event: wire.Event) -> None:
        if self._runner is None:
            return  # it is there before everything else; `opened` tells so when the rest is
        self._runner.on_event(event)
        if isinstance(event, wire.Opened | wire.Fault):
            self._state.changed()

    def _health_is_due(self) -> None:
        self._upkeep.health_is_due()

    def _show_log(self) -> None:
        self._tail.show()
        self._health_is_due()

    def _told(self) -> None:
        """Something began or ended: what the cache must hold is looked at within a second, not here and now."""
        self._needs_are_old = True
        self._state.changed()

    async def _each_second(self) -> None:
        await self._note_clock()
        if self._needs_are_old:
            self._needs_are_old = False
            self._reactions.needs_changed()

    def _something_written(self) -> None:
        self._sender.wake()
        self._state.changed()

    def _content_changed(self) -> None:
        self._reactions.subscribe()
        self._recompute()
        self._state.changed()

    async def _content_spoiled(self, root: str) -> None:
        with contextlib.suppress(LoaError):
            await self._notebook.note("content_thrown_away", f"{root} did not match its index; it is fetched again")

    def _recompute(self) -> None:
        for runner in (self._runner, self._board):
            if runner is not None:
                runner.changed()

    async def _write(self, body: Body) -> None:
        await self._notebook.write(body)

    async def _reply(self, reply: CommandReply) -> None:
        raw = seal_uplink("command-reply", reply, self._given.signer)
        await self._session.publish(topics.up(Family.UP_REPLY, self._device_id), raw)

    # Small facts.

    def _kind(self) -> DeviceKind:
        assignment = self._holdings.assignment
        if assignment is not None:
            return assignment.kind
        return DeviceKind.BOARD if self._given.profile.kind == "board" else DeviceKind.SPEAKER

    def _output(self) -> Output:
        if self._kind() is DeviceKind.BOARD:
            playing = self._board.playing if self._board is not None else ""
            return Output(open=self._board is not None, evidence=Evidence.DEVICE, playing=playing)
        opened = self._player.opened if self._player is not None else None
        evidence = Evidence(opened.evidence) if opened is not None else Evidence.SIGNAL
        playing = self._runner.playing if self._runner is not None else ""
        relay_down = self._runner.relay_down if self._runner is not None else ""
        return Output(open=opened is not None, evidence=evidence, playing=playing, relay_down=relay_down)

    def _wall_is_believable(self) -> bool:
        """Whether certificate times mean anything: our clock is known, and the system's agrees with it."""
        reading = self._clock.read()
        return reading.schedules_play and abs(self._given.system.wall() - reading.now) < _WALL_TOLERANCE
