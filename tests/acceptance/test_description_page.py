"""The page `/docs` in a real browser, under the policy that is sent with it: it works, and breaks no rule of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from tests.fakes.chromium import PROGRAM
from tests.fakes.served import served

pytestmark = [pytest.mark.skipif(not Path(PROGRAM).exists(), reason="needs Chromium"), pytest.mark.timeout(240)]
_LISTEN = """
window.broken = [];
document.addEventListener("securitypolicyviolation", (e) => window.broken.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`));
"""  # noqa: E501
_INJECT = """async () => {
  window.ran = false;
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  const picture = document.createElement("img");
  picture.setAttribute("onerror", "window.ran = true");
  const gone = new Promise((done) => picture.addEventListener("error", done));
  picture.src = "/docs/nothing.png";
  document.body.append(script, picture);
  await gone;
  return window.ran;
}"""
"""Whoever gets text into the page as HTML runs nothing by it."""


async def _visited(url: str) -> dict[str, Any]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        page: Page = await browser.new_page()
        asked: list[str] = []
        faults: list[str] = []
        page.set_default_timeout(120_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.add_init_script(_LISTEN)
        await page.goto(f"{url}/docs")
        await page.locator(".opblock-summary").first.click()
        await page.locator(".opblock-body").first.wait_for()
        told = {
            "operations": await page.locator(".opblock").count(),
            "broken": await page.evaluate("window.broken"),
            "ran": await page.evaluate(_INJECT),
            "asked": asked,
            "faults": faults,
        }
        await browser.close()
    return told


def test_the_description_is_drawn_within_its_policy_and_asks_nobody_else(tmp_path: Path) -> None:
    with served(tmp_path / "controller") as client:
        told = asyncio.run(_visited(client.url))

    assert told["operations"] > 50
    assert told["broken"] == []
    assert told["faults"] == []
    assert not told["ran"]
    assert all(url.startswith((client.url, "data:")) for url in told["asked"])
