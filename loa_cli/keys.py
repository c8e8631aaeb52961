"""`loa keys`: which keys sign what, and a new plan key, for whoever runs the controller."""

import typer
from rich import box
from rich.table import Table

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, local, print_json

keys = typer.Typer(help="The keys devices trust.", no_args_is_help=True)
STATUS = {"active": "đang dùng", "retired": "đã thôi dùng", "revoked": "đã hủy"}


@keys.command("list")
@on_line
def list_keys(line: Line) -> None:
    """Which keys sign what; nothing secret."""
    told = line.client.get("/keys")
    if line.as_json:
        print_json(told)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("Khóa", "Ký", "Người giữ", "Trạng thái", "Từ"):
        table.add_column(column, overflow="fold")
    for one in told["keys"]:
        status = STATUS.get(one["status"], one["status"])
        table.add_row(one["id"], " ".join(one["roles"]), one["holder"], status, local(one["since"]))
    console.print(table)


@keys.command("rotate")
@on_line
def rotate(line: Line) -> None:
    """Have a new plan key sign from now on; the root keys have to lie in the controller's key folder meanwhile."""
    told = line.client.post("/keys/plan/rotation")
    if line.as_json:
        print_json(told)
        return
    console.print(f"Đã đổi khóa ký kế hoạch: {', '.join(told['old'])} → {told['new']}", highlight=False)
    console.print("Nếu đã chép tệp root-….key vào thư mục keys, hãy cất đi ngay.", highlight=False)
