"""What the audit holds is told in words: every route, every kind of job, every refusal."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from fastapi.routing import APIRoute

from controller.accounts.telling import Event
from controller.api import app
from controller.api.errors import STATUS
from controller.runtime import server
from controller.web import words
from controller.web.audit import refusal_of, said_of

CONTROLLER = Path(__file__).parents[2] / "controller"
_READS = {"GET", "HEAD"}
_WRITTEN = re.compile(r"\b(?:record|as_loa)\(\s*\w+,\s*\"([^\"]+)\"")
_NOTED = {401, 403, 429}
"""With these statuses a refusal comes into the audit, beside what is told not to be there."""


def _routes() -> Iterator[tuple[str, str]]:
    for router in (*app.guarded_routers(), *app.public_routers()):
        for route in router.routes:
            if isinstance(route, APIRoute):
                yield from ((method, route.path) for method in route.methods)


def test_every_route_that_changes_something_has_words() -> None:
    changing = {f"{method} {path}" for method, path in _routes() if method not in _READS}

    assert len(changing) > 90
    assert changing - words.ACTIONS.keys() == set()


def test_no_words_are_kept_for_a_route_that_is_gone() -> None:
    routes = {f"{method} {path}" for method, path in _routes()}

    assert {one for one in words.ACTIONS if " /" in one} - routes == set()


def test_what_is_read_and_may_be_refused_has_words() -> None:
    reading = {f"{method} {path}" for method, path in _routes() if method in _READS}

    assert {one for one in reading if said_of(one) == one} == set()
    assert said_of("GET /units/{unit_id}/closed") == "Xem đơn vị"


def test_every_kind_of_job_has_words() -> None:
    named = re.findall(r"(\w+)\.KIND\b", inspect.getsource(server.Controller._kinds))
    kinds = {getattr(server, name).KIND for name in named}

    assert {"intake", "join", "speak", "picture"} <= kinds
    assert {f"job {kind}" for kind in kinds} - words.ACTIONS.keys() == set()


def test_whatever_else_is_written_has_words() -> None:
    sources = [file.read_text(encoding="utf-8") for file in CONTROLLER.rglob("*.py")]
    written = {name for source in sources for name in _WRITTEN.findall(source)}

    assert {"audit retention", "set-up link", "GET /audit/export"} <= written
    assert (written | set(map(str, Event))) - words.ACTIONS.keys() == set()


def test_every_refusal_that_comes_into_the_audit_has_words() -> None:
    refused = {code for code, status in STATUS.items() if status in _NOTED}

    assert refused - words.REFUSALS.keys() == set()
    assert refusal_of("not_allowed") == "chưa được giao quyền"
    assert refusal_of("unit_unknown") == "không có, hoặc không được xem"
