"""Entry of the player process: settings from the command line, protocol on the standard streams.

Whatever a sound library prints goes to standard error; standard output is kept for the protocol alone.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from edge_agent.player.desk import Desk
from edge_agent.player.outputs.alsa import AlsaOutput
from edge_agent.player.outputs.capture import CaptureSink
from edge_agent.player.outputs.paced import NullSink, PacedOutput
from edge_agent.player.outputs.port import Output, Timing
from edge_agent.relay.rules import RelayRules

_SWITCH_INTERVAL_S = 0.001
_NICE = -11


def main(arguments: list[str] | None = None) -> int:
    """Run one player until its standard input ends."""
    options = _parser().parse_args(arguments)
    # The audio callback must get the interpreter back soon while the decoder works.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    # Sound goes before everything else on the machine, where the service is permitted to say so.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    protocol = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    desk = Desk(
        _output(options),
        sys.stdin.buffer,
        protocol,
        name=options.output,
        pid=os.getpid(),
        relay_rules=msgspec.json.decode(options.relay, type=RelayRules),
        relay_allow=tuple(options.relay_allow),
    )
    signal.signal(signal.SIGTERM, lambda *_: desk.end())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = desk.run()
    # Decoder threads and a device that hangs while closing must not delay silence.
    os._exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge_agent.player", description="Plays cues for the edge agent.")
    parser.add_argument("--output", choices=("alsa", "file", "null"), required=True)
    parser.add_argument("--device", default="default", help="ALSA device as PortAudio names it")
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--buffer-ms", type=int, default=20, help="what a card holds ahead, two blocks")
    parser.add_argument("--capture-dir", type=Path, help="folder of the file output")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="calibrated: heard this much later than told")
    parser.add_argument("--relay", default="{}", help="how streams are relayed, as the profile says it, in JSON")
    parser.add_argument("--relay-allow", action="append", default=[], help="a network that streams may come from")
    parser.add_argument("--extra-delay-ms", type=float, default=0.0, help="be late on purpose")
    return parser


def _output(options: argparse.Namespace) -> Output:
    timing = Timing(options.latency_ms, options.extra_delay_ms)
    if options.output == "alsa":
        return AlsaOutput(options.device, timing=timing, buffer_ms=options.buffer_ms, channels=options.channels)
    if options.output == "null":
        return PacedOutput(NullSink(), timing=timing)
    if options.capture_dir is None:
        raise SystemExit("--output file needs --capture-dir")
    sink = CaptureSink(options.capture_dir, wall_ns=time.time_ns, monotonic_ns=time.monotonic_ns)
    return PacedOutput(sink, timing=timing)


if __name__ == "__main__":
    raise SystemExit(main())
