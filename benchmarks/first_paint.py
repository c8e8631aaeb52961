"""How soon somebody sees a page on a cheap phone: 1.6 Mbit/s, 150 ms there and back, a processor a quarter as fast.

Proves the goal of the officer's and the leader's pages: the first paint of a first visit, with nothing kept in the
browser, within 2 s. Raw, in the same run: a page with one word from the same server over the same line. Needs Chromium.
"""

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.measuring import Figure, Options, Report, at_most
from tests.browser.house import House, Known, chromium, furnish, serving

LINE = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
SLOWER = 4
PAGES: Mapping[str, tuple[str, ...]] = {
    "lan": ("/", "/compose", "/bulletins", "/week", "/results", "/devices", "/monitoring?view=map"),
    "hung": ("/", "/review"),
}
_RAW = "/api/v1/health"
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def run(options: Options) -> Report:
    """Every page by itself, each time in a fresh browser."""
    rounds = 2 if options.quick else 7
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "system") as system,
        chromium() as browser,
    ):
        furnish(system)
        house = House(system, browser, Path(folder), Known())
        raw_ms = statistics.median(_painted_ms(house, "lan", _RAW) for _ in range(rounds))
        figures = [
            Figure(
                f"{who} {page}",
                statistics.median(_painted_ms(house, who, page) for _ in range(rounds)),
                raw_ms,
                "ms",
                goal=at_most(2000),
            )
            for who, pages in PAGES.items()
            for page in pages
        ]
    return Report("first_paint", figures, notes=(f"medians of {rounds} first visits; raw: one word as a page",))


def _painted_ms(house: House, who: str, path: str) -> float:
    with house.guest("first-paint") as guest:
        guest.enter(who)
        _slow(guest.page)
        guest.page.goto(house.url + path, timeout=60_000)
        guest.page.wait_for_function(_PAINTED)
        return float(guest.page.evaluate(_PAINTED))


def _slow(page: Page) -> None:
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", LINE)
    line.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
