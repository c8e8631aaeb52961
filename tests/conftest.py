"""Options and settings shared by all tests."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

from tests.outcomes import Notes

if TYPE_CHECKING:
    from tests.fakes.postgres import PostgresServer

FIGURE = "figure"
settings.register_profile("loa", deadline=None, print_blob=True)
settings.register_profile(
    "mutation", settings.get_profile("loa"), max_examples=10, phases=[Phase.explicit, Phase.generate]
)
settings.register_profile("long", settings.get_profile("loa"), max_examples=400)
settings.load_profile("loa")
gc.disable()  # until all tests are there: they stay, and to look through them again and again is a tenth of the time


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        settings.load_profile("long")
    notes = config.getoption("--outcomes")
    if notes is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Notes(notes))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the longer loops too")
    parser.addoption("--kills", type=int, default=16, help="how many kill -9 the kill test makes")
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="of the kill test")
    parser.addoption("--outcomes", type=Path, help="note in this file what became of each test")
    parser.addoption("--seed", type=int, default=20261121, help="seed of the random moments of the kill test")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "audio" in item.keywords:
            item.add_marker("alone")
        if item.get_closest_marker("xdist_group") is None and _shares_with_its_module(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    if config.getoption("--long"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="a longer loop; run with --long"))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def _shares_with_its_module(item: pytest.Item) -> bool:
    """Whether what it stands on is set up once for its module: then one worker runs them all."""
    found = getattr(item, "_fixtureinfo", None)
    fixtures = found.name2fixturedefs.values() if found is not None else ()
    return any(one.scope in {"module", "class"} for named in fixtures for one in named)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a measured figure at the end of the run, also of tests that pass."""

    def say(line: str) -> None:
        request.node.user_properties.append((FIGURE, line))

    return say


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """The PostgreSQL server of this run."""
    from tests.fakes.databases import postgres_server

    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database, once on each kind."""
    from tests.fakes.databases import fresh_database

    with fresh_database(request.param, tmp_path, request) as url:
        yield url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = [report for kind in terminalreporter.stats.values() for report in kind]
    ended = [report for report in found if isinstance(report, pytest.TestReport) and report.when == "teardown"]
    figures = [line for report in ended for name, line in report.user_properties if name == FIGURE]
    if figures:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.write_line(str(line))
