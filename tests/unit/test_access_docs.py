"""docs/access.md says what the code does: its tables are those that decide.

`python -m tests.unit.test_access_docs` writes them anew.
"""

import re
from pathlib import Path

from controller.access import telling
from controller.access.table import PUBLIC, TABLE

DOCS = Path(__file__).parents[2] / "docs" / "access.md"
_TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def written(text: str) -> str:
    """With the tables as the code has them."""
    tables = iter((telling.roles(), telling.routes()))
    return _TABLE.sub(lambda _: next(tables), text)


def test_the_tables_of_roles_and_routes_are_those_of_the_code() -> None:
    text = DOCS.read_text()

    assert text == written(text), "run: python -m tests.unit.test_access_docs"


def test_a_route_is_guarded_or_public_and_never_both() -> None:
    assert PUBLIC.isdisjoint(TABLE)
    assert telling.routes().count("\n| `") == len(TABLE) + len(PUBLIC)


if __name__ == "__main__":
    DOCS.write_text(written(DOCS.read_text()))
