"""Every error has a code of its own, and an operator finds every code in docs/operations.md."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from controller.api.errors import STATUS
from loa_protocol.acceptance import Why
from loa_protocol.errors import LoaError
from loa_protocol.outcomes import Reason

PACKAGES = ("loa_protocol", "controller", "edge_agent", "loa_cli")
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
BASES = {"loa_error", "media_error"}


def _errors(base: type[LoaError] = LoaError) -> Iterator[type[LoaError]]:
    for error in base.__subclasses__():
        if error.__module__.startswith(PACKAGES):
            yield error
        yield from _errors(error)


def _load_everything() -> None:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith("__main__") and ".migrations" not in module.name:
                importlib.import_module(module.name)


def _documented() -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", OPERATIONS.read_text()))


def test_every_error_code_is_explained_to_operators() -> None:
    _load_everything()

    codes = {error.code for error in _errors()} - BASES

    assert codes - _documented() == set()


def test_every_reason_of_a_refusal_or_a_receipt_is_explained_to_operators() -> None:
    assert {*map(str, Why), *map(str, Reason)} - _documented() == set()


def test_every_code_with_a_status_of_its_own_exists() -> None:
    _load_everything()

    codes = {error.code for error in _errors()}

    assert set(STATUS) - codes == set()
