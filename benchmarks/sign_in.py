"""A flood of sign-ins against a running `loa serve`: what others then wait, and what of the flood is looked at.

The flood comes from another process, over many connections, each attempt with another name from another address (as a
proxy we trust says it), so that neither the limit of an address nor the wait of a name stops it: what is left is that
one attempt is looked at at a time. Others read their account, list units and write, twenty times a second, whatever
the answers take. Raw is the same reading and writing in the quiet before and after, in the same run.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measuring import Figure, Options, Report, at_least, at_most, percentile
from benchmarks.serving import serving
from loa_cli.client import Client

PASSWORD = "bốn con thuyền giấy trôi"  # noqa: S105 - of a folder that goes
CONNECTIONS = 64
PER_S = 20
_OTHERS = (("GET", "/me"), ("GET", "/units"), ("GET", "/bulletins"), ("POST", "/second-factor/authenticator"))


def run(options: Options) -> Report:
    """Twenty seconds of flood, or four where it is to be quick."""
    seconds = 4.0 if options.quick else 20.0
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), LOA_TRUSTED_PROXIES="127.0.0.1") as client:
        secret = _member(client)
        before = asyncio.run(_others_ms(client.url, secret, seconds / 2))
        with _flood(client.url, seconds + 2) as flood:
            time.sleep(1)  # until it flows
            during = asyncio.run(_others_ms(client.url, secret, seconds))
            rightful = _sign_in_s(client.url, seconds)
        answers = Counter(json.loads(flood.communicate(timeout=60)[0]))
        after = asyncio.run(_others_ms(client.url, secret, seconds / 2))
    quiet, total = [*before, *after], sum(answers.values())
    figures = [
        Figure(f"{what} of other requests", percentile(during, q), percentile(quiet, q), unit="ms", n=total, goal=goal)
        for what, q, goal in (("p50", 0.5, None), ("p95", 0.95, at_most(500)), ("p99", 0.99, None))
    ]
    figures += [
        Figure("attempts of the flood", total / (seconds + 2), unit="1/s"),
        Figure("of them turned away at once", 100 * answers["429"] / max(1, total), unit="%", goal=at_least(1)),
        Figure("a rightful sign-in gets through after", rightful, unit="s"),
    ]
    notes = [f"answers to the flood: {dict(answers)}", f"{len(during)} other requests during it, none failed"]
    return Report("sign_in", figures=figures, notes=notes)


def _member(client: Client) -> str:
    """Somebody who is signed in; gives their session's secret."""
    client.post("/units", {"id": "xa", "name": "Xã An Bình", "kind": "commune"})
    person = client.post("/people", {"name": "Lan", "unit_id": "xa"})["id"]
    client.post(f"/people/{person}/grants", {"role": "operator", "unit_id": "xa"})
    link = client.post(f"/people/{person}/invitation", {"sign_in_name": "lan"})["secret"]
    body = {"secret": link, "password": PASSWORD, "keep": "token"}
    return str(Client(client.url).post("/invitations", body)["secret"])


async def _others_ms(url: str, secret: str, seconds: float) -> list[float]:
    """What each of twenty requests a second takes from the instant it was due, answered or not."""
    headers = {"Authorization": f"Bearer {secret}"}
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=30, limits=limits) as client:
        loop, asked = asyncio.get_running_loop(), []
        began = loop.time()
        for number, (method, path) in zip(range(int(seconds * PER_S)), cycle(_OTHERS), strict=False):
            due = began + number / PER_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            asked.append(asyncio.create_task(_one_ms(client, method, path, due)))
        return list(await asyncio.gather(*asked))


async def _one_ms(client: httpx.AsyncClient, method: str, path: str, due: float) -> float:
    answer = await client.request(method, path)
    assert answer.is_success, f"{method} {path}: {answer.text}"
    return 1000 * (asyncio.get_running_loop().time() - due)


def _sign_in_s(url: str, limit_s: float) -> float:
    """How long somebody with the right password tries until they are in, once a quarter of a second."""
    began = time.monotonic()
    body = {"name": "lan", "password": PASSWORD}
    with httpx.Client(base_url=f"{url}/api/v1", headers={"X-Forwarded-For": "192.0.2.1"}, timeout=30) as client:
        while time.monotonic() - began < limit_s:
            if client.post("/sign-in", json=body).is_success:
                return time.monotonic() - began
            time.sleep(0.25)
    return float("inf")


@contextmanager
def _flood(url: str, seconds: float) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "benchmarks.sign_in", url, str(seconds)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        if child.poll() is None and sys.exc_info()[0] is not None:
            child.kill()


async def _pour(host: str, port: int, seconds: float) -> Counter[str]:
    """Attempts over many connections until the end; their answers by status."""
    answers: Counter[str] = Counter()
    until = time.monotonic() + seconds
    await asyncio.gather(*(_connection(host, port, number, until, answers) for number in range(CONNECTIONS)))
    return answers


async def _connection(host: str, port: int, number: int, until: float, answers: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    turn = 0
    while time.monotonic() < until:
        turn += 1
        writer.write(_attempt(host, port, number, turn))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        await reader.readexactly(length)
        answers[head.split(" ", 2)[1]] += 1
    writer.close()


def _attempt(host: str, port: int, number: int, turn: int) -> bytes:
    body: dict[str, Any] = {"name": f"somebody-{number}-{turn}", "password": "a guess of twelve"}
    content = json.dumps(body).encode()
    address = f"10.{number}.{turn // 250 % 250}.{turn % 250}"
    head = (
        f"POST /api/v1/sign-in HTTP/1.1\r\nHost: {host}:{port}\r\nX-Forwarded-For: {address}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


if __name__ == "__main__":
    target = httpx.URL(sys.argv[1])
    print(json.dumps(asyncio.run(_pour(target.host, target.port or 80, float(sys.argv[2])))))
