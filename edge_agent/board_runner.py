"""A board follows the timeline: windows become items of the show, and what was really shown becomes receipts.

Rules: `started` is committed before the first frame; a board that was off may show what is left of a window again, but
there is one receipt; frames that the board could not prove do not count as played. An image is shown as soon as it is
there, its text alone until then; what was asked for and not shown is named in the receipt.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from edge_agent.agenda import Desk, Outlook
from edge_agent.board.items import IMAGE_MISSING, VIDEO_UNSUPPORTED, BoardItem, Ending, ItemResult
from edge_agent.clock import ClockKeeper
from edge_agent.notebook import Notebook
from edge_agent.performance import cue_name
from edge_agent.waiting import happens
from loa_protocol.documents.device import Evidence
from loa_protocol.errors import LoaError
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import BoardProof, Occurrence, Receipt, Started
from loa_protocol.timeline import BoardWindow, Item, Phase, Verdict

log = logging.getLogger(__name__)

IDLE_S = 30.0
AGAIN_S = 1.0
_MS = timedelta(milliseconds=1)
_DETAIL_MAX = 300


class ShowPort(Protocol):
    """What the runner asks of a `BoardShow`."""

    def replace(self, items: list[BoardItem]) -> None:
        """Show these from now on."""


class ContentPort(Protocol):
    """What the runner asks of the content cache."""

    def ready(self, root: str) -> bool:
        """Whether an asset is whole and verified."""


class BoardRunner:
    """One board; it is also the journal of its show."""

    def __init__(
        self,
        *,
        desk: Desk,
        notebook: Notebook,
        clock: ClockKeeper,
        told: Callable[[], None],
        content: ContentPort,
        path: Callable[[str], Path],
    ) -> None:
        self._desk, self._notebook, self._clock, self._told = desk, notebook, clock, told
        self._content, self._path = content, path
        self._show: ShowPort | None = None
        self._given: dict[str, tuple[Item, Verdict]] = {}
        self._shown: tuple[BoardItem, ...] = ()
        self._begun: set[str] = set()
        self._unwritten: list[Receipt] = []
        self._woken = asyncio.Event()
        self.playing = ""

    def attach(self, show: ShowPort) -> None:
        """The show that is to be followed."""
        self._show = show

    def changed(self) -> None:
        """Compute again."""
        self._woken.set()

    async def run(self) -> None:
        """Follow the timeline until cancelled."""
        while True:
            self._woken.clear()
            try:
                wait_s = await self.tick()
            except LoaError as error:
                log.error("the board's timeline waits: %s", error)  # noqa: TRY400 - foreseen, tried again
                wait_s = AGAIN_S
            except Exception:
                log.exception("the board's timeline could not be followed; trying again")
                wait_s = AGAIN_S
            await happens(self._woken, wait_s)

    async def tick(self) -> float:
        """Do what is due now; seconds until something else is."""
        while self._unwritten:
            await self._notebook.write(self._unwritten[0])
            self._unwritten.pop(0)
        outlook = self._desk.look(self._notebook.history, frozenset())
        self._remember(outlook)
        self._follow(outlook)
        await self._settle(outlook)
        if outlook.wake is None:
            return IDLE_S
        return min(IDLE_S, max(0.001, (outlook.wake - outlook.now).total_seconds()))

    # The journal of the show.

    async def started(self, item: BoardItem, at_ns: int) -> None:
        """Commit before the first frame; after a restart the start is in the journal already."""
        given, verdict = self._given[item.occurrence]
        self._begun.add(item.occurrence)
        self.playing = given.occurrence.id
        if given.occurrence not in self._notebook.history:
            at = self._clock.utc_of(at_ns)
            entry = Started(occurrence=given.occurrence, at=at, planned=verdict.planned, plan_version=given.version)
            await self._notebook.write(entry)
        self._told()

    async def ended(self, result: ItemResult) -> None:
        """Take the result of an item whose window had opened."""
        name = result.item.occurrence
        self._begun.discard(name)
        self.playing = next(iter(self._begun), "")
        receipt = self._receipt(result, *self._given[name])
        self._shown = tuple(item for item in self._shown if item.occurrence != name)
        try:
            await self._notebook.write(receipt)
        except LoaError as error:
            log.error("the receipt of %s waits: %s", name, error)  # noqa: TRY400 - foreseen, tried again
            self._unwritten.append(receipt)
        log.info("%s: %s %s, %d frames", name, receipt.outcome, receipt.reason or "", result.frames_shown)
        self._told()
        self._woken.set()

    # Following the timeline.

    def _remember(self, outlook: Outlook) -> None:
        """The newest word on everything that is shown: a result may need it after the window is gone."""
        by_occurrence = {cue_name(occurrence): occurrence for occurrence in outlook.verdicts}
        for name, occurrence in by_occurrence.items():
            item = outlook.items.get(occurrence)
            if item is not None:
                self._given[name] = (item, outlook.verdicts[occurrence])
        keep = by_occurrence.keys() | self._begun | {item.occurrence for item in self._shown}
        self._given = {name: given for name, given in self._given.items() if name in keep}

    def _follow(self, outlook: Outlook) -> None:
        windows: dict[Occurrence, list[BoardWindow]] = {}
        if self._clock.read().schedules_play:
            for window in outlook.windows:
                windows.setdefault(window.occurrence, []).append(window)
        drawn = (self._item(many) for many in windows.values())
        items = tuple(item for item in drawn if item is not None)
        items += self._ending_by_themselves({item.occurrence for item in items})
        if self._show is not None and items != self._shown:
            self._shown = items
            self._show.replace(list(items))

    def _ending_by_themselves(self, given: set[str]) -> tuple[BoardItem, ...]:
        """Items whose window is over by now: the show itself ends them; to take them away would be a withdrawal."""
        return tuple(
            item
            for item in self._shown
            if item.occurrence not in given
            and item.occurrence in self._given
            and self._given[item.occurrence][1].outcome is Outcome.PLAYED
        )

    def _item(self, windows: list[BoardWindow]) -> BoardItem | None:
        """What the show is given; None while nothing of it can be shown."""
        first = windows[0]
        image = self._image(first.item)
        if image is None and not first.board.text:
            return None
        return BoardItem(
            occurrence=cue_name(first.occurrence),
            rank=int(first.cls),
            text=first.board.text,
            start_ns=self._clock.mono_of(min(window.begin for window in windows)),
            end_ns=self._clock.mono_of(max(window.end for window in windows)),
            layout="scroll" if first.board.layout == "scroll" else "page",
            dwell_ms=first.board.dwell_ms,
            image=image,
            lacks=self._lacks(first.item, image),
        )

    def _image(self, item: Item) -> Path | None:
        """Where the item's image lies, once it is there."""
        content = self._desk.picture(item)
        return self._path(content.root) if content is not None and self._content.ready(content.root) else None

    def _lacks(self, item: Item, image: Path | None) -> tuple[str, ...]:
        """What was asked for and cannot be shown now."""
        board = item.board
        missing = board is not None and board.image is not None and image is None
        films = board is not None and board.video is not None
        return (IMAGE_MISSING,) * missing + (VIDEO_UNSUPPORTED,) * films

    async def _settle(self, outlook: Outlook) -> None:
        """Answer for what never came on the board in this life of the agent."""
        for verdict in outlook.verdicts.values():
            if verdict.phase is not Phase.DONE or self._notebook.settled(verdict.occurrence):
                continue
            if cue_name(verdict.occurrence) in self._begun:
                continue
            await self._notebook.write(self._unshown(verdict, outlook))
            self._told()

    def _unshown(self, verdict: Verdict, outlook: Outlook) -> Receipt:
        item = outlook.items.get(verdict.occurrence)
        outcome, reason, detail = verdict.outcome, verdict.reason, verdict.detail or verdict.because
        lacks = self._lacks(item, self._image(item)) if item else ()
        if reason in {None, Reason.TOO_LATE} and lacks and item and item.board and not item.board.text:
            outcome, reason, detail = _lacking(lacks)
        elif outcome is Outcome.PLAYED:
            begun = verdict.occurrence in self._notebook.history
            outcome = Outcome.INTERRUPTED if begun else Outcome.SKIPPED
            reason = Reason.POWER_CUT if begun else Reason.TOO_LATE
            detail = "the window was over before the board could show it"
        return Receipt(
            occurrence=verdict.occurrence,
            outcome=outcome,
            reason=reason,
            detail=detail[:_DETAIL_MAX],
            plan_version=item.version if item else 0,
            rev=item.rev if item else 0,
            planned=verdict.planned,
            ended=outlook.now,
            clock=outlook.clock,
        )

    def _receipt(self, result: ItemResult, item: Item, verdict: Verdict) -> Receipt:
        outcome, reason, detail = _outcome(result, verdict)
        first, last = self._utc(result.first_frame_ns), self._utc(result.last_frame_ns)
        return Receipt(
            occurrence=item.occurrence,
            outcome=outcome,
            reason=reason,
            detail=detail[:_DETAIL_MAX],
            plan_version=item.version,
            rev=item.rev,
            planned=verdict.planned,
            started=first,
            ended=self._clock.now(),
            played_ms=result.shown_ms,
            skew_ms=round((first - verdict.planned) / _MS, 3) if first else None,
            evidence=Evidence.DEVICE if result.read_back_sha256 else Evidence.SIGNAL,
            clock=self._clock.read().report(),
            board=BoardProof(
                window_end=self._clock.utc_of(result.item.end_ns),
                frames=result.frames_shown,
                read_back=result.read_back_sha256,
                brightness=result.brightness_percent,
            )
            if last
            else None,
        )

    def _utc(self, at_ns: int | None) -> datetime | None:
        return None if at_ns is None else self._clock.utc_of(at_ns)


def _outcome(result: ItemResult, verdict: Verdict) -> tuple[Outcome, Reason | None, str]:
    faults = ", ".join(f"page {one.page + 1}: {one.code} x{one.times}" for one in result.failures)
    if not result.frames_shown:
        return _unseen(verdict, faults)
    if result.ending is Ending.WINDOW_OVER:
        return _window_over(result, faults)
    if result.ending is Ending.FAILED:
        return Outcome.FAILED, Reason.OUTPUT_FAILED, faults
    if result.ending is Ending.STOPPED:
        return Outcome.INTERRUPTED, Reason.POWER_CUT, "the agent was stopped"
    if verdict.outcome is Outcome.PLAYED:
        return Outcome.INTERRUPTED, Reason.WITHDRAWN, faults
    return verdict.outcome, verdict.reason, verdict.detail or verdict.because


_SAID = {
    IMAGE_MISSING: "the image had not come",
    "board_image_unshowable": "the image could not be drawn",
    VIDEO_UNSUPPORTED: "this board cannot show videos yet",
}


def _lacking(lacks: tuple[str, ...]) -> tuple[Outcome, Reason, str]:
    """Nothing was shown, because there was nothing that could be."""
    said = "; ".join(f"{code}: {_SAID.get(code, code)}" for code in lacks)
    if IMAGE_MISSING in lacks:
        return Outcome.FAILED, Reason.CONTENT_MISSING, said
    return Outcome.SKIPPED, Reason.NOT_FOR_DEVICE, said


def _unseen(verdict: Verdict, faults: str) -> tuple[Outcome, Reason | None, str]:
    if faults:
        return Outcome.FAILED, Reason.OUTPUT_FAILED, faults
    if verdict.outcome is Outcome.PLAYED:
        return Outcome.SKIPPED, Reason.CONFLICT, "its turn never came within the window"
    return verdict.outcome, verdict.reason, verdict.detail or verdict.because


def _window_over(result: ItemResult, faults: str) -> tuple[Outcome, Reason | None, str]:
    """A board that cannot read back is believed; one that can must have proved every page."""
    blind = bool(result.evidence) and all(one.read_back_sha256 is None for one in result.evidence)
    pages = len(result.evidence)
    if pages < result.pages:
        return Outcome.PARTIAL, None, f"{pages} of {result.pages} pages had their turn; {faults}".rstrip("; ")
    if not (result.complete or blind):
        return Outcome.PARTIAL, Reason.OUTPUT_FAILED, faults
    if lacks := result.lacks:
        _, reason, said = _lacking(lacks)
        return Outcome.PARTIAL, reason if IMAGE_MISSING in lacks else None, f"{said}; {faults}".rstrip("; ")
    return Outcome.PLAYED, None, faults
