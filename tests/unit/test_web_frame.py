"""What every page has: changing its language leads back to a page that can be read."""

from unittest.mock import Mock

import pytest
from starlette.routing import Match, Route

from controller.web.app import create_pages
from controller.web.frame import readable

ROUTES = create_pages(Mock(), Mock()).routes
TAKEN = sorted({one.path for one in ROUTES if isinstance(one, Route) and "POST" in (one.methods or ())})


def _at(pattern: str) -> str:
    return pattern.replace("{", "").replace("}", "")


@pytest.mark.parametrize("pattern", TAKEN)
def test_whatever_takes_a_form_leads_to_a_page_that_can_be_read(pattern: str) -> None:
    found = readable(_at(pattern), ROUTES)

    asked = {"type": "http", "method": "GET", "path": found, "root_path": ""}
    assert any(one.matches(asked)[0] is Match.FULL for one in ROUTES)
    assert found == "/" or _at(pattern).startswith(found)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("/review/b-1/return", "/review/b-1"),
        ("/week/move", "/week"),
        ("/units/xa/below", "/units/xa"),
        ("/people/p-1/grant", "/people/p-1"),
        ("/devices/loa-1/volume", "/devices/loa-1/volume"),
        ("/people/new", "/people/new"),
        ("/week?unit=xa&week=2026-W47", "/week?unit=xa&week=2026-W47"),
        ("/week/move?unit=xa", "/week"),
        ("/nothing/here", "/"),
        ("/", "/"),
    ],
)
def test_the_nearest_page_above_is_the_one(where: str, found: str) -> None:
    assert readable(where, ROUTES) == found
