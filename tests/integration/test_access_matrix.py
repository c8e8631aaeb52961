"""Every route × every role × a thing of one's own unit, below it, above it and beside it: allowed, 403 or 404.

What is expected is worked out here from `access/table.py` and `rules.GIVES` alone, by a model of four places: a role is
held at home, so it holds at home and inside; above is known and no more; of what is foreign nobody knows. A route
without a sample request fails. In an ordinary run some roles that permit a route and some that do not are tried at home
(others for each route, so that every role meets every kind of row), and elsewhere somebody who has all of them, who is
let in where any of them is; every role at every place is behind --long.
"""

from collections.abc import Iterator
from typing import Any
from zlib import crc32

import httpx
import pytest

from controller.access import subjects as s
from controller.access.rules import GIVES
from controller.access.rules import Permission as P  # noqa: N817 - as in the table
from controller.access.table import TABLE, Decides, Row
from controller.people.rules import Role
from tests.fakes.databases import fresh_database, sqlite_url
from tests.fakes.land import ALL_ROLES, OWN, Asked, Land, Place, asked
from tests.fakes.requests_of_routes import ASKED_ELSEWHERE, SAMPLES, Lists, Sample

ROLES = (*map(str, Role), "none")
REFUSED = frozenset({401, 403, 404})
NOT_PERMITTED = frozenset({"not_signed_in", "not_allowed", "second_factor_needed"})
NOT_THERE = frozenset({"session", "passkey", "token"})
"""Things that nobody has here: who gets that far is told so."""
OK = 200
_KINDS = {
    "unit_id": "unit",
    "person_id": "person",
    "device_id": "device",
    "bulletin_id": "bulletin",
    "programme_id": "programme",
    "item_id": "slot item",
    "zone_id": "zone",
    "group_id": "group",
    "scope": "scope",
    "broadcast_id": "broadcast",
    "asset_id": "asset",
    "grant_id": "grant",
    "leave_id": "leave",
    "subscription_id": "subscription",
    "placement_id": "placement",
    "job_id": "job",
    "source": "source",
    "session_id": "session",
    "passkey_id": "passkey",
    "token_id": "token",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("land")
    with asked(folder, sqlite_url(folder)) as made:
        yield made


def visible(role: str, place: str, read: P) -> bool:
    """Whether a role at home reads what stands at a place."""
    if role == "none" or place == Place.FOREIGN:
        return False
    return place != Place.ABOVE or read is P.KNOW


def permits(role: str, place: str, *needs: P) -> bool:
    """Whether a role at home permits any of these at a place."""
    below = place in {Place.HOME, Place.INSIDE}
    return any((below and need in gives(role)) or (need is P.KNOW and visible(role, place, need)) for need in needs)


def gives(role: str) -> frozenset[P]:
    if role == ALL_ROLES:
        return frozenset(P)
    return frozenset() if role == "none" else frozenset(GIVES[Role(role)])


def of_thing(role: str, place: str, read: P, *needs: P, either: bool = False) -> int:
    if not visible(role, place, read):
        return 404
    if either and set(needs) <= {P.KNOW, P.SEE}:
        return OK
    return OK if permits(role, place, *needs) else 403


def expected(  # noqa: PLR0911 - one a kind of row
    row: Row, sample: Sample, role: str, place: str
) -> int:
    """What the policy says of a request."""
    if row.decides is Decides.SIGN_IN or sample.lists is not None:
        return OK
    if row.decides is Decides.MAKER:
        return OK if place == OWN else 404
    if place == OWN:
        return OK if row.decides is Decides.SELF else of_thing(role, Place.HOME, P.SEE, row.permission or P.KNOW)
    if row.decides is Decides.ROLE:
        return OK if row.permission in gives(role) else 403
    if sample.asks is not None:
        return of_thing(role, place, sample.asks.read, *sample.asks.needs)
    if row.decides is Decides.ROUTE:
        filtered = {P.AUDIT, P.KNOW, P.APPROVE}  # the others are for who may act everywhere
        return OK if row.permission in filtered else 403
    assert row.subject is not None
    assert row.permission is not None
    if row.subject is s.PARENT:
        return _at_parent(role, place, row.permission)
    found = of_thing(role, place, row.subject.read, row.permission, either=row.subject.either)
    return 409 if row.new and found == 404 else found


def _at_parent(role: str, place: str, needs: P) -> int:
    """The unit below home has home above it; that above home has nothing above it."""
    if not visible(role, place, P.KNOW):
        return 404
    return OK if place == Place.INSIDE and needs in gives(role) else 403


def places(row: Row, path: str, sample: Sample) -> tuple[str, ...]:
    """Where the request is tried."""
    if row.decides is Decides.MAKER:
        return (OWN, Place.HOME) if "{" in path else (OWN,)
    if "{" not in path and sample.asks is None:
        return (Place.HOME,)
    return (OWN, *Place) if row.subject is s.PERSON else tuple(Place)


def addressed(made: Land, path: str, sample: Sample, role: str, place: str) -> str:
    """The path of a request, with the ids of things at a place."""
    told = f"{OWN} {role}" if place == OWN else place
    for name, kind in _KINDS.items():
        if f"{{{name}}}" in path:
            found = made.ids.get((kind, told), "khong-co") if kind in NOT_THERE else made.id(kind, told)
            path = path.replace(f"{{{name}}}", made.id(sample.asset, told) if kind == "asset" else found)
    assert "{" not in path, f"{path}: say in _KINDS what its ids are of"
    return path


def request(made: Land, path: str, sample: Sample, role: str, place: str) -> dict[str, Any]:
    """As httpx takes it."""
    at = str(Place.HOME) if place == OWN else place
    told: dict[str, Any] = {"params": sample.params(made, at), "headers": dict(sample.headers)}
    if sample.json is not None:
        told["json"] = sample.json(made, at)
    if sample.content is not None:
        told["content"] = sample.content
    return {"path": addressed(made, path, sample, role, place), **told}


def test_every_route_has_a_sample_request() -> None:
    assert SAMPLES.keys() | ASKED_ELSEWHERE == TABLE.keys()


@pytest.mark.parametrize(("method", "path"), sorted(SAMPLES), ids=lambda part: part)
def test_a_role_does_what_the_table_says_and_nothing_else(here: Asked, method: str, path: str) -> None:
    check(here, method, path)


@pytest.mark.long
@pytest.mark.parametrize(("method", "path"), sorted(SAMPLES), ids=lambda part: part)
def test_so_it_is_at_every_place(here: Asked, method: str, path: str) -> None:
    check(here, method, path, everywhere=True)


def some(route: str, row: Row) -> tuple[str, ...]:
    """Up to three roles that permit what a route needs, two that do not, and nobody's; always the same for a route."""
    turn = crc32(route.encode())
    permitting = [role for role in map(str, Role) if row.permission in gives(role)]
    others = [role for role in map(str, Role) if role not in permitting]
    return (*_turned(permitting, turn)[:3], *_turned(others, turn)[:2], "none")


def _turned(roles: list[str], turn: int) -> list[str]:
    at = turn % len(roles) if roles else 0
    return roles[at:] + roles[:at]


def check(here: Asked, method: str, path: str, *, everywhere: bool = False) -> None:
    row, sample, wrong = TABLE[method, path], SAMPLES[method, path], []
    for place in places(row, path, sample):
        at_home = some(f"{method} {path}", row) if place in {OWN, Place.HOME} else (ALL_ROLES,)
        for role in ROLES if everywhere else at_home:
            answer = here.ask(role, method, **request(here.land, path, sample, role, place))
            code = answer.json().get("code", "") if answer.status_code >= 400 else ""
            wanted = expected(row, sample, role, place)
            found = answer.status_code
            fits = found not in REFUSED or code in sample.absent if wanted == OK else found == wanted
            if row.decides is Decides.SIGN_IN:
                fits = code not in NOT_PERMITTED
            elif code == "request_invalid":
                fits = False
            if not fits or found >= 500:
                wrong.append(f"{role} at {place}: {found} {code} instead of {wanted}: {answer.text[:200]}")
            if sample.lists is not None:
                wrong += _of_list(here.land, role, sample.lists, answer)

    assert not wrong, "\n".join(wrong)


def _of_list(made: Land, role: str, lists: Lists, answer: httpx.Response) -> list[str]:
    """A list has what stands where it may be read, all of that and nothing else."""
    items = answer.json() if lists.inside is None else answer.json()[lists.inside]
    told = {item[lists.key] for item in items}
    kinds = (lists.kind, "picture") if lists.kind == "asset" else (lists.kind,)
    at = {made.id(kind, place): str(place) for kind in kinds for place in Place}
    if lists.read is P.PEOPLE:
        wanted = {key for key, place in at.items() if permits(role, place, P.PEOPLE)}
    else:
        wanted = {key for key, place in at.items() if visible(role, place, lists.read)}
    return [] if told & at.keys() == wanted else [f"{role} was told {sorted(told & at.keys())}, not {sorted(wanted)}"]


@pytest.mark.parametrize(("method", "path"), sorted(SAMPLES), ids=lambda part: part)
def test_nobody_is_answered_without_signing_in(here: Asked, method: str, path: str) -> None:
    told = request(here.land, path, SAMPLES[method, path], "none", Place.HOME)
    told["headers"]["Authorization"] = "Bearer khong-phai"

    answer = here.ask(None, method, **told)

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


@pytest.mark.long
def test_it_is_the_same_on_postgresql(tmp_path: Any, request: pytest.FixtureRequest) -> None:
    with fresh_database("postgresql", tmp_path, request) as url, asked(tmp_path, url) as there:
        for method, path in sorted(SAMPLES):
            check(there, method, path)
