"""The difference between what a programme wants and what there is: done once, it is done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.schedules.planning import Diff, Held, Wanted, difference
from loa_protocol.documents.plan import ContentSegment

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=24)
SESSIONS = ("sang", "trua", "chieu")


ANY_HOUR, COMING = st.integers(-6, 30), st.integers(1, 23)


@st.composite
def broadcasts(draw: st.DrawFn, hours: st.SearchStrategy[int] = ANY_HOUR) -> list[Wanted]:
    names = draw(st.lists(st.tuples(st.sampled_from(SESSIONS), st.integers(0, 5)), unique=True, max_size=10))
    return [_wanted(draw, session, day, draw(hours)) for session, day in names]


def _wanted(draw: st.DrawFn, session: str, day: int, hour: int) -> Wanted:
    start = NOW + timedelta(hours=hour)
    return Wanted(
        id=f"p-{session}-{day}",
        session=session,
        occurrence=f"2026-11-2{day}T05:00",
        title=session,
        level="normal",
        authority=100,
        start=start,
        latest_start=start + timedelta(seconds=60),
        duration_ms=1000,
        segments=(ContentSegment(ref=draw(st.sampled_from(["r-1", "r-2"]))),),
        on_preempt="resume",
        on_late="begin",
        volume=draw(st.sampled_from([70, 90])),
        stagger=True,
        scopes=draw(st.sampled_from([("u-1",), ("u-1", "u-2"), ("u-3",)])),
    )


@st.composite
def there(draw: st.DrawFn) -> list[Held]:
    found = []
    for one in draw(broadcasts()):
        settled, dropped = draw(st.sampled_from([(False, False), (False, True), (True, False), (True, True)]))
        found.append(Held(one, draw(st.integers(0, 3)), settled=settled, dropped=dropped))
    return found


def _diff(wanted: list[Wanted], held: list[Held]) -> Diff:
    return difference(wanted, held, after=NOW, until=UNTIL)


def _done(held: list[Held], diff: Diff) -> list[Held]:
    """As the store does it."""
    after = {one.as_made.id: one for one in held}
    after |= {one.id: Held(one, 0) for one in diff.add}
    after |= {wanted.id: Held(wanted, one.rev + 1) for one, wanted in diff.change}
    after |= {one.as_made.id: replace(one, dropped=True) for one in diff.cancel}
    return list(after.values())


@given(broadcasts(), there())
def test_planning_twice_changes_nothing_the_second_time(wanted, held):
    after = _done(held, _diff(wanted, held))

    assert _diff(wanted, after) == Diff()


@given(broadcasts(), there())
def test_what_has_begun_was_answered_or_was_taken_back_by_hand_is_left_alone(wanted, held):
    diff = _diff(wanted, held)

    frozen = {one.as_made.id for one in held if one.settled or one.as_made.start <= NOW}
    touched = {one.id for one in diff.add} | {one.id for _, one in diff.change}
    assert not frozen & (touched | {one.as_made.id for one in diff.cancel})


@given(broadcasts(), there())
def test_afterwards_everything_that_may_be_as_wanted_is(wanted, held):
    after = {one.as_made.id: one for one in _done(held, _diff(wanted, held))}

    before = {one.as_made.id: one for one in held}
    coming = {one.id: one for one in wanted if NOW < one.start < UNTIL}
    for key, one in coming.items():
        kept = before.get(key)
        if kept is None or not (kept.settled or kept.as_made.start <= NOW):
            assert after[key].as_made == one
            assert not after[key].dropped
    for key, one in after.items():
        free = not one.settled and NOW < one.as_made.start < UNTIL
        assert not free or one.dropped or key in coming


@given(broadcasts(COMING), st.sampled_from(SESSIONS))
def test_changing_one_session_touches_only_its_broadcasts(wanted, session):
    held = [Held(one, 0) for one in wanted]
    changed = [replace(one, volume=33) if one.session == session else one for one in wanted]

    diff = _diff(changed, held)

    assert {one.id for _, one in diff.change} == {one.id for one in wanted if one.session == session}
    assert (diff.add, diff.cancel) == ((), ())
    scopes = {scope for one in wanted if one.session == session for scope in one.scopes}
    assert set(diff.scopes) == scopes


@given(broadcasts(), there(), st.randoms())
def test_the_order_of_rows_does_not_matter(wanted, held, random):
    mixed = _diff(random.sample(wanted, len(wanted)), random.sample(held, len(held)))

    assert mixed == _diff(wanted, held)
