"""`loa swarm`: simulated devices of some units, until Ctrl-C. Nothing sounds, and every receipt says so."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from loa_cli.line import Line, on_line
from loa_cli.options import BrokerHost, BrokerPort
from loa_cli.reporting import console

_TELL_EVERY_S = 5.0


@on_line
def swarm(
    line: Line,
    count: Annotated[int, typer.Argument(help="How many devices.", min=1, max=50_000)],
    unit: Annotated[list[str], typer.Option(help="Id of a unit they belong to; several share them evenly.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where their keys are kept.")] = Path("var/swarm"),
    prefix: Annotated[str, typer.Option(help="Their ids begin with this.")] = "sim",
    kind: Annotated[str, typer.Option(help="speaker or board.")] = "speaker",
    broker_host: BrokerHost = "127.0.0.1",
    broker_port: BrokerPort = None,
    loss: Annotated[float, typer.Option(min=0, max=1, help="Part of all messages that vanishes.")] = 0.0,
    offline: Annotated[float, typer.Option(min=0, max=1, help="Part of the devices that never connects.")] = 0.0,
    away_every_s: Annotated[float, typer.Option(min=0, help="About how often each loses its connection.")] = 0.0,
    away_for_s: Annotated[float, typer.Option(min=0, help="And for how long.")] = 10.0,
    late_clock_s: Annotated[float, typer.Option(min=0, help="How long each is without a clock.")] = 0.0,
) -> None:
    """Register simulated devices that are not known yet, connect them all, and stay until Ctrl-C."""
    from edge_agent.light.faults import Faults
    from edge_agent.light.process import allow
    from loa_cli.enrolment import enrol, share
    from loa_cli.provisioning import port_of

    faults = Faults(
        loss=loss,
        offline=offline,
        away_every_s=away_every_s,
        away_for_s=away_for_s,
        late_clock_s=late_clock_s,
    )
    allow(count)
    enrolled = enrol(line.client, folder, share(count, unit, prefix), kind=kind)
    console.print(f"{count} thiết bị mô phỏng; không thiết bị nào phát ra âm thanh. Ctrl-C để dừng.")
    asyncio.run(_live(broker_host, port_of(line.data_dir, broker_port), enrolled, faults))


async def _live(host: str, port: int, enrolled: Any, faults: Any) -> None:
    from edge_agent.light.fleet import Fleet

    fleet = Fleet(host, port, enrolled.identities, enrolled.trust, faults=faults)
    living = asyncio.create_task(fleet.run())
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, living.cancel)
    telling = asyncio.create_task(_tell(fleet))
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await living
    finally:
        telling.cancel()


async def _tell(fleet: Any) -> None:
    said = ""
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        now = fleet.counts()
        line = (
            f"kết nối {now.connected}/{now.devices} · nghe đủ {now.whole} · đồng hồ dùng được {now.clocks}"
            f" · đang phát {sum(bool(device.playing) for device in fleet)} · nhật ký chờ {now.unacknowledged}"
        )
        if line != said:
            console.print(line, highlight=False)
            said = line
