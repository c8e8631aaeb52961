"""`loa demo`: a commune that runs until Ctrl-C: its controller, its devices, and something on air every few minutes.

Each start makes the commune anew in a folder of its own, with its own database and its own keys. Only here are sign-in
links made: by the host's token, at a controller that this process starts on loopback.
"""

import asyncio
import contextlib
import gc
import json
import logging
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_agent.light.device import Identity
from edge_agent.light.faults import Faults
from edge_agent.light.fleet import Fleet
from loa_cli import demo_land, demo_past, demo_telling
from loa_cli.client import ApiRefused, ApiUnreachable, Client, connected
from loa_cli.demo_building import Made, build, bundle
from loa_cli.demo_check import serves
from loa_cli.demo_house import ANSWER_S
from loa_cli.demo_people import OFFICER
from loa_cli.demo_week import SOUNDS
from loa_cli.processes import Children, until
from loa_cli.provisioning import write_bundle
from loa_cli.reporting import console
from loa_protocol.trust import pin

EVERY = timedelta(minutes=3)
QUIET = timedelta(minutes=2)
"""No demonstration goes on air so soon before something that is due."""
LOUD = ("ban_tin_mau", "thoi_tiet", "phong_chay")
REPEATS = 6
LEAD_S = 5.0
_LOOK_S = 3.0
_START_LIMIT_S = 60.0
_NEVER_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Commune:
    """What runs."""

    run: Path
    data_dir: Path
    made: Made
    client: Client
    officer: Client


def stay(family: Children, run: Path, *, as_json: bool) -> None:
    """Build it, start everything, tell where it is, and stay until Ctrl-C.

    Raises:
        DemoFailed: a part of it did not start.
    """
    data_dir = run / "controller"
    _say(as_json, "Đang dựng xã dùng thử, khoảng nửa phút … (building the demo commune, about half a minute)")
    family.logs.mkdir(parents=True, exist_ok=True)
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    logging.basicConfig(filename=family.logs / "demo.log", level=logging.INFO, format=form)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    made = asyncio.run(build(run, data_dir, datetime.now(UTC)))  # noqa: TID251 - the day the demo is looked at
    serving = ["serve", "--data-dir", str(data_dir), "--port", "0", "--broker-port", "0", "--broker", "embedded"]
    serving += ["--answer-deadline-s", str(ANSWER_S)]
    family.start("controller", serving, LOA_HOST_ACTS_FOR_PEOPLE="true")
    until(family, _START_LIMIT_S, "the controller", lambda: serves(data_dir))
    with connected(data_dir, None, None) as client, connected(data_dir, None, None) as officer:
        officer.act_for(made.people[OFFICER])
        commune = Commune(run, data_dir, made, client, officer)
        _start_agents(family, commune)
        _tell(commune, as_json=as_json)
        asyncio.run(_live(family, commune, as_json=as_json))
    gc.freeze()  # or the interpreter looks through all of the week once more before it ends


def _start_agents(family: Children, commune: Commune) -> None:
    trust = json.dumps(commune.client.get("/provisioning")["trust"])
    broker = json.loads((commune.data_dir / "broker.json").read_text())
    for spot in demo_land.spots():
        if not spot.real:
            continue
        made = bundle(commune.run, spot.id)
        write_bundle(
            made,
            device_id=spot.id,
            broker={"host": broker["host"], "port": broker["port"]},
            trust=trust,
            profile=spot.profile,
            output={"kind": "file", "path": str((commune.run / "captured" / spot.id).resolve())},
        )
        family.start(spot.id, ["agent", "--config", str(made.config)])


async def _live(family: Children, commune: Commune, *, as_json: bool) -> None:
    """Until SIGINT or SIGTERM; the children are asked to end, and end meanwhile."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, over.set)
    tasks = [asyncio.create_task(fleet.run()) for fleet in await _fleets(commune)]
    tasks.append(asyncio.create_task(_rhythm(commune)))
    with _keys(commune, as_json=as_json):
        waiting = asyncio.create_task(over.wait())
        done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    _say(as_json, "Đang dừng … (ending)")
    family.ask()
    for task in (waiting, *tasks):
        task.cancel()
    await asyncio.wait({waiting, *tasks})
    for task in done - {waiting}:
        task.result()


async def _fleets(commune: Commune) -> list[Fleet]:
    """The simulated devices: those that are well, and one whose clock nobody sets; one more is away."""
    told = await asyncio.to_thread(commune.client.get, "/provisioning")
    broker = json.loads((commune.data_dir / "broker.json").read_text())
    trust = pin(json.dumps(told["trust"]).encode())
    simulated = [spot.id for spot in demo_land.spots() if not spot.real and spot.id != demo_past.AWAY]
    names = {False: [one for one in simulated if one != demo_past.CLOCKLESS], True: [demo_past.CLOCKLESS]}
    return [
        Fleet(
            broker["host"],
            broker["port"],
            [Identity(name, commune.made.signers[name]) for name in names[clockless]],
            trust,
            faults=Faults(late_clock_s=_NEVER_S if clockless else 0.0),
        )
        for clockless in (False, True)
    ]


async def _rhythm(commune: Commune) -> None:
    """Something on air soon, and then every few minutes unless something else is, or is due."""
    turn, last = 0, datetime.min.replace(tzinfo=UTC)
    while True:
        now = datetime.now(UTC)  # noqa: TID251 - the operator's own clock
        if now - last >= EVERY:
            try:
                if await asyncio.to_thread(_free, commune.officer, now):
                    await asyncio.to_thread(_say_something, commune, LOUD[turn % len(LOUD)], now)
                    turn, last = turn + 1, now
            except (ApiRefused, ApiUnreachable) as error:
                console.print(str(error), highlight=False, soft_wrap=True)
        await asyncio.sleep(_LOOK_S)


def _free(client: Client, now: datetime) -> bool:
    told = client.get("/today")
    coming = [datetime.fromisoformat(one["start"]) for one in told["next"]]
    return not told["on_air"] and all(start > now + QUIET for start in coming)


def _say_something(commune: Commune, name: str, now: datetime) -> None:
    piece = SOUNDS[name]
    commune.officer.post(
        "/broadcasts",
        {
            "title": piece.title,
            "to": [f"u-{demo_land.COMMUNE}"],
            "asset_id": commune.made.sounds[name],
            "at": (now + timedelta(seconds=LEAD_S)).isoformat(),
            "repeats": REPEATS,
            "board_text": piece.text,
            "board_s": 60,
            "late_s": 15,
        },
    )


@contextlib.contextmanager
def _keys(commune: Commune, *, as_json: bool) -> Iterator[None]:
    """Enter makes new links, where somebody sits at a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        if sys.stdin.readline():
            _tell(commune, as_json=as_json)
        else:
            loop.remove_reader(sys.stdin)

    loop.add_reader(sys.stdin, pressed)
    try:
        yield
    finally:
        loop.remove_reader(sys.stdin)


def _tell(commune: Commune, *, as_json: bool) -> None:
    demo_telling.tell(commune.client, commune.run, commune.made.people, as_json=as_json)


def _say(quiet: bool, line: str) -> None:
    if not quiet:
        console.print(line, highlight=False)
