"""The cases of the timeline's vectors, and what must come of each, written by hand."""

from datetime import date

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.emergency import AlertCancel, AlertShape
from loa_protocol.documents.plan import BoardItem, ContentSegment, OnLate, OnPreempt, Plan, RelaySegment, Withdrawn
from loa_protocol.documents.policy import Blackout, VolumeCap
from loa_protocol.documents.trust import Ceilings, LegalHours
from loa_protocol.ids import Level
from loa_protocol.receipts import Occurrence, Started
from tests.vectors.timeline_words import (
    Case,
    alert,
    at,
    cast,
    halt,
    heard,
    plan,
    played,
    rules,
    shown,
    sounds,
    spoken,
    window,
)

PRIORITY = Level.PRIORITY
NEWS = cast("news", "05:00", 20, latest="05:10")
WORD = cast("word", "05:05", 5, level=PRIORITY)
FLOOD = alert("flood", "05:05", 2, before="05:15", ends="05:30", volume=100)
HOUR = window("05:00", "06:00")
BOARD = {"kind": DeviceKind.BOARD}


def cut(mode: OnPreempt, *, latest: str = "05:10") -> tuple[Plan, ...]:
    """A bulletin that a priority one cuts."""
    return (plan(cast("news", "05:00", 20, latest=latest, on_preempt=mode), WORD),)


CASES: dict[str, Case] = {
    "plain": Case(
        "Two broadcasts play at their times, at the volume of the plan.",
        "04:00",
        plans=(plan(NEWS, cast("talk", "17:00", 10, volume=55)),),
        sound=("news 05:00-05:20 at 70", "talk 17:00-17:10 at 55"),
        fate={"news": "waiting played complete", "talk": "waiting played complete"},
    ),
    "highest-rev-counts": Case(
        "Of one id the highest rev counts, whichever plan it is in and in whatever order they came.",
        "04:00",
        plans=(
            plan(cast("news", "06:00", 5, rev=2), scope="g-nhom", version=3),
            plan(cast("news", "05:00", 20, rev=1), version=9),
        ),
        sound=("news 06:00-06:05 at 70",),
        fate={"news": "waiting played complete"},
    ),
    "priority-cuts-and-it-resumes": Case(
        "Only a higher class cuts; what it cut goes on where it was.",
        "04:00",
        plans=cut(OnPreempt.RESUME),
        sound=("news 05:00-05:05 at 70", "word 05:05-05:10 at 70", "news 05:10-05:25 at 70 from 5 min"),
        fate={"news": "waiting played complete", "word": "waiting played complete"},
    ),
    "priority-cuts-and-it-restarts": Case(
        "A restart begins again, while it still may begin.",
        "04:00",
        plans=cut(OnPreempt.RESTART),
        sound=("news 05:00-05:05 at 70", "word 05:05-05:10 at 70", "news 05:10-05:30 at 70"),
        fate={"news": "waiting played complete", "word": "waiting played complete"},
    ),
    "priority-cuts-and-it-is-too-late-to-restart": Case(
        "A restart after latest_start is refused: the broadcast stays cut.",
        "04:00",
        plans=cut(OnPreempt.RESTART, latest="05:09"),
        sound=("news 05:00-05:05 at 70", "word 05:05-05:10 at 70"),
        fate={
            "news": "waiting preempted preempted cut_too_long by word",
            "word": "waiting played complete",
        },
    ),
    "priority-cuts-and-it-is-dropped": Case(
        "What says drop ends where it is cut.",
        "04:00",
        plans=cut(OnPreempt.DROP),
        sound=("news 05:00-05:05 at 70", "word 05:05-05:10 at 70"),
        fate={"news": "waiting preempted preempted cut_and_dropped by word", "word": "waiting played complete"},
    ),
    "equals-wait-in-order": Case(
        "Within a class nobody cuts: authority, start, issued, id decide who is next; who waits too long is skipped.",
        "04:00",
        plans=(
            plan(
                cast("commune", "05:00", 10, latest="05:30", authority=3),
                cast("centre", "05:05", 10, latest="05:30", authority=0),
                cast("province", "05:00", 10, latest="05:30", authority=1),
                cast("village", "05:00", 10, latest="05:15", authority=4),
            ),
        ),
        sound=("province 05:00-05:10 at 70", "centre 05:10-05:20 at 70", "commune 05:20-05:30 at 70"),
        fate={
            "province": "waiting played complete",
            "centre": "waiting played complete",
            "commune": "waiting played complete",
            "village": "waiting skipped conflict lost_its_place by centre",
        },
    ),
    "issued-first-goes-first": Case(
        "Of equals in authority and start, the one scheduled first goes first.",
        "04:00",
        plans=(
            plan(
                cast("a", "05:00", 10, latest="06:00", issued=at("02:00")),
                cast("b", "05:00", 10, latest="06:00", issued=at("01:00")),
            ),
        ),
        sound=("b 05:00-05:10 at 70", "a 05:10-05:20 at 70"),
        fate={"a": "waiting played complete", "b": "waiting played complete"},
    ),
    "late-starts": Case(
        "A device that was off begins what may still begin, whole or the rest; the others it missed.",
        "05:08",
        plans=(
            plan(NEWS, cast("missed", "04:30", 10, latest="04:40")),
            plan(cast("relay", "05:06", 24, latest="05:30", on_late=OnLate.REST, level=PRIORITY), scope="u-tinh"),
        ),
        sound=("relay 05:08-05:30 at 70 from 2 min",),
        fate={
            "relay": "waiting partial too_late only_the_rest",
            "missed": "done skipped too_late came_too_late",
            "news": "waiting skipped conflict lost_its_place by relay",
        },
    ),
    "a-late-start-is-whole": Case(
        "A late start within latest_start sounds from the beginning.",
        "05:10:01",
        plans=(plan(NEWS),),
        sound=("news 05:10:01.0-05:30:01.0 at 70",),
        fate={"news": "waiting played complete"},
    ),
    "an-alert-cuts-at-once": Case(
        "An alert waits for nothing below it, at any hour and at its own volume up to the ceiling.",
        "04:00",
        plans=(plan(NEWS, WORD),),
        alerts=(FLOOD, alert("night", "04:30", 1, before="04:45", ends="04:45")),
        policies=(rules(windows=(HOUR,), volume_caps=(VolumeCap(from_minute=300, to_minute=360, max_volume=40),)),),
        ceilings=Ceilings(max_volume=90, legal_hours=LegalHours(from_minute=300, to_minute=1260)),
        sound=(
            "night/0 04:30-04:31 at 90",
            "news 05:00-05:05 at 40",
            "flood/0 05:05-05:07 at 90",
            "news 05:07-05:22 at 40 from 5 min",
        ),
        fate={
            "night/0": "waiting played complete",
            "flood/0": "waiting played complete",
            "news": "waiting played complete",
            "word": "waiting skipped conflict lost_its_place by flood/0",
        },
    ),
    "late-horns-fall-into-step": Case(
        "The first repeat sounds when the alert arrives; later ones keep the phase of `issued`, so that horns agree.",
        "05:06:30",
        alerts=(alert("storm", "05:05", 1, before="05:15", ends="05:12", repeat_every_ms=120_000, max_repeats=9),),
        sound=(
            "storm/0 05:06:30.0-05:07:30.0 at 100",
            "storm/1 05:07:30.0-05:08:30.0 at 100",
            "storm/2 05:09-05:10 at 100",
            "storm/3 05:11-05:12 at 100",
        ),
        fate={f"storm/{n}": "waiting played complete" for n in range(4)},
    ),
    "an-alert-that-comes-too-late-never-begins": Case(
        "After start_before the first repeat is skipped; only repeats still to come sound.",
        "05:16",
        alerts=(
            alert("storm", "05:00", 1, before="05:15", ends="05:30", repeat_every_ms=600_000, max_repeats=3),
            alert("fire", "05:00", 1, before="05:15", ends="05:30"),
        ),
        sound=("storm/1 05:16-05:17 at 100", "storm/2 05:20-05:21 at 100"),
        fate={
            "storm/0": "done skipped too_late came_too_late",
            "storm/1": "waiting played complete",
            "storm/2": "waiting played complete",
            "fire/0": "done skipped too_late came_too_late",
        },
    ),
    "a-campaign-keeps-its-hours": Case(
        "A campaign repeats within its own hours only, up to its number of repeats.",
        "05:00",
        alerts=(
            alert(
                "dike",
                "05:00",
                1,
                before="05:15",
                ends="24:00",
                shape=AlertShape.CAMPAIGN,
                repeat_every_ms=3_600_000,
                max_repeats=3,
                hours=(window("07:00", "20:00"),),
            ),
        ),
        sound=("dike/0 07:00-07:01 at 100", "dike/1 08:00-08:01 at 100", "dike/2 09:00-09:01 at 100"),
        fate={f"dike/{n}": "waiting played complete" for n in range(3)},
    ),
    "an-update-replaces-and-a-cancel-ends": Case(
        "An update is a new series (index = sequence x 1000 + repeat) and silences the old one; a cancel is final.",
        "05:06",
        alerts=(
            alert("flood", "05:05", 2, before="05:15", ends="05:30"),
            alert("flood", "05:06", 3, before="05:16", ends="05:30", sequence=1),
            alert("fire", "05:10", 1, before="05:20", ends="05:30"),
        ),
        cancels=(AlertCancel(id="fire", scope="u-xa", issued=at("05:04")),),
        memory=(heard("flood", ("05:05", None, 0), kind="alert"),),
        sound=("flood/1000 05:06-05:09 at 100",),
        fate={
            "flood/0": "done interrupted withdrawn withdrawn",
            "flood/1000": "waiting played complete",
            "fire/0": "waiting skipped withdrawn withdrawn",
        },
    ),
    "policy-hours": Case(
        "The planned time must lie in the hours of every policy, even where a late start would; no end may run over.",
        "05:02",
        plans=(
            plan(
                cast("early", "04:55", 10, latest="05:30"),
                cast("over", "05:50", 15),
                cast("edge", "05:45", 15),
                cast("lawful", "05:01", 10, latest="05:30"),
            ),
        ),
        policies=(rules(windows=(window("04:00", "06:00"),)), rules("u-tinh", windows=(window("05:00", "22:00"),))),
        sound=("lawful 05:02-05:12 at 70", "edge 05:45-06:00 at 70"),
        fate={
            "early": "done skipped policy hours",
            "over": "waiting skipped policy hours",
            "edge": "waiting played complete",
            "lawful": "waiting played complete",
        },
    ),
    "blackout": Case(
        "On a blacked-out date nothing ordinary sounds.",
        "04:00",
        plans=(plan(NEWS, cast("next", "24:00", 5)),),
        policies=(rules(blackouts=(Blackout(first=date(2026, 11, 3), last=date(2026, 11, 3), title="thi"),)),),
        sound=("next 24:00-24:05 at 70",),
        fate={"news": "waiting skipped policy blackout", "next": "waiting played complete"},
    ),
    "minutes-a-day": Case(
        "The minutes of the day count what has sounded already.",
        "12:00",
        plans=(plan(cast("long", "17:00", 20), cast("short", "17:30", 15)),),
        policies=(rules(max_minutes_a_day=45),),
        journal=(played("dawn", "05:00", "05:30"),),
        sound=("short 17:30-17:45 at 70",),
        fate={"long": "waiting skipped policy minutes", "short": "waiting played complete"},
    ),
    "slots-a-day": Case(
        "Broadcasts less than the gap apart are one slot.",
        "12:00",
        plans=(plan(cast("one", "17:00", 5), cast("same", "17:14", 5), cast("third", "17:30", 5)),),
        policies=(rules(max_slots_a_day=2),),
        journal=(played("dawn", "05:00", "05:30"),),
        sound=("one 17:00-17:05 at 70", "same 17:14-17:19 at 70"),
        fate={
            "one": "waiting played complete",
            "same": "waiting played complete",
            "third": "waiting skipped policy slots",
        },
    ),
    "volume": Case(
        "The quietest of plan, caps that touch the sound, ceiling and profile.",
        "04:00",
        plans=(plan(cast("dawn", "05:50", 20, volume=80), cast("day", "12:00", 5, volume=80)),),
        policies=(rules(volume_caps=(VolumeCap(from_minute=21 * 60, to_minute=6 * 60, max_volume=30),)),),
        ceilings=Ceilings(max_volume=75),
        max_volume=65,
        sound=("dawn 05:50-06:10 at 30", "day 12:00-12:05 at 65"),
        fate={"dawn": "waiting played complete", "day": "waiting played complete"},
    ),
    "a-newer-policy-silences": Case(
        "What already sounds ends where a policy that came meanwhile ends the hours.",
        "05:05",
        plans=(plan(NEWS),),
        policies=(rules(windows=(window("05:00", "05:10"),)),),
        memory=(heard("news", ("05:00", None, 0)),),
        sound=("news 05:00-05:10 at 70",),
        fate={"news": "playing partial policy hours"},
    ),
    "untrusted-clock": Case(
        "An untrusted clock begins nothing and settles nothing.",
        "05:30",
        plans=(plan(NEWS),),
        alerts=(FLOOD,),
        clock=ClockReport(state=ClockState.UNTRUSTED),
        fate={"news": "waiting skipped clock clock_untrusted", "flood/0": "waiting skipped clock clock_untrusted"},
    ),
    "plausible-clock": Case(
        "With an error above 60 s no schedule begins, but an alert does; what surely is over is settled.",
        "05:05",
        plans=(plan(NEWS, cast("missed", "04:00", 10)),),
        alerts=(FLOOD,),
        clock=ClockReport(state=ClockState.PLAUSIBLE, error_ms=61_000),
        sound=("flood/0 05:05-05:07 at 100",),
        fate={
            "news": "waiting skipped clock clock_untrusted",
            "missed": "done skipped clock clock_untrusted",
            "flood/0": "waiting played complete",
        },
    ),
    "stop-now": Case(
        "A stop silences what plays and what waits; what is due later plays.",
        "05:06",
        plans=(plan(NEWS, cast("waits", "05:02", 5, latest="06:00"), cast("later", "05:30", 5)),),
        stops=(halt("05:06"),),
        memory=(heard("news", ("05:00", None, 0)),),
        sound=("later 05:30-05:35 at 70",),
        fate={
            "news": "done partial stopped stop",
            "waits": "done skipped stopped stop",
            "later": "waiting played complete",
        },
    ),
    "stop-until": Case(
        "Nothing that is due before `until` sounds, not even afterwards; an alert issued after the stop does.",
        "05:06",
        plans=(plan(cast("due", "05:30", 5, latest="07:00"), cast("after", "06:00", 5)),),
        alerts=(
            alert("old", "05:05", 1, before="05:15", ends="05:30"),
            alert("new", "05:07", 1, before="05:15", ends="05:30"),
        ),
        stops=(halt("05:06", "06:00"),),
        memory=(heard("old", ("05:05", None, 0), kind="alert"),),
        sound=("new/0 05:07-05:08 at 100", "after 06:00-06:05 at 70"),
        fate={
            "due": "waiting skipped stopped stop",
            "after": "waiting played complete",
            "old/0": "done partial stopped stop",
            "new/0": "waiting played complete",
        },
    ),
    "an-approver-stops-alerts-too": Case(
        "A stop by an approver also holds back alerts issued after it, and one broadcast may be named alone.",
        "05:06",
        plans=(plan(NEWS, cast("later", "05:30", 5)),),
        alerts=(alert("new", "05:07", 1, before="05:15", ends="05:30"),),
        stops=(halt("05:06", "06:00", plan_key=False, broadcast="new"), halt("05:06", "06:00", broadcast="later")),
        memory=(heard("news", ("05:00", None, 0)),),
        sound=("news 05:00-05:20 at 70",),
        fate={
            "news": "playing played complete",
            "later": "waiting skipped stopped stop",
            "new/0": "waiting skipped stopped stop",
        },
    ),
    "withdrawn": Case(
        "What is withdrawn with its rev or a higher one does not sound, nor go on; a later rev revives it.",
        "05:06",
        plans=(
            plan(NEWS, cast("talk", "06:00", 5), cast("revived", "07:00", 5, rev=2)),
            plan(
                scope="g-nhom",
                withdrawn=(
                    Withdrawn(id="news", rev=0),
                    Withdrawn(id="talk", rev=1),
                    Withdrawn(id="revived", rev=1),
                ),
            ),
        ),
        memory=(heard("news", ("05:00", None, 0)),),
        sound=("revived 07:00-07:05 at 70",),
        fate={
            "news": "done interrupted withdrawn withdrawn",
            "talk": "waiting skipped withdrawn withdrawn",
            "revived": "waiting played complete",
        },
    ),
    "withdrawn-twice": Case(
        "Of several withdrawals of one id the highest rev counts, in whatever order they came.",
        "04:00",
        plans=(
            plan(cast("news", "05:00", 5, rev=1), cast("talk", "05:10", 5, rev=1), cast("word", "05:20", 5, rev=1)),
            plan(withdrawn=(Withdrawn(id="news", rev=1), Withdrawn(id="talk", rev=0)), scope="g-nhom"),
            plan(withdrawn=(Withdrawn(id="news", rev=0), Withdrawn(id="word", rev=0)), scope="u-tinh"),
            plan(withdrawn=(Withdrawn(id="word", rev=1),), scope="u-huyen"),
        ),
        sound=("talk 05:10-05:15 at 70",),
        fate={
            "news": "waiting skipped withdrawn withdrawn",
            "talk": "waiting played complete",
            "word": "waiting skipped withdrawn withdrawn",
        },
    ),
    "after-a-power-cut": Case(
        "What began in an earlier boot never sounds again, even if its plan is gone; what has a receipt is over.",
        "05:03",
        plans=(plan(NEWS, cast("done", "04:50", 5, latest="05:10"), cast("talk", "05:10", 5)),),
        journal=(
            Started(occurrence=Occurrence(id="news"), at=at("05:00"), planned=at("05:00")),
            Started(occurrence=Occurrence(id="lost"), at=at("04:00"), planned=at("04:00")),
            played("done", "04:50", "04:55"),
        ),
        sound=("talk 05:10-05:15 at 70",),
        fate={
            "news": "done interrupted power_cut began_before_a_power_cut",
            "lost": "done interrupted power_cut began_before_a_power_cut",
            "done": "done played journal",
            "talk": "waiting played complete",
        },
    ),
    "cut-in-this-boot": Case(
        "What was cut in this boot goes on first of its class, though another of higher authority waits.",
        "05:09",
        plans=(plan(NEWS, WORD, cast("centre", "05:06", 5, latest="06:00", authority=0)),),
        memory=(heard("news", ("05:00", "05:05", 0)), heard("word", ("05:05", None, 0))),
        sound=("word 05:05-05:10 at 70", "news 05:10-05:25 at 70 from 5 min", "centre 05:25-05:30 at 70"),
        fate={
            "news": "paused played complete",
            "word": "playing played complete",
            "centre": "waiting played complete",
        },
    ),
    "a-change-moves-only-the-end": Case(
        "A new rev of what sounds changes its end; its new start does not matter any more.",
        "05:06",
        plans=(plan(NEWS), plan(cast("news", "08:00", 8, rev=1), version=2)),
        memory=(heard("news", ("05:00", None, 0)),),
        sound=("news 05:00-05:08 at 70",),
        fate={"news": "playing played complete"},
    ),
    "expired-plan": Case(
        "Nothing begins after its plan has expired.",
        "04:00",
        plans=(plan(NEWS, cast("waits", "05:05", 5, latest="06:00"), expires=at("05:15")),),
        sound=("news 05:00-05:20 at 70",),
        fate={"news": "waiting played complete", "waits": "waiting skipped expired plan_expired"},
    ),
    "stagger": Case(
        "Neighbours begin a little apart; hours are read as planned, and an alert is simultaneous.",
        "04:00",
        plans=(plan(cast("news", "05:40", 20), cast("exact", "05:20", 5, stagger=False)),),
        alerts=(alert("flood", "05:05", 1, before="05:15", ends="05:30"),),
        policies=(rules(windows=(HOUR,)),),
        stagger_ms=2500,
        sound=("flood/0 05:05-05:06 at 100", "exact 05:20-05:25 at 70", "news 05:40:02.5-06:00:02.5 at 70"),
        fate={
            "news": "waiting played complete",
            "exact": "waiting played complete",
            "flood/0": "waiting played complete",
        },
    ),
    "turns": Case(
        "Neighbours take turns, and this has the third; alerts, relays, and what is exact or follows the clock do not.",
        "04:00",
        plans=(
            plan(
                cast("news", "05:10", 5),
                cast("exact", "05:00", 5, stagger=False),
                cast("relay", "05:30", 10, segments=(RelaySegment(url="https://vov.vn/1", duration_ms=600_000),)),
                cast("rest", "05:45", 5, on_late=OnLate.REST),
            ),
        ),
        alerts=(alert("flood", "05:07", 1, before="05:15", ends="05:30"),),
        policies=(rules(windows=(HOUR,)),),
        stagger_ms=500,
        turn=2,
        sound=(
            "exact 05:00-05:05 at 70",
            "flood/0 05:07-05:08 at 100",
            "news 05:20:06.5-05:25:06.5 at 70",
            "relay 05:30:00.5-05:40:00.5 at 70",
            "rest 05:45:00.5-05:50:00.5 at 70",
        ),
        fate={
            "exact": "waiting played complete",
            "flood/0": "waiting played complete",
            "news": "waiting played complete",
            "relay": "waiting played complete",
            "rest": "waiting played complete",
        },
    ),
    "a-turn-keeps-the-hours": Case(
        "The hours that count are those of its turn: the second one of the later broadcast would end after six.",
        "04:00",
        plans=(plan(cast("fits", "05:00", 20), cast("over", "05:40", 10)),),
        policies=(rules(windows=(HOUR,)),),
        turn=1,
        sound=("fits 05:20:03.0-05:40:03.0 at 70",),
        fate={"fits": "waiting played complete", "over": "waiting skipped policy hours"},
    ),
    "a-stop-reaches-the-turns-to-come": Case(
        "A stop while the first turn sounds silences the turns after it.",
        "05:03",
        plans=(plan(cast("news", "05:00", 5, latest="05:10"), cast("next", "05:30", 5)),),
        stops=(halt("05:03"),),
        turn=2,
        sound=("next 05:40:06.0-05:45:06.0 at 70",),
        fate={"news": "waiting skipped stopped stop", "next": "waiting played complete"},
    ),
    "turns-are-not-for-boards": Case(
        "A board shows at the start, whatever its turn.",
        "04:00",
        plans=(plan(shown("notice", "05:00", "06:00")),),
        kind=DeviceKind.BOARD,
        turn=3,
        shows=("notice 05:00-06:00",),
        fate={"notice": "waiting played complete"},
    ),
    "board": Case(
        "Texts of one class share a board, a higher class takes it alone; sound is not for it.",
        "05:30",
        plans=(
            plan(
                shown("notice", "05:00", "08:00"),
                shown("market", "06:00", "09:00"),
                shown("meeting", "06:30", "07:00", level=PRIORITY),
                shown("hidden", "06:40", "06:50"),
                shown("yesterday", "04:00", "05:00"),
                NEWS,
            ),
        ),
        alerts=(alert("flood", "06:55", 2, before="07:05", ends="07:10", board_text="Lũ lên nhanh"),),
        policies=(rules(windows=(window("20:00", "21:00"),)),),
        **BOARD,
        shows=(
            "notice 05:00-06:30",
            "market 06:00-06:30",
            "meeting 06:30-06:55",
            "flood/0 06:55-07:10",
            "notice 07:10-08:00",
            "market 07:10-09:00",
        ),
        fate={
            "notice": "waiting played complete",
            "market": "waiting played complete",
            "meeting": "waiting played complete",
            "hidden": "waiting skipped conflict hidden_by_a_higher_class by meeting",
            "yesterday": "done skipped too_late window_over",
            "news": "done skipped not_for_device not_for_device",
            "flood/0": "waiting played complete",
        },
    ),
    "board-after-a-power-cut": Case(
        "A board shows what is left of a window it had begun.",
        "05:30",
        plans=(plan(shown("notice", "05:00", "08:00")),),
        journal=(Started(occurrence=Occurrence(id="notice"), at=at("05:00"), planned=at("05:00")),),
        **BOARD,
        shows=("notice 05:00-08:00",),
        fate={"notice": "paused played complete"},
    ),
    "both-parts": Case(
        "A broadcast with sound and text is a loudspeaker's by its sound; a text alone is not for it.",
        "04:00",
        plans=(
            plan(
                cast("both", "05:00", 5, board=BoardItem(until=at("08:00"), text="Thông báo")),
                shown("text", "05:00", "08:00"),
            ),
        ),
        sound=("both 05:00-05:05 at 70",),
        fate={"both": "waiting played complete", "text": "waiting skipped not_for_device not_for_device"},
    ),
    "two-languages-one-after-another": Case(
        "A device sounds every variant of its languages one after another; what is due meanwhile waits for its end.",
        "04:00",
        plans=(plan(spoken("news", "05:00", 7), cast("talk", "05:05", 2, latest="05:10"), manifest=sounds()),),
        languages=("hmn", "vi"),
        sound=("news 05:00-05:07 at 70", "talk 05:07-05:09 at 70"),
        fate={"news": "waiting played complete", "talk": "waiting played complete"},
    ),
    "one-language-takes-less": Case(
        "A device that speaks one of them is done sooner than the broadcast says, and plays on time what follows.",
        "04:00",
        plans=(plan(spoken("news", "05:00", 7), cast("talk", "05:05", 2, latest="05:10"), manifest=sounds()),),
        languages=("vi",),
        sound=("news 05:00-05:03 at 70", "talk 05:05-05:07 at 70"),
        fate={"news": "waiting played complete", "talk": "waiting played complete"},
    ),
    "none-of-its-languages": Case(
        "A device none of whose languages has a variant sounds `ref`, also where it lists none at all.",
        "04:00",
        plans=(plan(spoken("news", "05:00", 7), manifest=sounds()),),
        languages=("km", "zh"),
        sound=("news 05:00-05:02 at 70",),
        fate={"news": "waiting played complete"},
    ),
    "a-length-nobody-tells": Case(
        "Where the manifest does not tell the length of something it sounds, the broadcast's own counts.",
        "04:00",
        plans=(plan(spoken("news", "05:00", 7), manifest=sounds(without="tieng-viet")),),
        languages=("vi",),
        sound=("news 05:00-05:07 at 70",),
        fate={"news": "waiting played complete"},
    ),
    "turns-are-the-longest": Case(
        "A turn is as long as the longest of the devices needs, whatever this one sounds itself.",
        "04:00",
        plans=(plan(spoken("news", "05:00", 7), manifest=sounds()),),
        turn=1,
        languages=("vi",),
        sound=("news 05:07:03.0-05:10:03.0 at 70",),
        fate={"news": "waiting played complete"},
    ),
    "a-relay-keeps-its-place": Case(
        "A device whose variants are shorter is silent until the relay's place; all repeats of others count their own.",
        "04:00",
        plans=(
            plan(
                spoken(
                    "news",
                    "05:00",
                    17,
                    segments=(
                        ContentSegment(ref="chung", variants={"vi": "tieng-viet", "hmn": "tieng-mong"}),
                        RelaySegment(url="https://vov.vn/1", duration_ms=600_000, at_ms=420_000),
                    ),
                    on_late=OnLate.REST,
                ),
                spoken("twice", "06:00", 14, repeats=2),
                manifest=sounds(),
            ),
        ),
        languages=("vi",),
        sound=("news 05:00-05:17 at 70", "twice 06:00-06:06 at 70"),
        fate={"news": "waiting played complete", "twice": "waiting played complete"},
    ),
}
