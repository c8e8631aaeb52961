"""Keeps a board showing what it should, and accounts for it.

Rules: `started` is committed in the journal before an item's first frame; a page stands for its dwell and is read back
when it appears and again before it stays on; a fault of the board becomes part of the result and never ends the show;
outside every window the board shows its resting picture. All instants come from the clock port.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from edge_agent.board.drivers.port import FrameDriver
from edge_agent.board.frame import Frame
from edge_agent.board.items import BoardItem, Ending, ItemResult, Showing
from edge_agent.board.layout import Look
from edge_agent.board.pictures import Picture, draw
from edge_agent.board.rotation import Rotation
from edge_agent.board.typeface import Typeface
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

_NS_PER_MS = 1_000_000
_RETRY_NS = 1_000 * _NS_PER_MS
_REST_RETRY_NS = 5_000 * _NS_PER_MS
_IDLE_NS = 3_600_000 * _NS_PER_MS
_SCROLL_PROOF_NS = 1_000 * _NS_PER_MS


class ShowClock(Protocol):
    """The clock the show runs on."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC."""

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Return at that instant or, when it has passed, at once."""


class ShowJournal(Protocol):
    """Where the agent writes receipts."""

    async def started(self, item: BoardItem, at_ns: int) -> None:
        """Commit that the item is about to be shown; a LoaError raised here keeps it off the board."""

    async def ended(self, result: ItemResult) -> None:
        """Take the result of an item whose window had opened; called once for each."""


class BoardShow:
    """One board. `replace` and `stop` may be called at any time from the event loop that runs `run`."""

    def __init__(
        self,
        driver: FrameDriver,
        clock: ShowClock,
        journal: ShowJournal,
        face: Typeface,
        *,
        look: Look | None = None,
        resting: Frame | None = None,
    ) -> None:
        self._driver, self._clock, self._journal, self._face = driver, clock, journal, face
        self._look = look or Look()
        self._resting = resting or Frame.plain(driver.size, self._look.ground)
        self._rotation = Rotation()
        self._pictures: dict[str, Picture] = {}
        self._ended: list[tuple[Showing, Ending]] = []
        self._changed = asyncio.Event()
        self._stopping = False
        self._on_board: _OnBoard | None = None
        self._rests = False

    def replace(self, items: Iterable[BoardItem]) -> None:
        """Show these items from now on, each in its window, instead of those given before."""
        self._ended += self._rotation.replace(items, self._clock.monotonic_ns())
        self._changed.set()

    def stop(self) -> None:
        """End the show: the board rests, items that were begun end as `stopped`, `run` returns."""
        self._stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Show until `stop`."""
        while not self._stopping:
            self._changed.clear()
            await self._step()
        self._ended += [(showing, Ending.STOPPED) for showing in self._rotation.begun()]
        await self._rest()
        await self._tell_ended()
        await asyncio.to_thread(self._driver.close)

    async def _step(self) -> None:
        now = self._clock.monotonic_ns()
        self._ended += self._rotation.over(now)
        showing = self._rotation.choose(now)
        if showing is None:
            await self._rest()
            await self._tell_ended()
            change = self._rotation.next_change_ns(now, None)
            await self._wait([change, None if self._rests else now + _REST_RETRY_NS])
            return
        await self._tell_ended()
        if await self._begin(showing, now) and not self._changed.is_set():
            picture = self._pictures[showing.item.occurrence]
            paged = showing.page < len(picture.pages)
            await (self._show_page(showing, picture) if paged else self._show_scroll(showing, picture))

    async def _begin(self, showing: Showing, now_ns: int) -> bool:
        """Draw it and commit its start; False when it cannot be shown, which then is its result."""
        item = showing.item
        drawn = self._pictures.get(item.occurrence)
        if showing.begun and drawn is not None and drawn.item.image == item.image:
            return True
        try:
            picture = await asyncio.to_thread(draw, item, self._driver.size, self._face, self._look)
            if not showing.begun:
                await self._journal.started(item, now_ns)
        except LoaError as fault:
            log.warning("%s is not shown: %s", item.occurrence, fault, extra={"code": fault.code})
            showing.failed(0, fault.code)
            self._rotation.drop(showing)
            self._ended.append((showing, Ending.FAILED))
            return False
        if showing.begun:
            showing.redrawn()
        showing.begun, showing.pages, showing.left_out = True, picture.turns, picture.left_out
        showing.undrawn = picture.undrawn
        self._pictures[item.occurrence] = picture
        return True

    async def _show_page(self, showing: Showing, picture: Picture) -> None:
        frame = picture.pages[showing.page]
        if showing.due_ns is None or not self._holds(showing, frame):
            # A page that stays on is still there, or what another program put over it is found and shown anew.
            if self._holds(showing, frame) and self._on_board is not None:
                await self._prove(self._on_board)
            holds = self._holds(showing, frame) or await self._put(showing, frame, showing.page)
            showing.due_ns = self._clock.monotonic_ns() + (showing.item.dwell_ms * _NS_PER_MS if holds else _RETRY_NS)
        now = self._clock.monotonic_ns()
        await self._wait([showing.due_ns, self._rotation.next_change_ns(now, showing)])
        if self._clock.monotonic_ns() >= showing.due_ns:
            showing.due_ns = None
            self._next_page(showing, picture)

    async def _show_scroll(self, showing: Showing, picture: Picture) -> None:
        now = self._clock.monotonic_ns()
        held = self._on_board
        if held is None or held.showing is not showing or picture.pass_began_ns is None:
            picture.pass_began_ns = picture.proven_ns = now
        offset = picture.offset_px(now)
        if picture.passed(offset):
            picture.pass_began_ns = None
            self._next_page(showing, picture)
            return
        frame = await asyncio.to_thread(picture.frame_at, offset)
        # A moving text is read back once a second, starting when it is inside the board.
        proof = now - picture.proven_ns >= _SCROLL_PROOF_NS
        picture.proven_ns = now if proof else picture.proven_ns
        shown = await self._put(showing, frame, showing.page, read_back=proof)
        pause = self._driver.frame_interval_ms * _NS_PER_MS if shown else _RETRY_NS
        await self._wait([now + pause, self._rotation.next_change_ns(now, showing)])

    def _next_page(self, showing: Showing, picture: Picture) -> None:
        """One has stood, or the strip has passed; after the last the item has had its turn."""
        showing.page = (showing.page + 1) % picture.turns
        if not showing.page:
            self._rotation.turn_over(showing)

    def _holds(self, showing: Showing, frame: Frame) -> bool:
        held = self._on_board
        return held is not None and held.showing is showing and held.frame is frame and held.sound

    async def _put(self, showing: Showing, frame: Frame, page: int, *, read_back: bool = True) -> bool:
        """Give the board a frame and let it prove it; tells whether the board took it."""
        self._rests = False
        try:
            await asyncio.to_thread(self._driver.show, frame)
        except LoaError as fault:
            log.warning("%s page %d: %s", showing.item.occurrence, page + 1, fault, extra={"code": fault.code})
            showing.failed(page, fault.code)
            self._leave(self._clock.monotonic_ns())
            return False
        now = self._clock.monotonic_ns()
        self._leave(now)
        showing.shown(now, self._driver.brightness_percent)
        self._on_board = _OnBoard(showing, frame, page, now)
        if read_back:
            await self._prove(self._on_board)
        return True

    async def _prove(self, held: "_OnBoard") -> None:
        expected = await asyncio.to_thread(self._driver.expected_sha256, held.frame)
        found = None
        try:
            found = await asyncio.to_thread(self._driver.read_back)
        except LoaError as fault:
            held.showing.failed(held.page, fault.code)
        held.showing.prove(held.page, expected, found)
        held.sound = found == expected

    async def _rest(self) -> None:
        if self._rests:
            return
        try:
            await asyncio.to_thread(self._driver.show, self._resting)
            self._rests = True
        except LoaError as fault:
            log.error("the board could not be cleared, trying again: %s", fault, extra={"code": fault.code})  # noqa: TRY400
        self._leave(self._clock.monotonic_ns())

    def _leave(self, now_ns: int) -> None:
        """Account for the time the last frame was on the board."""
        if self._on_board is not None:
            self._on_board.showing.shown_ns += now_ns - self._on_board.since_ns
            self._on_board = None

    async def _tell_ended(self) -> None:
        ended, self._ended = self._ended, []
        for showing, ending in ended:
            if self._on_board is not None and self._on_board.showing is showing:
                self._leave(self._clock.monotonic_ns())
            self._pictures.pop(showing.item.occurrence, None)
            await self._journal.ended(showing.result(ending))

    async def _wait(self, instants_ns: Iterable[int | None]) -> None:
        """Until the earliest of the instants, or until something was changed; look again after an hour anyway."""
        given = [instant for instant in instants_ns if instant is not None]
        until = min(given, default=self._clock.monotonic_ns() + _IDLE_NS)
        waiting: list[asyncio.Task[object]] = [
            asyncio.create_task(self._changed.wait()),
            asyncio.create_task(self._clock.sleep_until(until)),
        ]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        for task in done:
            task.result()


class _OnBoard:
    """The frame the board holds; `sound` until a read-back says otherwise."""

    __slots__ = ("frame", "page", "showing", "since_ns", "sound")

    def __init__(self, showing: Showing, frame: Frame, page: int, since_ns: int) -> None:
        self.showing, self.frame, self.page, self.since_ns = showing, frame, page, since_ns
        self.sound = True
