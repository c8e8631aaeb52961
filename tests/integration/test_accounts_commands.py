"""`loa set-up`, `sign-in`, `second-factor`, `people invite` … against a served controller, as people type them."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from typer.testing import CliRunner, Result

from controller.accounts import codes, setting_up
from controller.runtime.clock import SystemClock
from controller.runtime.database import Database
from loa_cli import kept_sessions
from loa_cli.client import Client
from loa_cli.commands import app
from loa_cli.kept_sessions import Kept, SignInFileUnsafe
from tests.fakes.databases import sqlite_url
from tests.fakes.served import TOKEN
from tests.fakes.served import served as a_controller

PASSWORD = "bốn con thuyền giấy trôi"  # noqa: S105 - of tests alone
APP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER = "núi xanh mây trắng bay"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Client]:
    with a_controller(folder) as client:
        yield client


def loa(client: Client, session: Path, *arguments: str, typed: str = "", code: int = 0, host: bool = False) -> str:
    """What a command says to somebody who types at it."""
    line = [*arguments, "--session-file", str(session)]
    if not any(one.startswith("http") for one in arguments):
        line += ["--url", client.url]
    if host:
        line += ["--token", TOKEN]
    result: Result = CliRunner().invoke(app, line, input=typed, env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.output


def test_from_the_first_start_to_everyday_work(
    served: Client, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "new_secret", lambda: APP)  # what the app is shown, typed as a person reads it there
    mine, hers = tmp_path / "quan" / "sessions.json", tmp_path / "lan" / "sessions.json"
    link = f"{served.url}/set-up#{asyncio.run(_first_secret(folder))}"
    code = pyotp.TOTP(APP)

    typed = f"Trần Quản\nquan\n{PASSWORD}\n{PASSWORD}\n{code.now()}\n"
    output = loa(served, mine, "set-up", link, "--unit", "xa", "--unit-name", "Xã An Bình", typed=typed)
    lan = json.loads(loa(served, mine, "people", "add", "Lan", "--unit", "xa", "--json"))["id"]
    loa(served, mine, "people", "grant", lan, "operator", "--unit", "xa")
    invited = loa(served, mine, "people", "invite", lan, "--sign-in-name", "lan")
    hers_link = invited.split()[-1]
    accepted = loa(served, hers, "accept", hers_link, typed=f"{OTHER}\n{OTHER}\n")
    seen = json.loads(loa(served, hers, "unit", "list", "--json"))
    account = loa(served, mine, "people", "account", lan)
    where = loa(served, hers, "sessions")
    proved = loa(served, hers, "prove", typed=f"{OTHER}\n")
    changed = loa(served, hers, "password", typed=f"{PASSWORD}\n{PASSWORD}\n")
    out = loa(served, hers, "sign-out")
    back = loa(served, hers, "sign-in", "--name", "lan", typed=f"{PASSWORD}\n")
    ended = loa(served, mine, "people", "sessions", lan, "--end")
    gone = loa(served, hers, "unit", "list", code=1)

    assert "Trần Quản đã đăng nhập" in output
    assert "hai lớp xác thực" in output
    assert len(re.findall(r"(?m)^  (?:[a-z2-7]{4}-){5}[a-z2-7]{4}$", output)) == 10
    assert f"secret={APP}" in output
    assert hers_link.startswith(f"{served.url}/invitation#loal_")
    assert "Lan đã đăng nhập" in accepted
    assert [one["id"] for one in seen] == ["xa"]
    assert "Tên đăng nhập: lan" in account
    assert "phiên này" in where
    assert "10 phút" in proved
    assert "Đã đổi mật khẩu" in changed
    assert "đã đăng xuất" in out
    assert "Lan đã đăng nhập" in back
    assert "phiên này" not in ended
    assert "not_signed_in" in gone
    assert mine.stat().st_mode & 0o077 == 0
    assert PASSWORD not in mine.read_text() + hers.read_text()


def test_a_token_for_another_system_is_shown_once_and_revoked(served: Client, tmp_path: Path) -> None:
    session = tmp_path / "none.json"
    served.post("/units", {"id": "xa-hai", "name": "Xã Hai", "kind": "commune"})
    zalo = served.post("/people", {"name": "Cổng Zalo", "unit_id": "xa-hai"})["id"]
    served.post(f"/people/{zalo}/grants", {"role": "integration", "unit_id": "xa-hai"})

    made = loa(served, session, "people", "token", zalo, "--name", "Zalo", "--days", "30", host=True)
    listed = json.loads(loa(served, session, "people", "tokens", zalo, "--json", host=True))
    loa(served, session, "people", "tokens", zalo, "--revoke", listed[0]["id"], host=True)
    after = loa(served, session, "people", "tokens", zalo, host=True)

    assert made.split()[-1].startswith("loai_")
    assert "đã thu hồi" in after
    assert "đã mở khóa" in loa(served, session, "people", "unlock", zalo, host=True).lower()


def test_what_is_no_link_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["accept", "loal_abc", "--session-file", str(tmp_path / "s")], input="x\nx\n")

    assert result.exit_code == 1
    assert "link_unreadable" in result.output


def test_who_is_not_signed_in_is_told_to_sign_in(served: Client, tmp_path: Path) -> None:
    line = ["unit", "list", "--url", served.url, "--data-dir", str(tmp_path), "--session-file", str(tmp_path / "s")]

    result = CliRunner().invoke(app, line)

    assert result.exit_code == 1
    assert "loa sign-in" in result.output


def test_a_kept_session_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sessions.json"
    kept_sessions.keep(path, "http://a", Kept("s", "Lan"))
    kept_sessions.keep(path, "http://b", Kept("t", "Mai"))
    kept_sessions.forget(path, "http://a")
    private = path.stat().st_mode & 0o777
    path.chmod(0o640)

    with pytest.raises(SignInFileUnsafe):
        kept_sessions.find(path, "http://b")
    path.chmod(0o600)

    assert private == 0o600
    assert kept_sessions.find(path, "http://a") is None
    assert kept_sessions.find(path, "http://b") == Kept("t", "Mai")


async def _first_secret(folder: Path) -> str:
    """As the start of the process prints it."""
    db = Database(sqlite_url(folder))
    found = await setting_up.first_secret(db, SystemClock().now())
    await db.close()
    assert found is not None
    return found
