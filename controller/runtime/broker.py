"""The embedded broker: iotcore in a child process, on loopback only, for one commune and for tests.

It keeps nothing over its death, which is fine: the publisher brings every document back. The child ends when this
process does, however it ends; where the child dies alone it is started again on the same port.
"""

import asyncio
import json
import logging
import socket
from contextlib import suppress
from pathlib import Path

from iotcore.broker import Broker

from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
MAX_PAYLOAD_BYTES = 400_000
"""Above an envelope (256 KiB) and a content frame; the broker's own default of 20 KB would cut plans off."""
MAX_CONNECTIONS = 20_000
MAX_INFLIGHT = 500
_START_TRIES = 40
_RETRY_S = 0.25
_WATCH_S = 0.25


class BrokerNotStarted(LoaError):
    """The embedded broker cannot listen."""

    code = "broker_not_started"


class EmbeddedBroker:
    """One broker process; `port` is known after `start`."""

    def __init__(self, port: int, announce: Path) -> None:
        self.port = port
        self._announce = announce
        self._broker: Broker | None = None

    async def start(self) -> None:
        """Listen and write `{host, port}` to the announcement file.

        Raises:
            BrokerNotStarted: the port stays taken.
        """
        self.port = self.port or _free_port()
        await self._start_child()
        await asyncio.to_thread(self._announce.write_text, json.dumps({"host": LOOPBACK, "port": self.port}))

    async def watch(self) -> None:
        """Start it again whenever it has died; runs until cancelled."""
        while True:
            await asyncio.sleep(_WATCH_S)
            if self._broker is not None and not self._broker.is_running:
                log.error("the embedded broker died; starting it again on port %d", self.port)
                await asyncio.to_thread(self._broker.stop)
                with suppress(BrokerNotStarted):
                    await self._start_child()

    async def stop(self) -> None:
        """End the process."""
        if self._broker is not None:
            await asyncio.to_thread(self._broker.stop)
        await asyncio.to_thread(self._announce.unlink, missing_ok=True)

    async def _start_child(self) -> None:
        """A predecessor killed a moment ago may hold the port for a little while."""
        for _ in range(_START_TRIES):
            broker = Broker(
                self.port,
                LOOPBACK,
                max_payload_size=MAX_PAYLOAD_BYTES,
                max_connections=MAX_CONNECTIONS,
                max_inflight_count=MAX_INFLIGHT,
            )
            try:
                await asyncio.to_thread(broker.start)
            except (OSError, RuntimeError) as error:
                reason = str(error)
                await asyncio.sleep(_RETRY_S)
            else:
                self._broker = broker
                log.info("embedded broker on %s:%d; it speaks to this machine only", LOOPBACK, self.port)
                return
        raise BrokerNotStarted(f"the embedded broker cannot use port {self.port} ({reason}); give another broker_port")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
