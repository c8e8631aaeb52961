"""`loa set-up`, `accept`, `sign-in`, `sign-out`, `sessions`, `prove`, `password`, `second-factor`: one's own account.

Secrets are asked for, never given on the command line, where others could read them.
"""

from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from loa_cli import kept_sessions
from loa_cli.kept_sessions import Kept
from loa_cli.line import Line, on_line
from loa_cli.reporting import console, local, print_json, styled
from loa_protocol.errors import LoaError

HOW = {
    "password": "mật khẩu",
    "password+code": "mật khẩu và mã xác thực",
    "password+recovery": "mật khẩu và mã dự phòng",
    "password+passkey": "mật khẩu và khóa truy cập",
    "passkey": "khóa truy cập",
    "oidc": "đăng nhập một lần",
    "link": "liên kết",
}
Link = Annotated[str, typer.Argument(help="The one-time link, in quotes.", metavar="LINK")]


class LinkUnreadable(LoaError):
    """A text is no one-time link."""

    code = "link_unreadable"


@on_line
def set_up(
    line: Line,
    link: Link,
    unit: Annotated[
        str | None, typer.Option(help="Id of the unit of the first administrator, or of a new one.")
    ] = None,
    unit_name: Annotated[str | None, typer.Option(help="Name of a new unit, the first of the tree.")] = None,
    kind: Annotated[str, typer.Option(help="Its kind: province, commune …")] = "commune",
) -> None:
    """Make the first administrator, by the link that the first start printed."""
    secret = _open(line, link)
    body: dict[str, Any] = {
        "secret": secret,
        "name": typer.prompt("Họ tên"),
        "sign_in_name": typer.prompt("Tên đăng nhập"),
        "password": _new_password(),
        "unit_id": unit if unit_name is None else None,
        "unit": None
        if unit_name is None
        else {"id": unit or typer.prompt("Mã đơn vị"), "name": unit_name, "kind": kind},
        "keep": "token",
    }
    _begun(line, line.client.post("/set-up", body))


@on_line
def accept(line: Line, link: Link) -> None:
    """Set one's password by an invitation, and sign in."""
    body = {"secret": _open(line, link), "password": _new_password(), "keep": "token"}
    _begun(line, line.client.post("/invitations", body))


@on_line
def sign_in(
    line: Line,
    name: Annotated[str | None, typer.Option(help="The sign-in name.")] = None,
    link: Annotated[str | None, typer.Option(help="A sign-in link of a demonstration.")] = None,
) -> None:
    """Sign in; commands then act as this person, until `loa sign-out`."""
    if link is not None:
        _begun(line, _posted(line, link, "/sign-in/link"))
        return
    client = line.stranger()
    body = {"name": name or typer.prompt("Tên đăng nhập"), "password": _password("Mật khẩu"), "keep": "token"}
    _begun(line, client.post("/sign-in", body))


@on_line
def sign_out(line: Line) -> None:
    """End the session."""
    kept = kept_sessions.find(line.session_file, line.client.url)
    kept_sessions.forget(line.session_file, line.client.url)
    if kept is None:
        console.print("Chưa đăng nhập", highlight=False)
        return
    line.client.delete("/sign-in")
    console.print(f"{kept.name} đã đăng xuất", highlight=False)


@on_line
def sessions(
    line: Line,
    end: Annotated[str | None, typer.Option(help="End the session with this id.")] = None,
    end_others: Annotated[bool, typer.Option("--end-others", help="End all others.")] = False,
) -> None:
    """Where one is signed in."""
    if end is not None:
        line.client.delete(f"/sessions/{end}")
    if end_others:
        line.client.delete("/sessions")
    show_sessions(line, line.client.get("/sessions"))


@on_line
def prove(line: Line) -> None:
    """Prove anew who one is, for what needs that: the next ten minutes."""
    ways = line.client.get("/me")["ways"]
    body = {"password": _password("Mật khẩu"), "code": _code() if "code" in ways else None}
    _renewed(line, line.client.post("/sign-in/proof", body))
    console.print("Đã xác nhận, có hiệu lực 10 phút", highlight=False)


@on_line
def password(line: Line) -> None:
    """Set another password; other sessions end."""
    _renewed(line, line.client.put("/password", {"password": _new_password()}))
    console.print("Đã đổi mật khẩu; các phiên khác đã kết thúc", highlight=False)


@on_line
def second_factor(
    line: Line,
    new_codes: Annotated[bool, typer.Option("--new-codes", help="Only ten fresh codes on paper.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Do without the authenticator.")] = False,
) -> None:
    """Set up an authenticator app, and the codes on paper that stand in for it."""
    if remove:
        line.client.delete("/second-factor/authenticator")
        console.print("Đã bỏ ứng dụng xác thực", highlight=False)
    elif new_codes:
        _show_codes(line.client.post("/second-factor/recovery-codes")["codes"])
    else:
        enrol(line)


def enrol(line: Line) -> None:
    """Show the secret, and take the code that confirms it."""
    begun = line.client.post("/second-factor/authenticator")
    console.print("Thêm vào ứng dụng xác thực (Google Authenticator, FreeOTP …):", highlight=False)
    console.print(f"  {begun['address']}\n  hoặc nhập khóa: {begun['secret']}", highlight=False, soft_wrap=True)
    answer = line.client.post("/second-factor/authenticator/confirmation", {"code": _code()})
    _renewed(line, answer)
    _show_codes(answer["codes"])


def show_sessions(line: Line, rows: list[dict[str, Any]]) -> None:
    """Sessions as a table."""
    if line.as_json:
        print_json(rows)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Mã", no_wrap=True)
    for column in ("Đăng nhập lúc", "Bằng", "Từ"):
        table.add_column(column, overflow="fold")
    for row in rows:
        here = styled("phiên này\n", "green") if row["current"] else ""
        where = f"{row['address']} {row['agent']}".strip()
        table.add_row(row["id"], local(row["began_at"]), HOW.get(row["how"], row["how"]), f"{here}{where}")
    console.print(table)


def _open(line: Line, link: str) -> str:
    """Turn to the controller of a link; gives its secret."""
    page, _, secret = link.partition("#")
    address = page.rpartition("/")[0]
    if not secret or not address.startswith(("http://", "https://")):
        raise LinkUnreadable(
            "this is no one-time link; put it in quotes, from “http” to its end",
            vi="liên kết không đọc được; hãy đặt cả liên kết trong dấu nháy, từ “http” đến hết",
        )
    line.turn_to(address)
    return secret


def _posted(line: Line, link: str, path: str) -> Any:
    secret = _open(line, link)
    return line.client.post(path, {"secret": secret, "keep": "token"})


def _begun(line: Line, answer: dict[str, Any]) -> None:
    """Finish a sign-in that was begun: the second factor, or its enrolment."""
    line.client.sign(answer["secret"])
    if answer["next"] == "second_factor":
        answer = line.client.post("/sign-in/code", {"code": _code()})
        line.client.sign(answer["secret"])
    name = answer["person"]["name"]
    kept_sessions.keep(line.session_file, line.client.url, Kept(answer["secret"], name))
    if line.as_json:
        print_json({key: value for key, value in answer.items() if key not in {"secret", "csrf"}})
        return
    console.print(f"{name} đã đăng nhập ở {line.client.url}", highlight=False)
    if answer["next"] == "enrol":
        console.print("Vai trò của bạn cần hai lớp xác thực; hãy thiết lập ngay:", highlight=False)
        enrol(line)


def _renewed(line: Line, answer: dict[str, Any]) -> None:
    kept = kept_sessions.find(line.session_file, line.client.url)
    if answer["secret"] is not None and kept is not None:
        kept_sessions.keep(line.session_file, line.client.url, Kept(answer["secret"], kept.name))
        line.client.sign(answer["secret"])


def _show_codes(codes: list[str]) -> None:
    console.print("Mã dự phòng, mỗi mã dùng một lần; hãy chép ra giấy, sẽ không hiện lại:", highlight=False)
    for code in codes:
        console.print(f"  {code}", highlight=False)


def _password(words: str) -> str:
    return str(typer.prompt(words, hide_input=True))


def _new_password() -> str:
    return str(typer.prompt("Mật khẩu mới (12 ký tự trở lên)", hide_input=True, confirmation_prompt="Nhập lại"))


def _code() -> str:
    return str(typer.prompt("Mã xác thực (hoặc mã dự phòng)"))
