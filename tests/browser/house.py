"""A real controller and a real Chromium for stories: people with pages, and pictures of what they see.

Pictures are files of the run, named by story and step, in a folder that the end of the run names.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.runtime import schema as _all_tables  # noqa: F401 - foreign keys lead to all of them
from controller.runtime.database import Database
from loa_protocol.keys import Ed25519Signer
from tests.acceptance.rig import COMMUNE, System, wait_for
from tests.fakes.chromium import PROGRAM

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
DEVICES = 40
PLAIN_HOST = "loa.test"
"""A name that is not this machine's, for pages over plain http."""
PASSWORD = "trâu vàng gặm cỏ non đầu đê"  # noqa: S105 - of tests alone
_LISTEN = """
window.broken = [];
const note = (e) => window.broken.push(`${e.violatedDirective} ${e.blockedURI}`);
document.addEventListener("securitypolicyviolation", note);
"""
_STILL = "(how) => { const bar = document.querySelector('.places'); if (bar) bar.style.position = how; }"
"""A bar that follows the eye would lie across a picture of a whole page."""
_STICKING_OUT = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  const out = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > wide + 0.5);
  return ["the page", ...out.slice(-5).map((one) => one.outerHTML.slice(0, 300))];
}"""
_AT_REST = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
  .map((one) => one.finished.catch(() => null))).then(() => null)"""
"""A colour on its way from one to another has a contrast that nobody reads."""
_AXE = Path(__file__).parent / "vendor" / "axe.min.js"
_OURS_AT_FAULT = re.compile(r"Permissions-Policy|Cross-Origin-Opener-Policy|status of 4\d\d")
"""What Chromium says of features that it does not know, and of answers that are meant."""


class App:
    """An authenticator app (RFC 6238) whose codes are never shown twice."""

    def __init__(self, secret: str) -> None:
        self._secret = base64.b32decode(secret.replace(" ", "") + "=" * (-len(secret) % 8))
        self._shown = 0

    def code(self) -> str:
        """Of now, or the next one, which is taken already; waits where that was shown, too."""
        while (step := max(_step(), self._shown + 1)) > _step() + 1:
            time.sleep(0.2)
        self._shown = step
        digest = hmac.new(self._secret, struct.pack(">Q", step), hashlib.sha1).digest()
        at = digest[-1] & 15
        return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def _step() -> int:
    return int(time.time()) // 30


@dataclass
class Known:
    """By sign-in name, authenticator apps and cookies of sessions; how many pictures a story has."""

    apps: dict[str, App] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)


@dataclass
class House:
    """A controller with a browser."""

    system: System
    browser: Browser
    pictures: Path
    known: Known

    @property
    def apps(self) -> dict[str, App]:
        return self.known.apps

    @property
    def cookies(self) -> dict[str, str]:
        return self.known.cookies

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.system.http_port}"

    @property
    def set_up_link(self) -> str:
        found = re.search(r"http://\S+/set-up#[^\s']+", self.system.controller.log.read_text())
        assert found is not None
        return found.group()

    @contextmanager
    def guest(self, story: str, *, phone: bool = True, scripts: bool = True, **given: Any) -> Iterator["Guest"]:
        """Somebody with a fresh browser; at the end nothing has broken the page's policy, and no script has failed."""
        asked = {"locale": "vi-VN", "java_script_enabled": scripts, **(PHONE if phone else DESKTOP), **given}
        context = self.browser.new_context(**asked)
        context.set_default_timeout(30_000)
        context.add_init_script(_LISTEN)
        page = context.new_page()
        guest = Guest(self, context, page, story, scripts=scripts)
        page.on("pageerror", lambda error: guest.faults.append(str(error)))
        page.on("console", lambda said: guest.hear(said.type, said.text))
        try:
            yield guest
            guest.check()
        finally:
            context.close()

    def broadcast(self, title: str, *, in_s: float | None = None, lasts_s: int = 600) -> str:
        """Now, or later."""
        body: dict[str, Any] = {"title": title, "to": [f"u-{COMMUNE}"], "board_text": title, "board_s": lasts_s}
        if in_s is not None:
            body["at"] = (datetime.now(UTC) + timedelta(seconds=in_s)).isoformat()
        return str(self.system.client.post("/broadcasts", body)["id"])

    def on_air(self, *titles: str) -> dict[str, str]:
        """Broadcasts that have begun: title → id."""
        made = {title: self.broadcast(title, lasts_s=3000) for title in titles}
        wait_for(lambda: set(made.values()) <= self._sounding(), "they are on air")
        return made

    def _sounding(self) -> set[str]:
        return {one["id"] for one in self.system.client.get("/today")["on_air"]}

    def over(self, title: str) -> str:
        """One that ended a minute ago: made to begin later, and moved, as only a test does."""
        made, now = self.broadcast(title, in_s=3600, lasts_s=60), datetime.now(UTC)

        async def move(session: AsyncSession) -> None:
            row = await session.get(BroadcastRow, made)
            assert row is not None
            row.start = row.latest_start = now - timedelta(minutes=2)
            row.board = None
            row.expected_at, row.deadline = now, now + timedelta(hours=1)

        self._write(move)
        return made

    def answered(self, broadcast: str, outcomes: list[str]) -> None:
        """As if devices had answered so: straight into the ledger."""

        async def fill(session: AsyncSession) -> None:
            for number, outcome in enumerate(outcomes, 1):
                row = await session.get(LedgerRow, (broadcast, f"loa-{number}"))
                if row is None:
                    row = LedgerRow(broadcast_id=broadcast, device_id=f"loa-{number}")
                    session.add(row)
                row.outcome, row.answered_at = outcome, datetime.now(UTC)

        self._write(fill)

    def _write(self, work: Callable[[AsyncSession], Awaitable[None]]) -> None:
        """Straight into the database, from a thread: this one's event loop is the browser's."""

        async def write() -> None:
            db = Database(f"sqlite+aiosqlite:///{self.system.data_dir / 'loa.db'}")
            async with db.transaction() as session:
                await work(session)
            await db.close()

        writer = Thread(target=lambda: asyncio.run(write()))
        writer.start()
        writer.join()


@dataclass
class Guest:
    """Somebody at a browser."""

    house: House
    context: BrowserContext
    page: Page
    story: str
    scripts: bool = True
    faults: list[str] = field(default_factory=list)

    def hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not _OURS_AT_FAULT.search(text):
            self.faults.append(text)

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else f"{self.house.url}{path}")

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]").first.fill(value)

    def press(self, name: str) -> None:
        """A button or a link that looks like one; the page that it leads to is there."""
        found = self.page.locator("main").get_by_role("button", name=name, exact=True)
        if not found.count():
            found = self.page.get_by_role("button", name=name, exact=True)
        self.lead(found.first.click)

    def follow(self, name: str) -> None:
        self.lead(self.page.get_by_role("link", name=name).first.click)

    def lead(self, act: Callable[[], Any]) -> None:
        with self.page.expect_navigation():
            act()

    def enter(self, name: str) -> None:
        """Be signed in already, with two factors."""
        cookies = self.house.cookies
        cookies[name] = cookies.get(name) or entered(self.house, name)
        self.context.add_cookies([{"name": "loa", "value": cookies[name], "url": self.house.url}])

    def sign_in(self, name: str, password: str = PASSWORD, at: str = "/sign-in") -> None:
        self.go(at)
        self.fill(name=name, password=password)
        self.press("Đăng nhập")
        if name in self.house.apps:
            self.fill(code=self.house.apps[name].code())
            self.press("Tiếp tục")

    def show(self, step: str, *, look: bool = False) -> None:
        """Keep a picture; what shows is never wider than the page, and accessible where one is to `look`."""
        if self.scripts:
            wide = self.overflows()
            assert not wide, f"{self.page.url} is wider than the screen: {wide}"
        found = self.axe() if look else []
        assert found == [], f"{self.page.url}: {found}"
        steps = self.house.known.steps
        number = steps[self.story] = steps.get(self.story, 0) + 1
        if self.scripts:
            self.page.evaluate(_STILL, "static")
        self.page.screenshot(path=self.house.pictures / f"{self.story}-{number:02}-{step}.png", full_page=True)
        if self.scripts:
            self.page.evaluate(_STILL, "")

    @property
    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def check(self) -> None:
        assert self.faults == []
        if self.scripts:
            assert self.page.evaluate("window.broken") == []

    def axe(self) -> list[str]:
        """What is not accessible on this page."""
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(_AXE.read_text())
        self.page.evaluate(_AT_REST)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in found["violations"]]

    def overflows(self) -> list[str]:
        """What one has to move the page sideways for; empty: one has not."""
        return [str(one) for one in self.page.evaluate(_STICKING_OUT)]


@contextmanager
def serving(folder: Path) -> Iterator[System]:
    """A controller that answers; nobody is signed up yet."""
    system = System(folder)
    system.controller.environment |= {"LOA_SIGN_INS_PER_ADDRESS_PER_MIN": "1000", "LOA_ALLOWED_HOSTS": PLAIN_HOST}
    try:
        system.start_controller()
        yield system
    finally:
        system.end()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; while it runs its thread has an event loop, so that it is closed before other tests run."""
    arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def furnish(system: System) -> None:
    """A commune, loudspeakers that are not there, lan who writes, hung who approves, tuan who administers."""
    system.client.post("/units", {"id": COMMUNE, "name": "Xã An Bình", "kind": "commune"})
    for name, role in (("lan", "operator"), ("hung", "approver"), ("tuan", "administrator")):
        take_in(system, name, role)
    devices = [_device(number) for number in range(1, DEVICES + 1)]
    system.client.post("/devices/batch", {"devices": devices})


def _device(number: int) -> dict[str, str]:
    key = base64.b64encode(Ed25519Signer.generate().public_raw).decode()
    named = {"id": f"loa-{number}", "name": f"Cụm loa {number}", "kind": "speaker", "unit_id": COMMUNE}
    return {**named, "public_key": key}


def take_in(system: System, name: str, *roles: str) -> str:
    """Somebody with roles and a password, made over the API; gives the id."""
    api = system.client
    made = api.post("/people", {"name": name.title(), "unit_id": COMMUNE})["id"]
    for role in roles:
        api.post(f"/people/{made}/grants", {"role": role, "unit_id": COMMUNE})
    link = api.post(f"/people/{made}/invitation", {"sign_in_name": name})
    api.post("/invitations", {"secret": link["secret"], "password": PASSWORD, "keep": "token"})
    return str(made)


def entered(house: House, name: str) -> str:
    """Signed in over the API, with two factors; gives what goes into the cookie."""
    api = httpx.Client(base_url=f"{house.url}/api/v1")
    with api:
        told = _posted(api, "/sign-in", {"name": name, "password": PASSWORD, "keep": "token"})
        api.headers["Authorization"] = f"Bearer {told['secret']}"
        where = "/sign-in/code"
        if name not in house.apps:
            house.apps[name] = App(_posted(api, "/second-factor/authenticator", {})["secret"])
            where = "/second-factor/authenticator/confirmation"
        told = _posted(api, where, {"code": house.apps[name].code()})
    return str(told["secret"])


def _posted(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = api.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()
