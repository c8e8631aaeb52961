"""One controller and one browser for all stories of a worker; where the pictures are is told at the end of the run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.rig import System
from tests.browser import far_commune
from tests.browser.far_commune import FarCommune
from tests.browser.house import House, Known, chromium, furnish, serving
from tests.fakes.chromium import PROGRAM

expect.set_options(timeout=30_000)
WRITING = frozenset({"test_coming_in", "test_composing", "test_keyboard", "test_review", "test_whole_way"})
"""These modules go to one worker, the others to another: two browsers at once, and always in the same order."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("writing" if item.path.stem in WRITING else "looking"))
            item.add_marker(pytest.mark.skipif(not Path(PROGRAM).exists(), reason="needs Chromium"))


@pytest.fixture(scope="session")
def fresh_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with serving(tmp_path_factory.mktemp("fresh")) as system:
        yield system


@pytest.fixture(scope="session")
def furnished_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with serving(tmp_path_factory.mktemp("furnished")) as system:
        furnish(system)
        yield system


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures", numbered=False)


@pytest.fixture(scope="session")
def known() -> Known:
    """Of the furnished system."""
    return Known()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def fresh(fresh_system: System, browser: Browser, pictures: Path) -> House:
    """Nobody is signed up yet: for the story of the first start."""
    return House(fresh_system, browser, pictures, Known())


@pytest.fixture(scope="module")
def house(furnished_system: System, browser: Browser, pictures: Path, known: Known) -> House:
    """A commune with people and loudspeakers."""
    return House(furnished_system, browser, pictures, known)


@pytest.fixture(scope="session")
def far_system(furnished_system: System) -> FarCommune:
    return far_commune.furnish(furnished_system)


@pytest.fixture(scope="module")
def far(house: House, far_system: FarCommune) -> FarCommune:
    """A commune of many loudspeakers, which have reported."""
    if not far_system.reported:
        far_commune.report(house)
        far_system.reported = True
    return far_system
