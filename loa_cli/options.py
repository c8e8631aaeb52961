"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="LOA_DATA_DIR", help="The controller's data folder.", show_default=True)
]
BrokerHost = Annotated[str, typer.Option("--broker-host", help="Where devices find the broker.")]
BrokerPort = Annotated[
    int | None,
    typer.Option("--broker-port", help="And on which port; default: that of --data-dir's embedded broker, or 1883."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]
DEFAULT_DATA_DIR = Path("var/controller")
