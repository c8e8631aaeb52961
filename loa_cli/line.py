"""The line to the controller that most commands speak on: its options stand here, once for all of them."""

import inspect
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

from loa_cli.kept_sessions import DEFAULT
from loa_cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from loa_cli.reporting import told

if TYPE_CHECKING:
    from loa_cli.client import Client

P = ParamSpec("P")
Url = Annotated[str | None, typer.Option("--url", help="The controller's address, if not the one of --data-dir.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="LOA_TOKEN", help="By what to ask, if not as who signed in.")
]
Sessions = Annotated[
    Path, typer.Option("--session-file", envvar="LOA_SESSION_FILE", help="Where “loa sign-in” keeps sessions.")
]


class Line:
    """What a command speaks on. `as_json`: whoever calls wants data instead of words."""

    def __init__(
        self, data_dir: Path, url: str | None, token: str | None, session_file: Path = DEFAULT, *, as_json: bool
    ) -> None:
        self.data_dir, self.as_json, self.session_file = data_dir, as_json, session_file
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
            self._client = locate(self.data_dir, *self._address, self.session_file)
        return self._client

    def stranger(self) -> "Client":
        """The API for who has not signed in; what is asked next goes this way.

        Raises:
            ApiUnreachable: no address is known.
        """
        from loa_cli.client import Client, address_of

        self.close()
        self._client = Client(self._address[0] or address_of(self.data_dir))
        return self._client

    def turn_to(self, url: str) -> None:
        """Speak with another controller from now on, as who has not signed in there."""
        self._address = url, None
        self.stranger()

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()


def _options(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    session_file: Sessions = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """What `on_line` adds to a command."""


_ADDED = inspect.signature(_options).parameters


def on_line(command: Callable[Concatenate[Line, P], None]) -> Callable[..., None]:
    """Give a command its line as the first argument, and the options that say where it leads.

    Foreseen errors end the command with their message.
    """

    @wraps(command)
    def run(
        *, data_dir: Path, url: str | None, token: str | None, session_file: Path, as_json: bool, **given: Any
    ) -> None:
        with told(), closing(Line(data_dir, url, token, session_file, as_json=as_json)) as line:
            command(line, **given)  # type: ignore[call-arg]

    own = list(inspect.signature(command).parameters.values())[1:]
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    run.__signature__ = inspect.Signature([*named, *_ADDED.values()])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (*named, *_ADDED.values())}
    return run
