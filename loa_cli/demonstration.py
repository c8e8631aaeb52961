"""`loa demo`: a whole commune to look at until Ctrl-C; with `--check` the whole line once, which ends by itself."""

import gc
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from loa_cli.options import AsJson
from loa_cli.processes import children, forget_environment
from loa_cli.reporting import EXIT_NOT_PLAYED, told


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where runs are kept, a folder each.")] = Path("var/demo"),
    check: Annotated[
        bool, typer.Option("--check", help="Play one bulletin on four devices, show every answer, and end.")
    ] = False,
    seconds_ahead: Annotated[float, typer.Option(help="With --check: how far ahead the bulletin is scheduled.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Run a demo commune until Ctrl-C: devices that play, a past week, people to sign in as by one-time links."""
    run = folder / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")  # noqa: TID251 - names a folder for people
    forget_environment()
    with told(), children(run / "logs") as family:
        if check:
            from loa_cli import demo_check

            if not demo_check.check(family, run, seconds_ahead, as_json=as_json):
                raise typer.Exit(EXIT_NOT_PLAYED)
        else:
            gc.disable()  # as in `loa serve`
            from loa_cli import demo_running

            gc.freeze()
            gc.enable()
            demo_running.stay(family, run, as_json=as_json)
