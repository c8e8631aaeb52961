"""`loa agent`: the program on a receiver or at a board."""

from pathlib import Path
from typing import Annotated

import typer

from loa_cli.reporting import told


def agent(
    config: Annotated[Path, typer.Option("--config", help="The agent's configuration from its provisioning bundle.")],
) -> None:
    """Run the edge agent: listen, verify, fetch, play on time, write receipts."""
    from edge_agent.__main__ import main

    with told():
        code = main(["--config", str(config)])
    raise typer.Exit(code)
