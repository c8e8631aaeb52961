"""Options and settings shared by all tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.fakes.postgres import PostgresServer

FIGURES = pytest.StashKey[list[str]]()
settings.register_profile("loa", deadline=None, print_blob=True)
settings.load_profile("loa")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the longer loops too")
    parser.addoption("--kills", type=int, default=50, help="how many kill -9 the kill test makes")
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="of the kill test")
    parser.addoption("--seed", type=int, default=20261121, help="seed of the random moments of the kill test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="a longer loop; run with --long"))


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a measured figure at the end of the run, also of tests that pass."""
    return request.config.stash.setdefault(FIGURES, []).append


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.write_line(line)
