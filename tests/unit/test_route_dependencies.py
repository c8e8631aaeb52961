"""What routes ask for before they run."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from controller.api import app


def test_no_route_sends_a_dependency_to_a_thread() -> None:
    routers = (*app.guarded_routers(), *app.public_routers())
    asked = {
        call
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for call in (*_asked(route.dependant), *(one.dependency for one in (*router.dependencies, *app.CHECKS)))
    }

    named = {getattr(call, "__qualname__", "") for call in asked}
    assert {"_controller", "require_text", "authenticated"} <= named
    assert [call for call in asked if call is not None and not _is_waited_for(call)] == []


def _asked(dependant: Dependant) -> Iterator[Callable[..., Any] | None]:
    for one in dependant.dependencies:
        yield one.call
        yield from _asked(one)


def _is_waited_for(call: Callable[..., Any]) -> bool:
    function = call if inspect.isroutine(call) else type(call).__call__
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
