"""A real Chromium with its virtual authenticator adds a passkey, signs in by it and proves anew, through our API alone.

So what we ask of browsers and read of them is what browsers take and give, and the cookie with its token gets through.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.async_api import CDPSession, Page, async_playwright
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from controller.people.rules import Role
from tests.fakes.account_house import AccountHouse, account_house
from tests.fakes.chromium import PROGRAM

PAGE = "/trang"
SCRIPT = """
const call = async (method, path, body, csrf) => {
  const headers = {"Content-Type": "application/json", ...(csrf ? {"X-Loa-CSRF": csrf} : {})};
  const answer = await fetch("/api/v1" + path, {method, headers, body: body && JSON.stringify(body)});
  const text = await answer.text();
  return {status: answer.status, told: text ? JSON.parse(text) : null};
};
const csrf = async () => (await call("GET", "/me")).told.csrf;
window.add = async (name) => {
  const token = await csrf();
  const asked = await call("POST", "/second-factor/passkeys/options", undefined, token);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.told.publicKey);
  const made = await navigator.credentials.create({publicKey});
  return call("POST", "/second-factor/passkeys", {name, credential: made.toJSON()}, token);
};
const proved = async (path, token) => {
  const asked = await call("POST", path + "/options", undefined, token);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.told.publicKey);
  const found = await navigator.credentials.get({publicKey});
  return call("POST", path, {credential: found.toJSON()}, token);
};
window.signIn = () => proved("/sign-in/passkey");
window.prove = async () => proved("/sign-in/proof/passkey", await csrf());
window.signOut = async () => call("DELETE", "/sign-in", undefined, await csrf());
window.me = () => call("GET", "/me");
"""
FOREIGN = """navigator.credentials.create({publicKey: {
  rp: {id: "localhost", name: "Loa"}, user: {id: new Uint8Array(4), name: "Lan", displayName: "Lan"},
  challenge: new Uint8Array(32), pubKeyCredParams: [{type: "public-key", alg: -7}],
}}).catch((error) => error.name)"""
"""What a page of another name asks for in ours."""
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@asynccontextmanager
async def site(house: AccountHouse) -> AsyncIterator[str]:
    """The API and one page beside it, on a port of this machine."""
    page = HTMLResponse(f"<!doctype html><title>-</title><script>{SCRIPT}</script>")

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        await (page if scope["path"] == PAGE else house.app)(scope, receive, send)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(both, log_level="warning", lifespan="off", ws="none"))
        serving = asyncio.create_task(server._serve([listening]))
        yield f"http://localhost:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@asynccontextmanager
async def opened(origin: str, secret: str) -> AsyncIterator[tuple[Page, CDPSession, str]]:
    """The page in a browser that is signed in and has an authenticator."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        context = await browser.new_context()
        await context.add_cookies([{"name": "loa", "value": secret, "url": origin, "httpOnly": True}])
        page = await context.new_page()
        await page.goto(origin + PAGE)
        devices = await context.new_cdp_session(page)
        await devices.send("WebAuthn.enable")
        added = await devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield page, devices, added["authenticatorId"]
        await browser.close()


async def told(page: Page, call: str) -> tuple[int, Any]:
    answer = await page.evaluate(call)
    return answer["status"], answer["told"]


async def test_a_real_browser_adds_a_passkey_signs_in_by_it_and_proves_anew_on_our_pages_only(tmp_path: Path) -> None:
    async with account_house(tmp_path) as house, site(house) as origin:
        lan = await house.person("Nguyễn Thị Lan", Role.APPROVER)
        async with opened(origin, await house.session(lan)) as (page, devices, authenticator):
            added = await told(page, "add('Điện thoại')")
            out = await told(page, "signOut()")
            nobody = await told(page, "me()")
            signed_in = await told(page, "signIn()")
            me = await told(page, "me()")
            proved = await told(page, "prove()")
            kept = (await devices.send("WebAuthn.getCredentials", {"authenticatorId": authenticator}))["credentials"]

            await devices.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
            unverified = await page.evaluate("signIn().catch((error) => error.name)")
            await devices.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True})

            await devices.send("WebAuthn.clearCredentials", {"authenticatorId": authenticator})
            old = kept[0] | {"signCount": 0}
            await devices.send("WebAuthn.addCredential", {"authenticatorId": authenticator, "credential": old})
            copied = await told(page, "signIn()")

            await page.goto(origin.replace("localhost", "127.0.0.1") + PAGE)
            elsewhere = await told(page, "call('POST', '/sign-in/passkey/options')")
            foreign = await page.evaluate(FOREIGN)

    assert (added[0], added[1]["name"], out[0], nobody[0]) == (201, "Điện thoại", 204, 401)
    assert (signed_in[0], signed_in[1]["strong"], me[1]["person_id"]) == (200, True, lan.id)
    assert (proved[0], proved[1]["strong"]) == (200, True)
    assert [(one["rpId"], one["isResidentCredential"]) for one in kept] == [("localhost", True)]
    assert unverified == "NotAllowedError"
    assert (copied[0], copied[1]["code"]) == (401, "passkey_copied")
    assert (elsewhere[0], elsewhere[1]["code"]) == (409, "passkeys_unavailable")
    assert foreign == "SecurityError"
