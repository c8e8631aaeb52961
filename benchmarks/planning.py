"""What planning costs: a year's occurrences of a province, and a week of all its devices foreseen.

Raw is the same count of bare instants for the year, and for the week a bare sort of each class's items: the least that
any planner would do. A class is what devices have in common; the week is computed once for each.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from benchmarks.measuring import Figure, Growth, Options, Report, at_most
from controller.schedules import rules as schedules
from controller.schedules.programme import (
    FORMAT,
    BulletinsSegment,
    ChimeSegment,
    Lunar,
    ProgrammeFile,
    RelaySegment,
    Session,
    Weekday,
)
from controller.schedules.rules import Occurrence, Series
from controller.timelines.rules import Listener, Scene, empty_plan
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import Broadcast, Plan
from loa_protocol.documents.policy import Policy, VolumeCap, Window
from loa_protocol.ids import unit_scope

DEVICES_A_COMMUNE = 30
PROVINCE = 3_000
SIZES = (100, 1_000, 10_000)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
YEAR, WEEK = timedelta(days=365), timedelta(days=7)
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Province:
    """Programmes of a province and of its communes, and who listens."""

    programmes: tuple[Series, ...]
    listeners: tuple[Listener, ...]


def run(options: Options) -> Report:
    """A year of 3,000 devices; a week of 100, 1,000 and 10,000."""
    sizes = SIZES[:2] if options.quick else SIZES
    year, year_note = _year(province(PROVINCE))
    weeks = [_week(province(count), count) for count in sizes]
    growth = Growth(
        "A week of all devices foreseen",
        "s",
        {
            "devices' timelines, once a class": [(figure.n or 0, figure.ours) for figure, _ in weeks],
            "bare sort": [(figure.n or 0, figure.raw or 0.0) for figure, _ in weeks],
        },
    )
    return Report("planning", [year, *(figure for figure, _ in weeks)], [growth], [year_note, *(n for _, n in weeks)])


def province(devices: int) -> Province:
    """So many devices in communes of 30 with three villages each; the province's programme and each commune's own."""
    communes = [f"xa-{number}" for number in range(max(1, devices // DEVICES_A_COMMUNE))]
    programmes = [_programme("tinh", relay=True), *(_programme(commune, relay=False) for commune in communes)]
    return Province(tuple(schedules.series_of(one) for one in programmes), tuple(_listeners(communes, devices)))


def _listeners(communes: list[str], devices: int) -> list[Listener]:
    found = []
    for number in range(devices):
        commune = communes[number % len(communes)]
        units = (f"{commune}-thon-{number % 3}", commune, "tinh")
        scopes = frozenset((f"d-loa-{number}", *(unit_scope(unit) for unit in units)))
        found.append(Listener(f"loa-{number}", DeviceKind.SPEAKER, scopes))
    return found


def _programme(unit: str, *, relay: bool) -> ProgrammeFile:
    """Mornings and afternoons, shorter on Sundays; a notice on the first and fifteenth lunar day."""
    talk = RelaySegment(title="VOV1", url="https://relay.example/vov1", duration_s=900)
    own = BulletinsSegment(title="Bản tin", of=unit, max_duration_s=600)
    segments = (ChimeSegment(), talk if relay else own)
    hours = ("05:00", "17:00") if relay else ("05:16", "17:16")
    working = tuple(day for day in Weekday if day is not Weekday.SUN)
    return ProgrammeFile(
        format=FORMAT,
        id=f"ct-{unit}",
        title="Chương trình hằng ngày",
        unit=unit,
        authority=10 if relay else 100,
        valid_from=date(2026, 1, 1),
        sessions=(
            Session(id="sang", title="Sáng", at=hours[0], segments=segments, late_s=600),
            Session(id="chieu", title="Chiều", at=hours[1], weekdays=working, segments=segments, late_s=600),
            Session(id="chu-nhat", title="Chủ nhật", at="18:15", rrule="FREQ=WEEKLY;BYDAY=SU", segments=segments),
            Session(id="ram", title="Ngày rằm", at="11:00", lunar=Lunar(days=(1, 15)), segments=segments),
        ),
    )


def _year(made: Province) -> tuple[Figure, str]:
    def ours() -> list[Occurrence]:
        return [one for series in made.programmes for one in schedules.expand(series, NOW, NOW + YEAR)]

    count = len(ours())

    def raw() -> list[datetime]:
        step = YEAR / count
        return sorted(NOW + step * number for number in range(count))

    figure = Figure("a year's occurrences of a province", _seconds(ours), _seconds(raw), "s", PROVINCE)
    return figure, f"the year has {count:,} occurrences of {len(made.programmes)} programmes"


def _week(made: Province, devices: int) -> tuple[Figure, str]:
    plans, policies = _plans(made), _policies(made)

    def ours() -> int:
        scene = Scene(plans, policies)
        classes = scene.classes(made.listeners)
        for alike in classes:
            scene.foresee(alike, now=NOW, until=NOW + WEEK)
        return len(classes)

    def raw() -> None:
        for alike in Scene(plans, policies).classes(made.listeners):
            sorted((one for scope in alike.scopes for one in plans[scope].broadcasts), key=lambda one: one.start)

    classes = ours()
    goal = at_most(5.0) if devices == SIZES[-1] else None
    items = sum(len(plan.broadcasts) for plan in plans.values())
    note = f"{devices:,} devices are {classes:,} classes; {items:,} broadcasts in the week"
    return Figure("a week of all devices foreseen", _seconds(ours), _seconds(raw), "s", devices, goal), note


def _plans(made: Province) -> dict[str, Plan]:
    found = {}
    for series in made.programmes:
        scope = unit_scope(series.revisions[0].document.unit)
        coming = [_broadcast(one) for one in schedules.expand(series, NOW, NOW + WEEK)]
        empty = empty_plan(scope, NOW)
        found[scope] = Plan(
            scope=scope,
            version=empty.version,
            issued=empty.issued,
            expires=empty.expires,
            horizon=empty.horizon,
            broadcasts=tuple(coming),
        )
    return found


def _broadcast(occurrence: Occurrence) -> Broadcast:
    return Broadcast(
        id=occurrence.id,
        start=occurrence.start,
        latest_start=occurrence.start + timedelta(seconds=occurrence.session.late_s),
        duration_ms=900_000,
        authority=occurrence.revision.document.authority,
        title=occurrence.session.title,
    )


def _policies(made: Province) -> dict[str, Policy]:
    """The hours of the province, and tighter ones of every tenth commune."""
    names = [unit_scope(series.revisions[0].document.unit) for series in made.programmes]
    windows = {"u-tinh": (5 * 60, 21 * 60)} | dict.fromkeys(names[1::10], (5 * 60 + 10, 20 * 60))
    return {
        scope: Policy(
            scope=scope,
            version=1,
            issued=NOW,
            expires=NOW + YEAR,
            windows=(Window(from_minute=first, to_minute=last),),
            max_minutes_a_day=90,
            volume_caps=(VolumeCap(from_minute=0, to_minute=6 * 60, max_volume=60),),
        )
        for scope, (first, last) in windows.items()
    }


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of the best of a few runs, in seconds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best
