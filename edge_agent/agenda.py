"""What the device should do now, from everything it holds: the bridge between holdings, clock and timeline.

Rules: documents are merged once per change; an expired assignment begins nothing; where the rules of the air cannot be
read nothing sounds.
"""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge_agent.clock import ClockKeeper
from edge_agent.content.fetcher import Need
from edge_agent.holdings import Holdings
from edge_agent.programmes import Catalogue, Programme
from loa_protocol.acceptance import still_valid
from loa_protocol.documents.device import Assignment, ClockReport, DeviceKind
from loa_protocol.documents.plan import Content, OnLate, Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Ceilings
from loa_protocol.policy import EffectivePolicy, HardLimits, PolicyInvalid, merge
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Agenda, BoardWindow, Item, Past, Segment, Verdict, agenda_of, compute

log = logging.getLogger(__name__)

HORIZON = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outlook:
    """One answer of the timeline, and what it was asked with."""

    now: datetime
    clock: ClockReport
    segments: tuple[Segment, ...] = ()
    windows: tuple[BoardWindow, ...] = ()
    verdicts: Mapping[Occurrence, Verdict] = field(default_factory=dict)
    items: Mapping[Occurrence, Item] = field(default_factory=dict)
    wake: datetime | None = None
    assignment: Assignment | None = None


class Merging:
    """How documents are merged; a process that stands for many devices may remember what equal ones gave."""

    def agenda(self, plans: tuple[Plan, ...], languages: tuple[str, ...], dropped: AbstractSet[Occurrence]) -> Agenda:
        """What all plans together ask of a device with these languages."""
        return agenda_of(plans, languages=languages, dropped=dropped)

    def catalogue(self, plans: tuple[Plan, ...], languages: tuple[str, ...]) -> Catalogue:
        """What each of it sounds."""
        return Catalogue(plans, languages)

    def policy(self, policies: tuple[Policy, ...], ceilings: Ceilings, limits: HardLimits) -> EffectivePolicy:
        """The rules of the air.

        Raises:
            PolicyInvalid: they cannot be read.
        """
        return merge(policies, ceilings, limits)


class Desk:
    """Computes outlooks; `refresh` after every change of documents or trust."""

    def __init__(
        self, holdings: Holdings, clock: ClockKeeper, limits: HardLimits, merging: Merging | None = None
    ) -> None:
        self._holdings, self._clock, self._limits = holdings, clock, limits
        self._merging = merging or Merging()
        self._agenda = Agenda()
        self._policy: EffectivePolicy | None = None
        self._catalogue = Catalogue((), ())

    def refresh(self) -> None:
        """Merge the documents anew."""
        holdings = self._holdings
        assignment = holdings.assignment
        plans = holdings.plans
        merging = self._merging
        languages = assignment.languages if assignment else ()
        self._agenda = merging.agenda(plans, languages, holdings.dropped)
        self._catalogue = merging.catalogue(plans, languages)
        try:
            self._policy = merging.policy(holdings.policies, holdings.trust.current.ceilings, self._limits)
        except PolicyInvalid as error:
            log.error("nothing ordinary sounds: %s", error)  # noqa: TRY400 - foreseen
            self._policy = None

    @property
    def items(self) -> Mapping[Occurrence, Item]:
        """Everything the documents ask for."""
        return self._agenda.items

    @property
    def policy(self) -> EffectivePolicy | None:
        """The rules of the air, None while they cannot be read."""
        return self._policy

    def look(self, history: Mapping[Occurrence, Past], without: frozenset[Occurrence]) -> Outlook:
        """What is to happen; occurrences in `without` have no part in it."""
        assignment, policy, reading = self._holdings.assignment, self._policy, self._clock.read()
        if assignment is None or policy is None:
            return Outlook(reading.now, reading.report())
        agenda = self._agenda
        if without:
            items = {key: item for key, item in agenda.items.items() if key not in without}
            agenda = Agenda(items, agenda.gone)
        timeline = compute(
            agenda,
            policy,
            history,
            clock=reading.report(),
            now=reading.now,
            kind=assignment.kind,
            stops=self._holdings.stops,
            stagger_ms=assignment.stagger_ms,
            turn=assignment.turn,
            horizon=HORIZON,
            clockless=self._clock.clockless(),
        )
        return Outlook(
            reading.now,
            reading.report(),
            timeline.segments,
            timeline.windows,
            timeline.verdicts,
            self._agenda.items,
            timeline.wake,
            assignment,
        )

    def programme(self, item: Item) -> Programme | None:
        """What an item sounds on this device."""
        return self._catalogue.programme(item)

    def picture(self, item: Item) -> Content | None:
        """What the manifest says of the image that an item shows."""
        return self._catalogue.picture(item)

    def plays_rest(self, item: Item) -> bool:
        """Whether a late begin sounds only the rest."""
        return item.on_late is OnLate.REST

    def may_start(self, item: Item, outlook: Outlook) -> bool:
        """What is checked once more at every start."""
        assignment = outlook.assignment
        fresh = assignment is not None and still_valid(assignment, outlook.now) and item.expires > outlook.now
        return fresh and self._clock.read().schedules_play

    def needs(self, settled: Callable[[Occurrence], bool]) -> tuple[Need, ...]:
        """The content that the plans will need on this device: sounds, or a board's images."""
        assignment = self._holdings.assignment
        if assignment is None:
            return ()
        if assignment.kind is DeviceKind.BOARD:
            return tuple(Need(content, at) for content, at in self._catalogue.pictures(settled, self._clock.now()))
        needs = self._catalogue.needs(settled, self._clock.now(), turn=assignment.turn)
        return tuple(Need(content, at) for content, at in needs)
