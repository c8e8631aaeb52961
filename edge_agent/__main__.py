"""Entry of the edge agent: reads the configuration, arms test points, lives until SIGTERM or SIGINT."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_agent.agent import Agent, Given
from edge_agent.clock import RealTime
from edge_agent.config import AgentConfig, environment_names, failpoint_settings, load_config, load_key
from edge_agent.profile import load_profile
from loa_protocol import failpoints
from loa_protocol.errors import LoaError

EXIT_REFUSED = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent; 0 after it was asked to end, 2 when it refuses to start (the reason is on standard error)."""
    parser = argparse.ArgumentParser(prog="loa agent", description="Run the edge agent of one device.")
    parser.add_argument("--config", type=Path, required=True, help="agent.yaml of the provisioning bundle")
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    options = parser.parse_args(argv)
    written = logging.StreamHandler()
    written.setLevel(options.log_level)  # what the controller is shown of the log does not depend on it
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    logging.basicConfig(level=options.log_level, format=form, handlers=[written])
    try:
        points, log = failpoint_settings()
        failpoints.arm(points, log)
        asyncio.run(run(load_config(options.config, environment_names())))
    except LoaError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return EXIT_REFUSED
    return 0


async def run(config: AgentConfig) -> None:
    """Live as the device of `config` until SIGTERM or SIGINT.

    Raises:
        AgentConfigInvalid, ProfileInvalid, ProfileNotFound, TrustRefused, StorageFailed: it cannot start.
    """
    given = Given(config, load_profile(config.profile), load_key(Path(config.key_file)), RealTime())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await Agent(given).run(stop)


if __name__ == "__main__":
    raise SystemExit(main())
