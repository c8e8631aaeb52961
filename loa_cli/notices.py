"""`loa notices`: what people were told and whether it got through, a test, and the webhooks of units."""

from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, local, print_json, styled

notices = typer.Typer(help="Notices by mail, webhook and web push.", no_args_is_help=True)

CHANNELS = {"mail": "thư", "webhook": "cổng nhắn tin", "push": "trình duyệt"}
STATES = {"waiting": ("đang gửi", "yellow"), "sent": ("đã gửi", "green"), "failed": ("không gửi được", "red")}


@notices.command("list")
@on_line
def list_notices(
    line: Line,
    person: Annotated[str | None, typer.Option(help="Only what this person was told.")] = None,
    state: Annotated[str | None, typer.Option(help="waiting, sent or failed.")] = None,
) -> None:
    """What people were told, newest first."""
    query = {name: value for name, value in (("person", person), ("state", state)) if value}
    rows = line.client.get("/notices", query)
    if line.as_json:
        print_json(rows)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("Lúc", "Người nhận", "Nội dung", "Kênh", "Kết quả"):
        table.add_column(column, overflow="fold")
    for row in rows:
        for one in row["sendings"] or [None]:
            table.add_row(local(row["created_at"]), row["person"] or row["person_id"], row["subject"], *_became(one))
    console.print(table)


@notices.command("test")
@on_line
def test(line: Line, person: Annotated[str, typer.Argument(help="Id of a person.")]) -> None:
    """Send a test to every address a person has; `list` tells what became of it."""
    told = line.client.post(f"/people/{person}/test-notice")
    if line.as_json:
        print_json(told)
    else:
        console.print("Đã gửi thông báo thử; xem kết quả: loa notices list --person " + person, highlight=False)


@notices.command("webhook")
@on_line
def webhook(
    line: Line,
    unit: Annotated[str, typer.Argument(help="Id of a unit.")],
    address: Annotated[str | None, typer.Option("--set", metavar="URL", help="Send there from now on.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Send nowhere.")] = False,
) -> None:
    """Show, set or clear the gateway of a unit, with the secret it verifies our requests with."""
    path = f"/units/{unit}/webhook"
    if clear:
        line.client.delete(path)
        console.print(f"{unit} không còn cổng nhắn tin riêng", highlight=False)
        return
    if address is not None:
        line.client.put(path, {"url": address})
    row = line.client.get(path)
    if line.as_json:
        print_json(row)
    else:
        console.print(f"{row['url']}\nkhóa bí mật: {row['secret']}", highlight=False)


def _became(sending: dict[str, Any] | None) -> tuple[Any, Any]:
    if sending is None:
        return "", styled("chỉ có trong danh sách", "dim")
    words, colour = STATES[sending["state"]]
    why = f" ({sending['error_code']}, lần {sending['attempts']})" if sending["error_code"] else ""
    return CHANNELS[sending["channel"]], styled(words + why, colour)
