"""Options and settings shared by all tests."""

import pytest
from hypothesis import settings

settings.register_profile("loa", deadline=None, print_blob=True)
settings.load_profile("loa")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the longer loops too")
    parser.addoption("--kills", type=int, default=50, help="how many kill -9 the kill test makes")
    parser.addoption("--seed", type=int, default=20261121, help="seed of the random moments of the kill test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="a longer loop; run with --long"))
