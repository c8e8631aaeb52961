"""`loa people`: who works here, with which roles where, who is away and who stands in."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, print_json, styled

people = typer.Typer(help="People: roles, leaves, deputies.", no_args_is_help=True)

Person = Annotated[str, typer.Argument(help="Id of a person.")]
Acting = Annotated[str | None, typer.Option("--as", envvar="LOA_PERSON", help="Id of the person who does it.")]
Unit = Annotated[str, typer.Option(help="Id of a unit.")]
ROLES = {
    "operator": "vận hành",
    "approver": "duyệt tin",
    "contributor": "cộng tác viên",
    "technician": "kỹ thuật",
    "administrator": "quản trị",
    "monitor": "theo dõi",
    "auditor": "kiểm tra",
    "integration": "kết nối",
}


def _day(text: str) -> str:
    """A day as the API takes it, from 2026-12-01 or 1/12/2026."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise typer.BadParameter(f"“{text}” is no day; write 1/12/2026 or 2026-12-01")


Day = Annotated[str, typer.Argument(parser=_day, metavar="DAY", help="1/12/2026 or 2026-12-01.")]
SomeDay = Annotated[str | None, typer.Option(parser=_day, metavar="DAY", help="1/12/2026 or 2026-12-01.")]


@people.command("list")
@on_line
def list_people(
    line: Line,
    unit: Annotated[str | None, typer.Option(help="Only this unit and those below it.")] = None,
    left: Annotated[bool, typer.Option("--left", help="Those who have left, too.")] = False,
) -> None:
    """People by name."""
    query = {"left": str(left).lower(), **({"unit": unit} if unit else {})}
    rows = line.client.get("/people", query)
    if line.as_json:
        print_json(rows)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Mã", no_wrap=True)
    for column in ("Họ tên", "Đơn vị", "Tình trạng"):
        table.add_column(column, overflow="fold")
    for row in rows:
        state = styled("đã nghỉ", "dim") if row["retired_at"] else styled("đang làm", "green")
        told_by = [row["email"] or "", "cổng nhắn tin" if row["webhook"] else ""]
        name = Text.assemble(row["name"] or "(đã xóa)", *((f"\n{way}", "dim") for way in told_by if way))
        table.add_row(row["id"], name, row["unit_id"], state)
    console.print(table)


@people.command("add")
@on_line
def add(
    line: Line,
    name: Annotated[str, typer.Argument(help="The name, as others see it.")],
    unit: Unit,
    email: Annotated[str | None, typer.Option(help="Where notices go by mail.")] = None,
    webhook: Annotated[bool, typer.Option("--webhook", help="The unit's gateway tells them, too.")] = False,
) -> None:
    """Take a person in; `grant` gives them roles."""
    body = {"name": name, "unit_id": unit, "email": email, "webhook": webhook}
    row = line.client.post("/people", body)
    _tell(line, row, f"Đã thêm {row['name']}: {row['id']}")


@people.command("show")
@on_line
def show(line: Line, person: Person) -> None:
    """A person with their roles and leaves."""
    row = line.client.get(f"/people/{person}")
    grants, leaves = (line.client.get(f"/people/{person}/{what}") for what in ("grants", "leaves"))
    if line.as_json:
        print_json({**row, "grants": grants, "leaves": leaves})
        return
    console.print(f"{row['name'] or '(đã xóa)'}, {row['unit_id']}: {row['id']}", highlight=False)
    for one in grants:
        until = f"đến {_local(one['ends'])}" if one["ends"] else "không thời hạn"
        gone = ", đã thu hồi" if one["revoked_at"] else ""
        words = f"{ROLES[one['role']]} tại {one['unit_id']}, từ {_local(one['begins'])} {until}{gone}"
        console.print(f"• {one['id']}: {words}", highlight=False)
    for one in leaves:
        deputy = f", {_name(line, one['deputy_id'])} duyệt thay" if one["deputy_id"] else ", không ai duyệt thay"
        console.print(
            f"• {one['id']}: nghỉ {_local(one['first_day'])}–{_local(one['last_day'])}{deputy}", highlight=False
        )


@people.command("copy")
@on_line
def copy(line: Line, person: Person, to: Annotated[Path, typer.Option("--to", help="The file to write.")]) -> None:
    """Write everything that is kept about a person to a file, for them."""
    size = line.client.save(f"/people/{person}/data", {}, to)
    _tell(line, {"file": str(to), "bytes": size}, f"Đã ghi {to} ({size:,} byte)")


@people.command("grant")
@on_line
def grant(
    line: Line,
    person: Person,
    role: Annotated[str, typer.Argument(help=", ".join(ROLES))],
    unit: Unit,
    begins: SomeDay = None,
    ends: SomeDay = None,
    acting: Acting = None,
) -> None:
    """Give a role at a unit; both days count, it begins today unless said otherwise."""
    _act(line, acting)
    body = {"role": role, "unit_id": unit, "begins": begins, "ends": ends}
    row = line.client.post(f"/people/{person}/grants", body)
    _tell(line, row, f"Đã giao quyền {ROLES[row['role']]} tại {row['unit_id']}: {row['id']}")


@people.command("revoke")
@on_line
def revoke(
    line: Line, person: Person, grant_id: Annotated[str, typer.Argument(help="Id of the role.")], acting: Acting = None
) -> None:
    """Take a role away, at once."""
    _act(line, acting)
    row = line.client.delete(f"/people/{person}/grants/{grant_id}")
    _tell(line, row, f"Đã thu hồi quyền {ROLES[row['role']]} tại {row['unit_id']}")


@people.command("leave")
@on_line
def leave(
    line: Line,
    person: Person,
    first: Day,
    last: Day,
    deputy: Annotated[str | None, typer.Option(help="Id of who stands in.")] = None,
    acting: Acting = None,
) -> None:
    """Note days on which a person is away, both included."""
    _act(line, acting)
    body = {"first_day": first, "last_day": last, "deputy_id": deputy}
    row = line.client.post(f"/people/{person}/leaves", body)
    days = f"{_local(row['first_day'])}–{_local(row['last_day'])}"
    _tell(line, row, f"Nghỉ {days}, {'có' if deputy else 'chưa có'} người duyệt thay: {row['id']}")


@people.command("back")
@on_line
def back(line: Line, person: Person, leave_id: Annotated[str, typer.Argument(help="Id of the leave.")]) -> None:
    """Cancel a leave: the person is not away after all."""
    row = line.client.delete(f"/people/{person}/leaves/{leave_id}")
    _tell(line, row, f"Đã bỏ lịch nghỉ {_local(row['first_day'])}–{_local(row['last_day'])}")


@people.command("approvers")
@on_line
def approvers(line: Line, unit: Annotated[str, typer.Argument(help="Id of a unit.")], on: SomeDay = None) -> None:
    """Who may approve for a unit, today or on another day."""
    rows = line.client.get(f"/units/{unit}/approvers", {"on": on} if on else None)
    if line.as_json:
        print_json(rows)
        return
    for row in rows:
        instead = f", duyệt thay {row['for_person']['name']}" if row["for_person"] else ""
        console.print(f"{row['person']['name']} ({row['person']['id']}){instead}", highlight=False)
    if not rows:
        console.print(styled("Không ai duyệt được hôm đó: giao quyền hoặc cử người duyệt thay", "yellow"))


@people.command("retire")
@on_line
def retire(line: Line, person: Person) -> None:
    """The person leaves: they act no more, and their addresses are forgotten."""
    row = line.client.post(f"/people/{person}/retirement")
    _tell(line, row, f"{row['name']} đã nghỉ; địa chỉ nhận thông báo đã xóa")


@people.command("erase")
@on_line
def erase(line: Line, person: Person, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Retire a person and forget name, leaves and notices; only the bare id stays in the steps they took."""
    if not yes:
        typer.confirm("Xóa họ tên, lịch nghỉ và thông báo của người này?", abort=True)
    _tell(line, line.client.delete(f"/people/{person}"), "Đã xóa dữ liệu cá nhân")


def _name(line: Line, person: str) -> str:
    return str(line.client.get(f"/people/{person}")["name"] or person)


def _act(line: Line, person: str | None) -> None:
    if person is not None:
        line.client.act_for(person)


def _tell(line: Line, row: Any, words: str) -> None:
    if line.as_json:
        print_json(row)
    else:
        console.print(words, highlight=False)


def _local(day: str) -> str:
    return f"{date.fromisoformat(day):%d/%m/%Y}"
