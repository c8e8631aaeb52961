"""`loa bulletin rules`: what a unit says about its bulletins. What is not named stays as the unit said it."""

from typing import Annotated, Any

import typer

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, local, print_json

ABOVE = "above"
_HELP_ABOVE = f"“{ABOVE}”: as the units above say"
_YES = {"yes": True, "có": True, "no": False, "không": False, ABOVE: None}


@on_line
def rules(
    line: Line,
    unit: Annotated[str, typer.Argument(help="Id of a unit.")],
    self_approval: Annotated[
        str | None, typer.Option(help=f"yes, no: may somebody approve what he wrote? {_HELP_ABOVE}.")
    ] = None,
    remind: Annotated[
        str | None, typer.Option(help=f"Minutes before a start that nobody approved, as 60,15. {_HELP_ABOVE}.")
    ] = None,
    fallback: Annotated[str | None, typer.Option(help=f"What plays instead: a sound's id. {_HELP_ABOVE}.")] = None,
    why: Annotated[str | None, typer.Option(help="Why it changes; needed to change anything.")] = None,
    person: Annotated[str | None, typer.Option("--as", envvar="LOA_PERSON", help="Id of who changes it.")] = None,
) -> None:
    """Show what holds at a unit, or change what it says itself; every change is kept with who, when and why."""
    path = f"/units/{unit}/bulletin-rules"
    found = line.client.get(path)
    changes = _changes(self_approval, remind, fallback)
    if changes:
        if not why:
            raise typer.BadParameter("say --why: it is kept with the change")
        if person is not None:
            line.client.act_for(person)
        own = found["history"][0] if found["history"] else {}
        kept = {name: own.get(name) for name in ("self_approval", "remind_before_min", "fallback_asset")}
        found = line.client.put(path, {**kept, **changes, "expected_revision": found["revision"], "why": why})
    if line.as_json:
        print_json(found)
    else:
        _tell(unit, found)


def _changes(self_approval: str | None, remind: str | None, fallback: str | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if self_approval is not None:
        if self_approval not in _YES:
            raise typer.BadParameter(f"--self-approval is one of {', '.join(_YES)}")
        changes["self_approval"] = _YES[self_approval]
    if remind is not None:
        changes["remind_before_min"] = None if remind == ABOVE else _minutes(remind)
    if fallback is not None:
        changes["fallback_asset"] = None if fallback == ABOVE else fallback
    return changes


def _minutes(text: str) -> list[int]:
    try:
        return [int(one) for one in text.replace(" ", "").split(",") if one]
    except ValueError:
        raise typer.BadParameter(f"“{text}” are no minutes; write 60,15") from None


def _tell(unit: str, found: dict[str, Any]) -> None:
    said_by = found["self_approval_of"]
    whose = "" if said_by in {None, unit} else f" (theo {said_by})"
    may = "được tự duyệt bản tin của mình" if found["self_approval"] else "không ai tự duyệt bản tin của mình"
    minutes = ", ".join(map(str, found["remind_before_min"])) or "không"
    console.print(f"{unit}: {may}{whose}", highlight=False)
    console.print(f"Nhắc khi chưa duyệt, trước giờ phát (phút): {minutes}", highlight=False)
    console.print(f"Phát thay khi không duyệt kịp: {found['fallback_asset'] or 'không có'}", highlight=False)
    for one in found["history"]:
        console.print(f"• lần {one['number']}, {local(one['made_at'])}: {one['why']}", highlight=False)
