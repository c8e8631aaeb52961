"""The bar of a phone: five places at most, those that somebody's roles use most, and the rest one tap further."""

from collections.abc import Iterable

import pytest

from controller.access.rules import GIVES, Permission
from controller.people.rules import Role
from controller.web.navigation import PLACES, ROOM, places_for


def permitted(*roles: Role) -> set[str]:
    return {str(one) for role in roles for one in GIVES[role]}


def near(permissions: Iterable[str]) -> list[str]:
    return [one.path for one in places_for(set(permissions)) if one.near]


def test_places_are_those_that_one_may_use() -> None:
    assert [one.path for one in places_for({Permission.WRITE})] == ["/", "/account"]
    assert "/administration" in [one.path for one in places_for({Permission.PEOPLE})]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ((Role.OPERATOR,), ["/", "/bulletins", "/week", "/results"]),
        ((Role.CONTRIBUTOR,), ["/", "/bulletins", "/week", "/results"]),
        ((Role.APPROVER,), ["/", "/week", "/review", "/results"]),
        ((Role.OPERATOR, Role.APPROVER), ["/", "/bulletins", "/week", "/review"]),
        ((Role.TECHNICIAN,), ["/", "/results", "/devices", "/monitoring"]),
        ((Role.MONITOR,), ["/", "/results", "/devices", "/monitoring"]),
        ((Role.AUDITOR,), ["/", "/results", "/monitoring", "/administration"]),
        ((Role.ADMINISTRATOR,), ["/", "/devices", "/monitoring", "/administration"]),
        (tuple(Role), ["/", "/bulletins", "/review", "/devices"]),
    ],
    ids=str,
)
def test_a_phone_shows_what_the_roles_use_most(roles: tuple[Role, ...], expected: list[str]) -> None:
    assert near(permitted(*roles)) == expected


@pytest.mark.parametrize("roles", [(one,) for one in Role] + [tuple(Role)], ids=str)
def test_nothing_is_lost_and_all_keep_their_order(roles: tuple[Role, ...]) -> None:
    found = places_for(permitted(*roles))
    order = [one.path for one in PLACES]

    assert [one.path for one in found] == sorted((one.path for one in found), key=order.index)
    assert sum(one.near for one in found) == ROOM - 1
    assert "/account" in [one.path for one in found]


def test_where_all_have_room_nothing_is_put_away() -> None:
    assert near({Permission.KNOW, Permission.APPROVE}) == ["/", "/week", "/review", "/account"]
