"""`loa serve`: the controller in one process, or some of its roles."""

import gc
from pathlib import Path
from typing import Annotated, Any

import typer

from loa_cli.options import DEFAULT_DATA_DIR, DataDir
from loa_cli.reporting import told


def serve(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    host: Annotated[
        str, typer.Option(help="Address of the API; beyond loopback only behind a proxy with https.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API; 0 takes a free one.")] = 8080,
    broker: Annotated[
        list[str] | None, typer.Option(help="“embedded” (default) or mqtt://host:port; several may be given.")
    ] = None,
    broker_port: Annotated[int, typer.Option(help="Port of the embedded broker; 0 takes a free one.")] = 1883,
    answer_deadline_s: Annotated[
        int, typer.Option(help="How long after its end a broadcast waits for answers before they are “unknown”.")
    ] = 120,
    roles: Annotated[str, typer.Option(help="Comma-separated roles of this process.")] = "all",
) -> None:
    """Run the controller: API, planner, publisher, ingest, jobs and, by default, the embedded broker."""
    gc.disable()  # the program stays: looking through it for garbage while it is loaded takes a quarter of the time
    from controller.runtime.process import run

    given: dict[str, Any] = {
        "data_dir": Path(data_dir),
        "http_host": host,
        "http_port": port,
        "broker_port": broker_port,
        "answer_deadline_s": answer_deadline_s,
    }
    if broker:
        given["brokers"] = tuple(broker)
    if roles != "all":
        given["roles"] = roles
    with told():
        run(given)
