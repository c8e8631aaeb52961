"""`loa people invite`, `account`, `unlock`, `sessions`, `token` …: accounts of others, for who tends to them."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from loa_cli.line import Line, on_line
from loa_cli.people import Person, people
from loa_cli.reporting import console, local, print_json, styled
from loa_cli.signing_in import show_sessions

__all__ = ["people"]

WAYS = {"code": "ứng dụng xác thực", "recovery_code": "mã dự phòng", "passkey": "khóa truy cập"}


@people.command("invite")
@on_line
def invite(
    line: Line,
    person: Person,
    sign_in_name: Annotated[
        str | None, typer.Option(help="The name to sign in by; else the one they have, or their mail address.")
    ] = None,
    forgets_factors: Annotated[
        bool, typer.Option("--forgets-factors", help="They lost the second factor: start without.")
    ] = False,
) -> None:
    """A one-time link by which somebody sets a password, for a first or a new start."""
    body = {"sign_in_name": sign_in_name, "forgets_factors": forgets_factors}
    row = line.client.post(f"/people/{person}/invitation", body)
    if line.as_json:
        print_json(row)
        return
    console.print(f"Tên đăng nhập: {row['sign_in_name']}", highlight=False)
    console.print(f"Liên kết dùng một lần, đến {local(row['expires_at'])}:", highlight=False)
    console.print(row["link"], highlight=False, soft_wrap=True)


@people.command("sign-in-link")
@on_line
def sign_in_link(line: Line, person: Person) -> None:
    """A link that signs somebody in, for demonstrations (LOA_HOST_ACTS_FOR_PEOPLE)."""
    row = line.client.post(f"/people/{person}/sign-in-link")
    if line.as_json:
        print_json(row)
    else:
        console.print(row["link"], highlight=False, soft_wrap=True)


@people.command("account")
@on_line
def account(line: Line, person: Person) -> None:
    """How somebody signs in."""
    row = line.client.get(f"/people/{person}/account")
    if line.as_json:
        print_json(row)
        return
    name = row["sign_in_name"] or "chưa có, hãy mời (loa people invite)"
    console.print(f"Tên đăng nhập: {name}", highlight=False)
    console.print(f"Lớp thứ hai: {', '.join(WAYS[one] for one in row['ways']) or 'chưa có'}", highlight=False)
    if row["locked"]:
        console.print(styled("Bị khóa vì nhập sai mã nhiều lần (loa people unlock)", "red"))


@people.command("unlock")
@on_line
def unlock(line: Line, person: Person) -> None:
    """Open an account again that wrong guesses have shut."""
    row = line.client.delete(f"/people/{person}/lock")
    if line.as_json:
        print_json(row)
    else:
        console.print("Đã mở khóa tài khoản", highlight=False)


@people.command("sessions")
@on_line
def sessions(
    line: Line, person: Person, end: Annotated[bool, typer.Option("--end", help="End all of them.")] = False
) -> None:
    """Where somebody is signed in."""
    if end:
        line.client.delete(f"/people/{person}/sessions")
    show_sessions(line, line.client.get(f"/people/{person}/sessions"))


@people.command("token")
@on_line
def token(
    line: Line,
    person: Person,
    name: Annotated[str, typer.Option(help="What the token is called.")],
    days: Annotated[int, typer.Option(help="How long it is good.", min=1, max=365)] = 365,
) -> None:
    """A token for another system, made for a person with the role “integration”."""
    row = line.client.post(f"/people/{person}/tokens", {"name": name, "days": days})
    if line.as_json:
        print_json(row)
        return
    console.print(f"Mã kết nối, sẽ không hiện lại, đến {local(row['expires_at'])}:", highlight=False)
    console.print(row["secret"], highlight=False, soft_wrap=True)


@people.command("tokens")
@on_line
def tokens(
    line: Line, person: Person, revoke: Annotated[str | None, typer.Option(help="Revoke the one with this id.")] = None
) -> None:
    """The tokens of an integration."""
    if revoke is not None:
        line.client.delete(f"/people/{person}/tokens/{revoke}")
    rows = line.client.get(f"/people/{person}/tokens")
    if line.as_json:
        print_json(rows)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Mã", no_wrap=True)
    for column in ("Tên", "Đến", "Dùng lần cuối"):
        table.add_column(column, overflow="fold")
    for row in rows:
        until = styled("đã thu hồi", "dim") if row["revoked_at"] else local(row["expires_at"])
        table.add_row(row["id"], row["name"], until, local(row["used_at"]) if row["used_at"] else "chưa")
    console.print(table)
