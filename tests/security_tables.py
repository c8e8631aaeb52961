"""The tables of docs/security.md: kept in docs/security/*.yaml, written by `python -m tests.security_tables`.

Every row says in our words what a standard asks, and either what shows that it is met (tests by their node ids, files
of the repository), why it does not apply, or why it is not met and what that risks.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "security"
PAGE = ROOT / "docs" / "security.md"
MARK = "<!-- What follows is written by `python -m tests.security_tables` from docs/security/*.yaml. -->\n"
STATES = ("met", "na", "unmet")
_WORDS = {"met": "met", "na": "not applicable", "unmet": "**not met**"}
_ROW = re.compile(r"^(\S+):$", re.MULTILINE)
_ALLOWED = frozenset({"asks", "note", *STATES})


@dataclass(frozen=True, slots=True)
class Row:
    """`state` is one of STATES; `shown`: tests and files, of what is met; `why`: of everything else, or a remark."""

    key: str
    asks: str
    state: str
    shown: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """One standard."""

    title: str
    about: str
    rows: tuple[Row, ...]
    verified: bool = True


def read(*names: str) -> tuple[Row, ...]:
    """The rows of these files, in their order, as often as they stand there.

    Raises:
        ValueError: a row is not of the form that is said above.
    """
    return tuple(row for name in names for row in _rows(FOLDER / name))


def tables() -> tuple[Table, ...]:
    """All of them."""
    chapters = sorted(path.name for path in FOLDER.glob("asvs-*-*.yaml"))
    return (
        Table(
            "OWASP ASVS 5.0, levels 1 and 2",
            "Every requirement of version 5.0.0 at these levels; numbers that are missing are of level 3.",
            tuple(sorted(read(*chapters), key=lambda row: _number(row.key))),
        ),
        Table(
            "ETSI EN 303 645",
            "Every provision of V2.1.1. The device is the edge agent on its board; the controller serves it.",
            read("etsi.yaml"),
        ),
        Table(
            "TCVN 11930:2017, cấp độ 3",
            "**Chưa kiểm chứng / unverified**: the text of the standard could not be read. The rows are its areas as"
            " they are publicly known, with numbers of our own behind the hyphen; whoever files a dossier has to go"
            " through the text itself. (Toàn văn tiêu chuẩn chưa đọc được; các hàng dưới đây là những mảng được biết"
            " công khai.)",
            read("tcvn.yaml"),
            verified=False,
        ),
    )


def required() -> dict[str, int]:
    """Every id of ASVS at levels 1 and 2, and its level."""
    sections = yaml.safe_load((FOLDER / "asvs-ids.yaml").read_text())
    return {f"{name}.{n}": level for name, levels in sections.items() for level, ns in levels.items() for n in ns}


def named_tests() -> frozenset[str]:
    """Every test that some row names, without what it is parametrised with."""
    return frozenset(one for table in tables() for row in table.rows for one in row.shown if "::" in one)


def written() -> str:
    """The tables as Markdown."""
    return MARK + "".join(map(_markdown, tables()))


def _rows(path: Path) -> list[Row]:
    text = path.read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    keys = _ROW.findall(text)
    if sorted(keys) != sorted(found):
        raise ValueError(
            f"{path.name}: {[one for one in keys if keys.count(one) > 1] or 'a row is not written as others'}"
        )
    return [_row(path.name, key, found[key]) for key in keys]


def _row(where: str, key: str, given: dict[str, object]) -> Row:
    states = [one for one in STATES if one in given]
    if len(states) != 1 or given.keys() - _ALLOWED or not str(given.get("asks", "")).strip():
        raise ValueError(f"{where}, {key}: a row has asks, one of {', '.join(STATES)}, and may have a note")
    (state,) = states
    shown = given[state] if state == "met" else ()
    if not isinstance(shown, list | tuple):
        raise ValueError(f"{where}, {key}: what is met has a list of what shows it")  # noqa: TRY004 - as for the others
    why = given.get("note", "") if state == "met" else given[state]
    return Row(key, str(given["asks"]), state, tuple(map(str, shown)), str(why))


def _number(key: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", key)))


def _markdown(table: Table) -> str:
    counted = ", ".join(f"{sum(row.state == one for row in table.rows)} {_WORDS[one].strip('*')}" for one in STATES)
    lines = [f"\n## {table.title}\n", f"{table.about} {len(table.rows)} rows: {counted}.\n"]
    lines += ["| id | what it asks, in our words | | what shows it, or why |", "| --- | --- | --- | --- |"]
    for row in table.rows:
        state = _WORDS[row.state] + ("" if table.verified else ", unverified")
        shown = "<br>".join(f"`{one}`" for one in row.shown)
        lines.append(f"| {row.key} | {row.asks} | {state} | {'<br>'.join(filter(None, (shown, row.why)))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write them into the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.partition(MARK)[0] + written(), encoding="utf-8")


if __name__ == "__main__":
    main()
