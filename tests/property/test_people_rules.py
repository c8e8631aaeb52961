"""Who may approve: held against a plain model, over units, roles, leaves and deputies in all combinations."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.people.rules import Away, Held, Stand, approvers, independent, stand_of

CHAIN = ("thon", "xa", "tinh")
PEOPLE = tuple("abcdef")
TODAY = date(2026, 11, 21)
DAYS = st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days))

people = st.sampled_from(PEOPLE)
held = st.lists(
    st.builds(Held, people, st.sampled_from((*CHAIN, "xa-khac")), DAYS, st.none() | DAYS), max_size=8, unique=True
)
away = st.lists(
    st.builds(Away, people, DAYS, DAYS, st.none() | people), max_size=6, unique_by=lambda leave: leave.person_id
)
here = st.frozensets(people)


def _level(roles: list[Held], working: frozenset[str]) -> set[str]:
    """Who was put in charge at the nearest unit that has anybody."""
    for unit in CHAIN:
        found = set()
        for role in roles:
            over = role.ends is not None and role.ends < TODAY
            if role.unit_id == unit and role.person_id in working and role.begins <= TODAY and not over:
                found.add(role.person_id)
        if found:
            return found
    return set()


def _absent(leaves: list[Away]) -> dict[str, str | None]:
    return {leave.person_id: leave.deputy_id for leave in leaves if leave.first_day <= TODAY <= leave.last_day}


@given(held, away, here)
def test_approvers_are_those_in_charge_or_who_stands_in_for_them(
    roles: list[Held], leaves: list[Away], working: frozenset[str]
) -> None:
    found = approvers(CHAIN, roles, leaves, here=working, on=TODAY)

    absent, charged = _absent(leaves), _level(roles, working)
    own = {Stand(one) for one in charged if one not in absent}
    deputies = {
        Stand(deputy, one)
        for one in charged
        if (deputy := absent.get(one)) is not None and deputy in working and deputy not in absent
    }
    assert set(found) == own | deputies
    assert len(found) == len(set(found))


@given(held, away, here)
def test_nobody_approves_who_is_away_or_has_left(
    roles: list[Held], leaves: list[Away], working: frozenset[str]
) -> None:
    found = approvers(CHAIN, roles, leaves, here=working, on=TODAY)

    assert {one.person_id for one in found} <= working - _absent(leaves).keys()


@given(held, away, here, st.frozensets(people, max_size=3))
def test_no_writer_decides_on_their_own_nor_through_a_deputy(
    roles: list[Held], leaves: list[Away], working: frozenset[str], writers: frozenset[str]
) -> None:
    everybody = approvers(CHAIN, roles, leaves, here=working, on=TODAY)

    others = independent(everybody, writers)

    assert all(writers.isdisjoint({one.person_id, one.for_id}) for one in others)
    assert {one for one in everybody if writers.isdisjoint({one.person_id, one.for_id})} == set(others)
    assert independent(everybody, ()) == everybody


@given(held, away, here, people)
def test_who_may_by_their_own_right_needs_nobody_to_stand_in_for(
    roles: list[Held], leaves: list[Away], working: frozenset[str], person: str
) -> None:
    found = approvers(CHAIN, roles, leaves, here=working, on=TODAY)

    stand = stand_of(found, person)

    mine = {one for one in found if one.person_id == person}
    assert (stand is None) == (not mine)
    if Stand(person) in mine:
        assert stand == Stand(person)
    else:
        assert stand is None or stand in mine


@given(held, away, here, held)
def test_roles_above_change_nothing_where_a_unit_has_its_own(
    roles: list[Held], leaves: list[Away], working: frozenset[str], more: list[Held]
) -> None:
    own = [role for role in roles if role.unit_id == CHAIN[0]]
    if not _level(own, working):
        return

    found = approvers(CHAIN, [*own, *(one for one in more if one.unit_id != CHAIN[0])], leaves, here=working, on=TODAY)

    assert found == approvers(CHAIN, own, leaves, here=working, on=TODAY)
