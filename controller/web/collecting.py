"""Collect every text of the pages: `python -m controller.web.collecting` brings `locale/en.po` up to date.

What is new comes in without a translation, and the test of completeness says so; what is gone goes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from controller.web.translating import CATALOGUE

HERE = Path(__file__).parent
_PYTHON = {"marked": None, "counted": (1, 1)}
_TEMPLATE = {"_": None, "gettext": None, "ngettext": (1, 2)}
_OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
_SINCE = datetime(2026, 11, 21, tzinfo=UTC)
_WIDTH = 120


def collected() -> Catalog:
    """All of them, with where they stand."""
    found = Catalog(project="Loa", creation_date=_SINCE, revision_date=_SINCE, fuzzy=False)
    for path, message in _messages():
        found.add(message, None, [(path, 0)])
    return found


def updated(known: Catalog) -> Catalog:
    """The English catalogue with what is new and without what is gone; a guess is no translation."""
    known.update(collected(), no_fuzzy_matching=True)
    known.obsolete.clear()
    return known


def written(catalogue: Catalog) -> bytes:
    """As it is kept."""
    text = BytesIO()
    write_po(text, catalogue, width=_WIDTH, sort_output=True, omit_header=False)
    return text.getvalue()


def _messages() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for path in sorted(HERE.rglob("*")):
        name = str(path.relative_to(HERE.parent.parent))
        if path.suffix == ".html":
            with path.open("rb") as opened:
                for _, message, _, _ in extract("jinja2.ext:babel_extract", opened, _TEMPLATE, options=_OPTIONS):
                    yield name, message
        elif path.suffix == ".py":
            with path.open("rb") as opened:
                for _, message, _, _ in extract("python", opened, _PYTHON):
                    yield name, message


def main() -> None:
    """Rewrite the catalogue."""
    file = HERE / CATALOGUE
    known = read_po(BytesIO(file.read_bytes()), locale="en") if file.exists() else Catalog(locale="en", fuzzy=False)
    file.write_bytes(written(updated(known)))


if __name__ == "__main__":
    main()
