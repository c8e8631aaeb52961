"""How the HTTP server listens: every bound named, nothing told about itself, and no client that dawdles is waited for.

The server's own bounds are of connections, of a request's head, and of time between requests; what a request says after
its head is bounded by `controller/api/limits.py`. The address of a caller is the connection's, unless it comes from a
proxy that the settings name.
"""

import asyncio
import socket
from collections.abc import Collection

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from loa_protocol.errors import LoaError

BACKLOG = 512
MOST_CONNECTIONS = 1000
HEAD_BYTES = 32 * 1024
HEAD_S = 10.0
"""From a connection, or from the first byte of a next request, to the end of the request's head."""
IDLE_S = 10
CLOSING_S = 2


class PortTaken(LoaError):
    """Another program listens on the API's port."""

    code = "port_taken"


class PromptRequests(H11Protocol):
    """The protocol, with a time for the head of every request: who opens connections and says little is let go."""

    head_s = HEAD_S
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As the base; from now on a request is expected."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """As the base."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """As the base."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """One clock from the first byte of a head to its last; more bytes do not wind it up again."""
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._patience is None:
            self._patience = self.loop.call_later(self.head_s, self.transport.close)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; said to be TCP, for only there asyncio sends small answers without waiting for an ACK.

    Raises:
        PortTaken: another program listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"the API cannot listen on {host}:{port} ({error.strerror}); give another --port") from error
    listener.listen(BACKLOG)
    return listener


def server_of(app: ASGIApp, proxies: Collection[str] = ()) -> uvicorn.Server:
    """A server for one application, to be run on sockets that listen already."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=PromptRequests,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            limit_concurrency=MOST_CONNECTIONS,
            backlog=BACKLOG,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=CLOSING_S,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
    )
