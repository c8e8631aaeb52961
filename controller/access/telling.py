"""The policy as people read it: the tables of docs/access.md, written from the very table that decides."""

from collections.abc import Iterable, Sequence

from controller.access.may import LOOKING
from controller.access.rules import GIVES, STRONG, Permission
from controller.access.table import PUBLIC, TABLE, Decides, Row

_SUBJECTS = {
    "unit_id": "the unit",
    "person_id": "the person's unit",
    "device_id": "the device's unit",
    "bulletin_id": "the bulletin's unit",
    "programme_id": "the programme's unit",
    "item_id": "its owner",
    "zone_id": "the zone's unit",
    "group_id": "the group's unit",
    "scope": "the scope's unit",
    "broadcast_id": "every unit it goes to",
    "asset_id": "every unit that has it",
}
_EITHER = {"broadcast_id": "one of the units it goes to", "asset_id": "one of the units that have it"}


def roles() -> str:
    """Role × permission, as Markdown."""
    head = ["role", *map(str, Permission), "two factors"]
    rows = [
        [str(role), *("✓" if one in given else "" for one in Permission), "✓" if role in STRONG else ""]
        for role, given in GIVES.items()
    ]
    return _table(head, rows)


def routes() -> str:
    """Every route and what it needs, as Markdown."""
    told = {address: of_row(row) for address, row in TABLE.items()} | dict.fromkeys(PUBLIC, "nothing: before a sign-in")
    rows = [[f"`{method} {path}`", told[method, path]] for method, path in sorted(told, key=lambda one: one[::-1])]
    return _table(["route", "needs"], rows)


def of_row(row: Row) -> str:
    """What one route needs, in words."""
    match row.decides:
        case Decides.SIGN_IN:
            return "a sign-in"
        case Decides.MAKER:
            return "to have asked for it"
        case Decides.ROLE:
            return f"{row.permission} anywhere"
        case Decides.SELF:
            return f"oneself, or {row.permission} at the person's unit"
        case Decides.ROUTE:
            seen = "" if row.subject is None else f"; {row.subject.read} at {_SUBJECTS[row.subject.name]}"
            return f"{row.permission} at what it names or lists{seen}"
        case Decides.THING:
            return f"{row.permission} at {_thing(row)}"


def _thing(row: Row) -> str:
    if row.subject is None:
        raise AssertionError("a row about a thing says of what kind")
    if row.subject.either and row.permission in LOOKING:
        return _EITHER[row.subject.name]
    above = " above" if row.subject.seen is not None else ""
    new = ", or it is new" if row.new else ""
    return f"{_SUBJECTS[row.subject.name]}{above}{new}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
