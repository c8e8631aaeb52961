"""What pages cost the server with 10,000 devices, 1,000 communes and 5 million receipts on PostgreSQL, over sockets.

The database is filled by COPY as the code keeps it (a sample of its tallies is counted anew by the code and compared);
`loa serve` runs as a process of its own, people of a province, a region and a commune are signed in, and every page is
asked for one after another. Beside the time on the clock stands the processor time of the controller and of PostgreSQL:
it says the same on a busy machine. Raw is `GET /api/v1/health` of the same process: a request before any work.

A smaller one: `python -m benchmarks.pages --scale 0.2`.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.measuring import Figure, Options, Report, at_most, percentile, table
from benchmarks.pages_world import World, fill
from benchmarks.serving import serving
from loa_cli.client import Client

_GOAL = at_most(150)
ROUNDS = 30
_COUNTED_S = 120
_PASSWORD = "trâu vàng gặm cỏ non đầu đê"  # noqa: S105 - of this benchmark alone
_QUICK, _FULL = 0.02, 1.0


def run(options: Options) -> Report:
    """The full size, or a fiftieth of it where it is to be quick."""
    return measured(_QUICK if options.quick else _FULL, options.seed, rounds=10 if options.quick else ROUNDS)


def measured(scale: float, seed: int, rounds: int = ROUNDS) -> Report:
    """At a part of the full size."""
    with ExitStack() as stack:
        url = stack.enter_context(_postgres())
        began = time.monotonic()
        world = fill(url, scale=scale, chance=random.Random(seed), now=datetime.now(UTC))  # noqa: S311, TID251 - repeatable; an adapter's clock
        filled_s = time.monotonic() - began
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host = stack.enter_context(serving(folder, LOA_DATABASE_URL=url.replace("+psycopg", "")))
        _require_counted_alike(url, world)
        figures: list[Figure] = []
        raw = _asked_ms(httpx.Client(base_url=host.url, timeout=60), "/api/v1/health", rounds * 2)
        figures.append(Figure("raw: GET /api/v1/health, p95", percentile(raw, 0.95), unit="ms"))
        for who, unit, pages in _visitors(world):
            with _visitor(host, who, unit) as client:
                for page in pages:
                    figures += _figures(client, f"{who} {page}", page, percentile(raw, 0.5), rounds)
    notes = [
        (
            f"{world.devices:,} devices, {world.communes:,} communes, {world.receipts:,} receipts of {world.days} days,"
            f" filled in {filled_s:.0f} s; p95 of {rounds} requests each, raw is the median of health"
        ),
    ]
    return Report("pages", figures=figures, notes=notes)


def _figures(client: httpx.Client, what: str, page: str, raw_ms: float, rounds: int) -> list[Figure]:
    before = _spent_ms()
    taken = _asked_ms(client, page, rounds)
    controller_ms, database_ms = (now - was for now, was in zip(_spent_ms(), before, strict=True))
    asked = rounds + 1
    cpu = f"{what}, processor time (controller {controller_ms / asked:.0f}, PostgreSQL {database_ms / asked:.0f})"
    return [
        Figure(f"{what}, p95 (p50 {percentile(taken, 0.5):.0f})", percentile(taken, 0.95), raw_ms, "ms", goal=_GOAL),
        Figure(cpu, (controller_ms + database_ms) / asked, unit="ms", goal=_GOAL),
    ]


def _spent_ms() -> tuple[float, float]:
    """Processor time so far of the controllers and PostgreSQL servers that we began, with their ended children."""
    found = {"loa": 0.0, "postgres": 0.0}
    tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
    parents: dict[int, int] = {}
    spent: dict[int, tuple[str, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:  # it has ended meanwhile
            continue
        words = rest.split()
        pid = int(stat.parent.name)
        parents[pid] = int(words[1])
        spent[pid] = ("postgres" if name.startswith("postgres") else "loa", sum(map(float, words[11:15])) * tick_ms)
    for pid, (kind, cpu_ms) in spent.items():
        if _descends(pid, parents):
            found[kind] += cpu_ms
    return found["loa"], found["postgres"]


def _descends(pid: int, parents: Mapping[int, int]) -> bool:
    """Whether we began it, or something that we began."""
    at = parents.get(pid, 0)
    while at not in {0, 1, os.getpid()}:
        at = parents.get(at, 0)
    return at == os.getpid()


def _visitors(world: World) -> Iterable[tuple[str, str, Sequence[str]]]:
    """Who asks for which pages."""
    results = ["/results", "/results?kind=wrong", f"/results?day={world.day}", f"/results/{world.wide}"]
    results += [f"/results/{world.wide}?kind=wrong", f"/results/{world.wide}?q=cum+7"]
    devices = ["/monitoring", "/monitoring?state=silent", "/monitoring?q=cum+77", "/devices", "/devices?state=silent"]
    communes = ["/monitoring?view=communes", "/monitoring?view=communes&heard=no", "/monitoring?wall=1"]
    maps = ["/api/v1/monitoring/map?zoom=8", "/api/v1/monitoring/map?zoom=12&west=105&east=105.4&south=20.5&north=20.9"]
    own = [f"/results/{world.narrow}", f"/devices/{world.device}", "/account"]
    yield "province", world.province, ("/", *results, *devices, *communes, *maps, "/bulletins", *own)
    yield "region", world.region, ("/", *results, *devices, *communes, *maps)
    yield "commune", world.commune, ("/", "/results", "/results?kind=wrong", "/monitoring", "/devices", "/week", *own)


def _asked_ms(client: httpx.Client, page: str, rounds: int) -> list[float]:
    """One after another, after one that is not counted."""
    taken = []
    for number in range(rounds + 1):
        began = time.perf_counter()
        answer = client.get(page)
        if number:
            taken.append(1000 * (time.perf_counter() - began))
        if answer.status_code != 200:
            raise AssertionError(f"{page}: {answer.status_code} {answer.text[:500]}")
    return taken


@contextmanager
def _visitor(host: Client, who: str, unit: str) -> Iterator[httpx.Client]:
    """Somebody of a unit who watches it, with the cookie of their session."""
    person = host.post("/people", {"name": who.title(), "unit_id": unit})["id"]
    role = "operator" if who == "commune" else "monitor"
    host.post(f"/people/{person}/grants", {"role": role, "unit_id": unit})
    link = host.post(f"/people/{person}/invitation", {"sign_in_name": f"xem-{who}"})["secret"]
    made = Client(host.url).post("/invitations", {"secret": link, "password": _PASSWORD, "keep": "token"})
    with httpx.Client(base_url=host.url, cookies={"loa": made["secret"]}, timeout=60) as client:
        yield client


def _require_counted_alike(url: str, world: World) -> None:
    """The running controller counts some broadcasts anew: what was filled in is what the code makes of the ledger."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as link:
        before = _tallies(link, world.sample)
        link.execute("UPDATE broadcasts SET tallied_at = NULL WHERE id = ANY(%s)", [list(world.sample)])
        limit = time.monotonic() + _COUNTED_S
        query = "SELECT count(*) FROM broadcasts WHERE id = ANY(%s) AND tallied_at IS NULL"
        while (link.execute(query, [list(world.sample)]).fetchone() or [0])[0]:
            if time.monotonic() > limit:
                raise AssertionError("the controller does not count what is closed")
            time.sleep(0.2)
        if _tallies(link, world.sample) != before:
            raise AssertionError("the filled tallies are not what the code counts")


def _tallies(link: psycopg.Connection[Any], broadcasts: Sequence[str]) -> list[tuple[Any, ...]]:
    query = "SELECT * FROM tallies WHERE broadcast_id = ANY(%s) ORDER BY broadcast_id, unit_id"
    return link.execute(query, [list(broadcasts)]).fetchall()


@contextmanager
def _postgres() -> Iterator[str]:
    """The URL of a database of a server of our own, with today's schema."""
    from tests.fakes.databases import postgres_server  # noqa: PLC0415 - only where it is measured

    with postgres_server() as server:
        yield server.database()


def main() -> None:
    """At a size of one's own; nothing is kept."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", type=float, default=_QUICK, help="1 is the full size")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    given = asked.parse_args()
    report = measured(given.scale, given.seed, given.rounds)
    print(table(report))
    print(json.dumps(report.as_dict(), ensure_ascii=False))


if __name__ == "__main__":
    main()
