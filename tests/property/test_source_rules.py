"""Rules of source items and of jobs, for any input."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from controller.broadcasts.rules import LATEST_PLANNED, NOW_LEAD
from controller.jobs import rules as jobs
from controller.sources import bulletin as wire
from controller.sources import rules
from controller.sources.bulletin import At, Bulletin, Now, Window
from controller.sources.errors import (
    SourceItemChanged,
    SourceItemOlder,
    SourceMalformed,
    SourceTooLate,
    SourceWindowInvalid,
)
from controller.sources.rules import Arrival, Known
from loa_protocol.errors import LoaError
from loa_protocol.ids import Level

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
INSTANTS = st.integers(-3 * 86_400, 20 * 86_400).map(lambda s: NOW + timedelta(seconds=s))
WHENS = st.one_of(
    st.just(Now()),
    INSTANTS.map(lambda at: At(at=at)),
    st.tuples(INSTANTS, INSTANTS).map(lambda pair: Window(begin=min(pair), end=max(pair))),
)


@st.composite
def bulletins(draw: st.DrawFn) -> Bulletin:
    return Bulletin(
        format=wire.FORMAT,
        id=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", fullmatch=True)),
        revision=draw(st.integers(1, 5)),
        title="Tin",
        agency="Sở",
        level=draw(st.sampled_from([Level.NORMAL, Level.PRIORITY])),
        essential=draw(st.booleans()),
        areas=("25747",),
        when=draw(WHENS),
        valid_until=draw(INSTANTS),
        late_s=draw(st.integers(0, 86_400)),
        text=draw(
            st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1)
        ),
    )


@given(bulletins())
def test_a_bulletin_is_read_back_as_it_was_written(bulletin: Bulletin) -> None:
    assert wire.read(msgspec.json.encode(bulletin)) == bulletin


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_are_a_bulletin_or_one_clear_refusal(raw: bytes) -> None:
    with suppress(SourceMalformed):
        assert wire.read(raw).format == wire.FORMAT


@given(bulletins())
def test_no_device_begins_outside_what_the_bulletin_allows(bulletin: Bulletin) -> None:
    try:
        timing = rules.timing(bulletin, NOW)
    except LoaError:
        return
    start = timing.start or NOW + NOW_LEAD
    last = start + timedelta(seconds=timing.late_s)
    assert start >= NOW + NOW_LEAD
    assert start <= NOW + LATEST_PLANNED + NOW_LEAD
    assert last <= bulletin.valid_until
    match bulletin.when:
        case At(at=at):
            assert at <= start
            assert last <= at + timedelta(seconds=bulletin.late_s)
        case Window(begin=begin, end=end):
            assert begin <= start
            assert last <= end
        case _:
            assert last <= NOW + NOW_LEAD + timedelta(seconds=bulletin.late_s)


@given(bulletins())
def test_what_can_still_begin_is_not_refused_as_late(bulletin: Bulletin) -> None:
    late = timedelta(seconds=bulletin.late_s)
    match bulletin.when:
        case At(at=at):
            last = at + late
        case Window(end=end):
            last = end
        case _:
            last = NOW + NOW_LEAD + late
    possible = min(last, bulletin.valid_until) >= max(NOW + NOW_LEAD, wire.first_instant(bulletin.when) or NOW)
    try:
        rules.timing(bulletin, NOW)
    except SourceTooLate:
        assert not possible
    except SourceWindowInvalid:
        assert (wire.first_instant(bulletin.when) or NOW) > NOW + LATEST_PLANNED
    else:
        assert possible


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["a", "b", "c"])), max_size=20))
def test_however_items_arrive_each_revision_is_accepted_once_and_only_upwards(arrivals: list[tuple[int, str]]) -> None:
    known: Known | None = None
    accepted: list[tuple[int, str]] = []
    for revision, sound in arrivals:
        bulletin = Bulletin(
            format=wire.FORMAT, id="X", revision=revision, title="T", agency="A", level=Level.NORMAL,
            essential=False, areas=("1",), when=Now(), valid_until=NOW,
        )  # fmt: skip
        try:
            found = rules.arrival(bulletin, sound, known)
        except SourceItemChanged:
            assert (revision, sound) != accepted[-1]
            assert revision == accepted[-1][0]
            continue
        except SourceItemOlder:
            assert revision < accepted[-1][0]
            continue
        if found is Arrival.SAME:
            assert (revision, sound) == accepted[-1]
        else:
            known = Known(revision, bulletin, sound)
            accepted.append((revision, sound))
    revisions = [revision for revision, _ in accepted]
    assert revisions == sorted(set(revisions))


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_progress_never_goes_back_nor_is_done_by_itself(reports: list[float]) -> None:
    progress, seen = 0.0, [0.0]
    for report in reports:
        progress = jobs.onward(progress, report)
        seen.append(progress)

    assert seen == sorted(seen)
    assert 0.0 <= progress < 1.0


@given(
    st.sampled_from(list(jobs.JobState)),
    st.none() | st.integers(-60, 60).map(lambda s: NOW + timedelta(seconds=s)),
    st.integers(0, 9),
)
def test_a_job_with_a_valid_lease_or_an_end_is_left_alone(
    state: jobs.JobState, lease_until: datetime | None, attempts: int
) -> None:
    step = jobs.look(state, lease_until=lease_until, attempts=attempts, now=NOW)

    leased = state is jobs.JobState.RUNNING and lease_until is not None and lease_until > NOW
    assert (step is jobs.Step.LEAVE) == (state in jobs.ENDED or leased)
    if step is jobs.Step.TAKE:
        assert attempts < jobs.MOST_ATTEMPTS
