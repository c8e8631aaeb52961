"""`loa demo` as a newcomer meets it: one command, links that sign in, devices that play, a week behind it, an end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.rig import wait_for

pytestmark = pytest.mark.broker
SIMULATED, REAL = 40, 4
PROGRAMME = "xa-an-lanh-hang-ngay"
START_LIMIT_S = 120.0
END_LIMIT_S = 30.0
"""It takes two seconds; other tests may be at work beside this one."""


@dataclass
class Demo:
    """A demo that runs; `told` is what it printed, `began` when it was started, in seconds of the monotonic clock."""

    child: subprocess.Popen[str]
    folder: Path
    told: dict[str, Any]
    began: float

    def link(self, key: str) -> str:
        return str(next(one["link"] for one in self.told["people"] if one["key"] == key))

    def browser(self) -> httpx.Client:
        """One without scripts: what stands behind “#” is pasted."""
        headers = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "vi"}
        return httpx.Client(base_url=self.told["url"], headers=headers, follow_redirects=True, timeout=30)

    def follow(self, browser: httpx.Client, key: str) -> httpx.Response:
        return browser.post("/sign-in-link", data={"secret": self.link(key)})

    def processes(self) -> list[str]:
        """Command lines of everything that has to do with this run."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in line:
                found.append(line)
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "loa_cli", "demo", "--dir", str(folder), "--json"]
    began = time.monotonic()
    environment = {
        **os.environ,
        "LOA_DATABASE_URL": "sqlite:////nowhere/at/all.db",
        "LOA_PUBLIC_URL": "https://loa.example",
    }
    around: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "env": environment}
    with subprocess.Popen(command, text=True, **around) as child:
        try:
            yield Demo(child, folder, _printed(child), began)
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGINT)


def _printed(child: subprocess.Popen[str]) -> dict[str, Any]:
    """The one JSON document that it prints once everything is there."""
    assert child.stdout is not None
    text = ""
    for line in child.stdout:
        text += line
        if line.startswith("}"):
            break
    told: dict[str, Any] = json.loads(text)
    return told


def test_the_check_plays_answers_and_exits_0(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loa_cli", "demo", "--check", "--dir", str(tmp_path), "--json"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr + done.stdout
    result = json.loads(done.stdout)
    assert result["outcomes"] == {"played": 4}
    assert {Path(file).suffix for files in result["files"].values() for file in files} == {".wav", ".png"}


def test_a_newcomer_sees_devices_play_and_the_week_before_and_all_of_it_ends(
    demo: Demo, tell: Callable[[str], None]
) -> None:
    printed_s = time.monotonic() - demo.began
    with demo.browser() as officer:
        assert demo.follow(officer, "officer").url.path == "/"
        _see_devices_play(officer)
        playing_s = time.monotonic() - demo.began
        _see_the_week(officer)
        _go_out(demo, officer)
    with demo.browser() as leader:
        demo.follow(leader, "leader")
        _see_what_waits(leader)
    asked = time.monotonic()
    demo.child.send_signal(signal.SIGINT)

    assert demo.child.wait(END_LIMIT_S) == 0
    ended_s = time.monotonic() - asked
    assert demo.processes() == []
    assert list((demo.folder).rglob("captured/loa-ubnd/**/*.wav"))
    assert list((demo.folder).rglob("captured/bang-tin-cho/**/*.png"))
    tell(f"loa demo: address after {printed_s:.0f} s, devices play after {playing_s:.0f} s, ended in {ended_s:.1f} s")


def _see_devices_play(officer: httpx.Client) -> None:
    """All but the one without a clock and the one that is away."""

    def playing() -> int:
        return sum(bool(one["state"].get("playing")) for one in officer.get("/api/v1/devices").json())

    wait_for(lambda: playing() >= SIMULATED + REAL - 2, "the devices play", START_LIMIT_S)
    assert "Đang phát" in officer.get("/").text


def _see_the_week(officer: httpx.Client) -> None:
    now = datetime.now(UTC).isoformat()
    rows = officer.get("/api/v1/broadcasts", params={"programme": PROGRAMME, "until": now}).json()
    assert len({row["start"][:10] for row in rows}) >= 6
    ledgers = [officer.get(f"/api/v1/broadcasts/{row['id']}/ledger").json() for row in rows]
    assert all(ledger["outcomes"]["played"] >= SIMULATED - 5 for ledger in ledgers if ledger["closed"])
    words = {(row["outcome"], row["reason"]) for ledger in ledgers for row in ledger["rows"]}
    assert words >= {
        ("unknown", "no_answer"),
        ("skipped", "clock"),
        ("failed", "content_missing"),
        ("failed", "silent"),
        ("interrupted", "power_cut"),
    }
    receipts = [row["receipt"] for row in ledgers[-1]["rows"] if row.get("receipt")]
    assert {one["evidence"] for one in receipts} == {"simulated"}


def _see_what_waits(leader: httpx.Client) -> None:
    bulletins = leader.get("/api/v1/bulletins").json()
    assert {one["state"] for one in bulletins} >= {"draft", "in_review", "approved", "withdrawn"}
    steps = [leader.get(f"/api/v1/bulletins/{one['id']}/history").json()["steps"] for one in bulletins]
    assert any(step["step"] == "returned" and step["why"] for one in steps for step in one)
    assert leader.get("/api/v1/me").json()["strong"]


def _go_out(demo: Demo, officer: httpx.Client) -> None:
    """Signed out, the link is dead, and a fresh browser gets nowhere with it."""
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', officer.get("/").text)
    assert token is not None
    assert officer.post("/sign-out", data={"csrf": token[1]}).url.path == "/sign-in"
    assert officer.get("/api/v1/me").status_code == 401
    with demo.browser() as stranger:
        assert "đã dùng" in demo.follow(stranger, "officer").text
        assert stranger.get("/api/v1/me").status_code == 401
