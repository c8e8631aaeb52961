"""Follows the timeline of one simulated device and answers for it. Nothing sounds, and every receipt says so.

Rules: the timeline, the policy and the readiness of content are the real agent's; `started` is written when a stretch
begins; what the timeline has settled gets its one receipt, whose evidence is `simulated` and which has no levels.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

from edge_agent import readiness
from edge_agent.agenda import Desk, Outlook
from edge_agent.answers import unbegun
from edge_agent.clock import ClockKeeper
from edge_agent.performance import Ending
from loa_protocol.documents.device import Evidence
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Body, Occurrence, Receipt, Started
from loa_protocol.timeline import BoardWindow, Past, Phase, Segment, Stretch, Verdict, history_of

SAID = "simulated: nothing sounded"
LEAD = timedelta(milliseconds=300)
LACKING_AGAIN_S = 1.0
_MS = timedelta(milliseconds=1)
_REMEMBERED = 64
_DETAIL_MAX = 300
_SOUNDED = frozenset({Outcome.PLAYED, Outcome.PARTIAL, Outcome.PREEMPTED})


class Stage:
    """What one device plays; `write` takes journal entries."""

    __slots__ = ("_begun", "_clock", "_desk", "_lacked", "_ready", "_write", "history")

    def __init__(
        self, desk: Desk, clock: ClockKeeper, *, ready: readiness.Ready, write: Callable[[Body], None]
    ) -> None:
        self._desk, self._clock, self._ready, self._write = desk, clock, ready, write
        self._begun: dict[Occurrence, Started] = {}
        self._lacked: dict[Occurrence, Ending] = {}
        self.history: dict[Occurrence, Past] = {}

    @property
    def playing(self) -> str:
        """What is on now, "" for nothing."""
        return next((one.id for one in self._begun if self.history[one].playing), "")

    def settled(self, occurrence: Occurrence) -> bool:
        """Whether it has its receipt."""
        past = self.history.get(occurrence)
        return past is not None and past.outcome is not None

    def tick(self) -> float | None:
        """Do what is due; seconds until something else is, None if nothing is in sight."""
        outlook, lacking = readiness.look(
            self._desk, self.history, ready=self._ready, under_way=self._begun.keys(), lead=LEAD
        )
        if outlook.assignment is None:
            return None
        self._lacked |= lacking
        for verdict in outlook.verdicts.values():
            if verdict.phase is Phase.DONE and not self.settled(verdict.occurrence):
                self._settle(verdict, outlook)
        self._follow(outlook)
        self._forget()
        waits = [LACKING_AGAIN_S] if lacking else []
        if outlook.wake is not None:
            waits.append(max(0.001, (outlook.wake - self._clock.now()).total_seconds()))
        return min(waits, default=None)

    def interrupt(self) -> None:
        """The device loses its power: what is on ends here, and never goes on."""
        now = self._clock.now()
        for occurrence in list(self._begun):
            self._close(occurrence, now)
            self._finish(occurrence, Ending(Outcome.INTERRUPTED, Reason.POWER_CUT), now)

    def _follow(self, outlook: Outlook) -> None:
        current = {one.occurrence: one for one in _on_now(outlook)}
        for occurrence in self._begun:
            if occurrence not in current and self.history[occurrence].playing:
                self._close(occurrence, outlook.now)
        for occurrence, span in current.items():
            past = self.history.get(occurrence)
            if (past is None or not past.playing) and self._desk.may_start(span.item, outlook):
                self._begin(span, past, outlook)

    def _begin(self, span: Segment | BoardWindow, past: Past | None, outlook: Outlook) -> None:
        occurrence, at = span.occurrence, outlook.now
        if occurrence not in self._begun:
            planned = outlook.verdicts[occurrence].planned if occurrence in outlook.verdicts else span.item.start
            started = Started(occurrence=occurrence, at=at, planned=planned, plan_version=span.item.version)
            self._write(started)
            self._begun[occurrence] = started
        offset_ms = span.offset_ms if isinstance(span, Segment) else 0
        before = past or Past(item=span.item, at=at)
        self.history[occurrence] = replace(before, stretches=(*before.stretches, Stretch(at, None, offset_ms)))

    def _close(self, occurrence: Occurrence, now: datetime) -> None:
        past = self.history[occurrence]
        if past.playing:
            *before, last = past.stretches
            closed = Stretch(last.begin, max(last.begin, now), last.offset_ms)
            self.history[occurrence] = replace(past, stretches=(*before, closed))

    def _settle(self, verdict: Verdict, outlook: Outlook) -> None:
        occurrence = verdict.occurrence
        ending = Ending(verdict.outcome, verdict.reason, verdict.detail or verdict.because)
        if occurrence in self._begun:
            self._close(occurrence, verdict.at)
            self._finish(occurrence, ending, verdict.at)
            return
        if ending.reason is Reason.TOO_LATE or ending.outcome in _SOUNDED:
            late = Ending(Outcome.SKIPPED, Reason.TOO_LATE, ending.detail)
            ending = self._lacked.get(occurrence, late)
        self._answer(unbegun(occurrence, verdict.planned, ending, outlook))

    def _finish(self, occurrence: Occurrence, ending: Ending, ended: datetime) -> None:
        """The receipt of something that had begun."""
        started, past = self._begun.pop(occurrence), self.history[occurrence]
        begin = past.stretches[0].begin
        self._answer(
            Receipt(
                occurrence=occurrence,
                outcome=ending.outcome,
                reason=ending.reason,
                detail=f"{SAID}; {ending.detail}"[:_DETAIL_MAX],
                plan_version=started.plan_version,
                rev=past.item.rev if past.item else 0,
                planned=started.planned,
                started=begin,
                ended=ended,
                played_ms=sum(stretch.sounded_ms(ended) for stretch in past.stretches),
                skew_ms=round((begin - started.planned) / _MS, 3),
                clock=self._clock.read().report(),
            )
        )

    def _answer(self, receipt: Receipt) -> None:
        receipt = structs.replace(receipt, evidence=Evidence.SIMULATED)
        self._write(receipt)
        self.history |= history_of([receipt])
        self._lacked.pop(receipt.occurrence, None)

    def _forget(self) -> None:
        """What is over and no plan names any more."""
        if len(self.history) > _REMEMBERED:
            named = self._desk.items
            self.history = {o: past for o, past in self.history.items() if o in named or past.outcome is None}


def _on_now(outlook: Outlook) -> Iterable[Segment | BoardWindow]:
    spans: tuple[Segment | BoardWindow, ...] = (*outlook.segments, *outlook.windows)
    for span in spans:
        if span.begin <= outlook.now < span.end:
            yield span
