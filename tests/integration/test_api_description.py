"""The API does what its description says: requests made from it get no 5xx and no status that it does not tell.

They are asked with the host's own token, which gets past every door; nothing is kept. More of them behind --long.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from controller.access.table import PUBLIC, TABLE
from controller.api.problems import MEDIA_TYPE
from tests.fakes.databases import sqlite_url
from tests.fakes.land import Asked, Land, asked

PREFIX = "/api/v1"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
ENDLESS = frozenset({("GET", "/events")})
ROUTES = sorted({*TABLE, *PUBLIC} - ENDLESS)
FEW, MANY = 2, 40
OURS = {"prefer": "respond-async"}
"""Nobody works here: who waits for a sound would wait long."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("land")
    with asked(folder, sqlite_url(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def described(here: Asked) -> dict[str, Any]:
    found: dict[str, Any] = here.ask(None, "GET", "http://127.0.0.1/api/v1/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def operations(described: dict[str, Any]) -> dict[tuple[str, str], Any]:
    schema = schemathesis.openapi.from_dict(described)
    found = [one.ok() for one in schema.get_all_operations()]
    return {(one.method.upper(), one.path.removeprefix(PREFIX)): one for one in found}


async def send(made: Land, case: Case) -> httpx.Response:
    """As the bytes that any client would send."""
    told = requests.Request(**case.as_transport_kwargs(base_url="http://127.0.0.1")).prepare()
    kept = {name.lower(): value for name, value in told.headers.items()}
    headers = {name: value for name, value in kept.items() if name in {"content-type", "idempotency-key"}}
    content = told.body.encode() if isinstance(told.body, str) else told.body
    return await made.api.request(str(told.method), str(told.url), headers={**headers, **OURS}, content=content)


def check(here: Asked, operation: Any, examples: int) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def asked(case: Case) -> None:
        answer = here.runner.run(send(here.land, case))

        case.validate_response(answer, checks=CHECKS)

    asked()


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
def test_no_request_gets_what_is_not_described(
    here: Asked, operations: dict[tuple[str, str], Any], method: str, path: str
) -> None:
    check(here, operations[method, path], FEW)


@pytest.mark.long
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
def test_nor_do_many(here: Asked, operations: dict[tuple[str, str], Any], method: str, path: str) -> None:
    check(here, operations[method, path], MANY)


def test_every_route_tells_its_problems(described: dict[str, Any]) -> None:
    told = {
        (method.upper(), path.removeprefix(PREFIX)): operation["responses"]
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }

    assert told.keys() == {*TABLE, *PUBLIC}
    for responses in told.values():
        for status in ("401", "403", "404", "409", "422"):
            assert MEDIA_TYPE in responses[status]["content"]
