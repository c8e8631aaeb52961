"""The line to the controller that most commands speak on: its options stand here, once for all of them."""

import inspect
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

from loa_cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from loa_cli.reporting import told

if TYPE_CHECKING:
    from loa_cli.client import Client

P = ParamSpec("P")
Url = Annotated[str | None, typer.Option("--url", help="The controller's address, if not the one of --data-dir.")]
Token = Annotated[str | None, typer.Option("--token", envvar="LOA_TOKEN", help="The API token, if not in --data-dir.")]


class Line:
    """What a command speaks on. `as_json`: whoever calls wants data instead of words."""

    def __init__(self, data_dir: Path, url: str | None, token: str | None, *, as_json: bool) -> None:
        self.data_dir, self.as_json = data_dir, as_json
        self._address = url, token
        self._client: Client | None = None

    @property
    def client(self) -> "Client":
        """The API; looked for when it is first needed, because some commands can do without.

        Raises:
            ApiUnreachable: no address is known, or the token may not be read.
        """
        from loa_cli.client import locate

        if self._client is None:
            self._client = locate(self.data_dir, *self._address)
        return self._client

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()


def _options(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """What `on_line` adds to a command."""


_ADDED = inspect.signature(_options).parameters


def on_line(command: Callable[Concatenate[Line, P], None]) -> Callable[..., None]:
    """Give a command its line as the first argument, and the options that say where it leads.

    Foreseen errors end the command with their message.
    """

    @wraps(command)
    def run(*, data_dir: Path, url: str | None, token: str | None, as_json: bool, **given: Any) -> None:
        with told(), closing(Line(data_dir, url, token, as_json=as_json)) as line:
            command(line, **given)  # type: ignore[call-arg]

    own = list(inspect.signature(command).parameters.values())[1:]
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    run.__signature__ = inspect.Signature([*named, *_ADDED.values()])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (*named, *_ADDED.values())}
    return run
