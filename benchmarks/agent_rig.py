"""One real agent for the agent's benchmark: broker, a tap before the agent's socket, a small signing controller.

The tap is a loopback relay in front of the broker: it knows when the bytes of a plan were handed to the agent's socket.
What the agent did is read from outside: its capture file, its log, its receipts, `/proc`.
"""

import contextlib
import json
import re
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import av

from loa_protocol import topics
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import BoardItem, Broadcast, ContentSegment
from loa_protocol.topics import Family
from tests.acceptance.rig import LOOPBACK, broker_process, free_port, lone_agent, wait_for
from tests.fakes.lone_controller import COMMUNE, LoneController, SentContent, utc_now
from tests.fakes.player_sounds import speechlike

DEVICE = "loa-1"
BULLETIN_S = 180.0
SOUND_MS = 300
"""How long a measured broadcast sounds, also where the file behind it is a whole bulletin."""
RATE_HZ = 48_000
_BITRATE = 24_000
_PLAN_TOPIC = b"/plan/"
_LOG_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \w+ \S+ (.*)$", re.MULTILINE)
_WAKE_S = 0.2


class Added:
    """Whole lines of growing files, each read once: looking must cost the machine little while something is timed."""

    def __init__(self) -> None:
        self._read_bytes: dict[Path, int] = {}

    def lines(self, path: Path) -> list[str]:
        """Those that were not read yet."""
        done = self._read_bytes.get(path, 0)
        with path.open("rb") as opened:
            opened.seek(done)
            whole = opened.read().rpartition(b"\n")
        self._read_bytes[path] = done + len(whole[0]) + len(whole[1])
        return whole[0].decode(errors="replace").splitlines()


class Tap:
    """Relays one TCP port to another on loopback; notes when plans went to the client and when it subscribed.

    An instant is taken just before the bytes are written on.
    """

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listening.getsockname()[1]
        self.plans_ns: list[int] = []
        self.subscribed_ns: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tap", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the relay."""
        self._over.set()
        self._thread.join(5)
        self._listening.close()

    def _run(self) -> None:
        while not self._over.is_set():
            if not select.select([self._listening], [], [], _WAKE_S)[0]:
                continue
            client, _ = self._listening.accept()
            with client, socket.create_connection((LOOPBACK, self._to_port)) as broker, contextlib.suppress(OSError):
                for end in (client, broker):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._relay(client, broker)

    def _relay(self, client: socket.socket, broker: socket.socket) -> None:
        while not self._over.is_set():
            for end in select.select([client, broker], [], [], _WAKE_S)[0]:
                data = end.recv(262_144)
                if not data:
                    return
                if _PLAN_TOPIC in data:
                    (self.plans_ns if end is broker else self.subscribed_ns).append(time.monotonic_ns())
                (client if end is broker else broker).sendall(data)


class OneAgent:
    """A device with everything around it, in `folder`; use it as a context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        output: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        board: bool = False,
    ) -> None:
        self.folder, self.captured = folder, folder / "captured"
        folder.mkdir(parents=True, exist_ok=True)
        broker_port = free_port()
        self.broker = broker_process("mosquitto", folder, broker_port)
        self.broker.start()
        wait_for(lambda: _listens(broker_port), "the broker listens")
        self.tap = Tap(broker_port)
        self.controller = LoneController(broker_port, DEVICE)
        self.bundle, self.agent = lone_agent(
            folder,
            self.tap.port,
            self.controller.pinned_trust(),
            device=DEVICE,
            profile="generic-png-board" if board else "demo-speaker",
            output=dict(output or {"kind": "file", "path": str(self.captured)}),
            environment=dict(environment or {}),
        )
        self.bulletin_file = folder / "bulletin.ogg"
        self._added, self._began = Added(), dict[str, dict[str, int]]()
        self.asset = encoded(self.bulletin_file, BULLETIN_S)
        self.clip = encoded(folder / "clip.ogg", SOUND_MS / 1000)
        self.controller.assign(DeviceKind.BOARD if board else DeviceKind.SPEAKER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.agent.end()
        self.controller.close()
        self.tap.close()
        self.broker.end()

    def start(self) -> None:
        """Run the agent and give it its content; returns when it is ready."""
        self.agent.start()
        wait_for(self._ready, "the agent is ready")
        ahead = self.broadcast("later", in_s=590)
        self.send([ahead, self.clip_at("later-clip", utc_now() + timedelta(seconds=595))])
        self.controller.send_content(self.asset)
        self.controller.send_content(self.clip)
        topic = topics.scoped(Family.PLAN, COMMUNE)
        wait_for(lambda: topic in self.controller.states[-1].have, "the plan is held")
        wait_for(lambda: not self.controller.states[-1].missing, "the content is whole")

    def start_board(self) -> None:
        """Run a board's agent; returns when it shows a text."""
        self.agent.start()
        wait_for(self._ready, "the board is ready")
        start = utc_now()
        item = BoardItem(until=start + timedelta(seconds=60), text="Ngày mai có mưa to, bà con chú ý. " * 8)
        late = start + timedelta(seconds=20)
        self.send([Broadcast(id="text", start=start, latest_start=late, duration_ms=0, board=item)])
        wait_for(lambda: self.controller.states[-1].playing, "the board shows the text")

    def start_again(self) -> tuple[float, float]:
        """Run an agent that has its plan and content; ms until it was ready, and until the controller knew it.

        Ready: the plan is computed (which comes before), its topic is subscribed to, the player's output is open.
        """
        states, subscribed, files = self.controller.states, len(self.tap.subscribed_ns), set(self._captures())
        told_before, begin_ns = len(states), time.monotonic_ns()
        self.agent.start()
        deadline_ns = begin_ns + 30_000_000_000
        while not any(state.ready for state in states[told_before:]) and time.monotonic_ns() < deadline_ns:
            time.sleep(0.005)
        told_ns = time.monotonic_ns()
        fresh = next(path for path in self._captures() if path not in files)
        opened_ns = json.loads(fresh.read_text().splitlines()[0])["written_ns"]
        ready_ns = max(opened_ns, self.tap.subscribed_ns[subscribed])
        return (ready_ns - begin_ns) / 1e6, (told_ns - begin_ns) / 1e6

    def broadcast(self, name: str, *, in_s: float, sound_ms: int = SOUND_MS) -> Broadcast:
        """A broadcast of the bulletin, cut after `sound_ms`."""
        start = utc_now() + timedelta(seconds=in_s)
        return self._sounding(name, self.asset, start, late_s=20.0, duration_ms=sound_ms)

    def clip_at(self, name: str, start: datetime) -> Broadcast:
        """A broadcast of the short clip, whole, which must begin within 2 s of its start."""
        return self._sounding(name, self.clip, start, late_s=2.0, duration_ms=self.clip.duration_ms)

    def send(self, broadcasts: Sequence[Broadcast]) -> bytes:
        """A signed plan to the broker; gives its envelope."""
        plan = self.controller.make_plan(broadcasts, self.asset.manifest() | self.clip.manifest())
        return self.controller.send_plan(plan)

    def first_sample(self, name: str) -> dict[str, int] | None:
        """What the capture says of a broadcast's first sample; None before it is written."""
        for path in self._captures():
            for event in map(json.loads, self._added.lines(path)):
                if event["event"] == "began":
                    self._began[event["occurrence"]] = event
        return self._began.get(name)

    def stages_ns(self, received_ns: int) -> tuple[int, int]:
        """From the log, to a millisecond: when the plan was in force, and when the cue was handed to the player.

        For the newest plan only: what the log said before the last call is not read again.
        """
        lines = [(at, text) for at, text in self._logged() if at > received_ns - 1_000_000]
        in_force = next(at for at, text in lines if text.endswith("is in force"))
        return in_force, next(at for at, text in lines if " starts at " in text)

    def _logged(self) -> list[tuple[int, str]]:
        """What the agent's log has gained: (CLOCK_MONOTONIC ns, to a millisecond; message)."""
        shift_ns = time.monotonic_ns() - int(utc_now().timestamp() * 1e9)
        lines = _LOG_LINE.findall("\n".join(self._added.lines(self.agent.log)))
        return [(_local_ns(second, int(ms)) + shift_ns, message) for second, ms, message in lines]

    def processes(self) -> list[int]:
        """Process ids of the agent and everything it started."""
        return [self.agent.pid, *_descendants(self.agent.pid)]

    @staticmethod
    def _sounding(name: str, asset: SentContent, start: datetime, *, late_s: float, duration_ms: int) -> Broadcast:
        return Broadcast(
            id=name,
            start=start,
            latest_start=start + timedelta(seconds=late_s),
            duration_ms=duration_ms,
            segments=(ContentSegment(ref=asset.ref),),
            volume=80,
        )

    def _captures(self) -> list[Path]:
        return sorted(self.captured.glob("*.jsonl"))

    def _ready(self) -> bool:
        states = self.controller.states
        if not self.agent.alive:
            raise RuntimeError(f"the agent ended:\n{self.agent.tail()}")
        return bool(states) and states[-1].ready


def encoded(path: Path, seconds: float) -> SentContent:
    """A sound like speech, as the controller encodes them: Ogg Opus, mono, 24 kbit/s; named as its file."""
    samples = speechlike(seconds).reshape(1, -1)
    with av.open(str(path), "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=RATE_HZ, layout="mono")
        stream.bit_rate = _BITRATE
        for begin in range(0, samples.shape[1], RATE_HZ):
            frame = av.AudioFrame.from_ndarray(samples[:, begin : begin + RATE_HZ], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, begin
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return SentContent(path.stem, path, int(seconds * 1000))


def _local_ns(second: str, ms: int) -> int:
    return int(datetime.strptime(second, "%Y-%m-%d %H:%M:%S").astimezone().timestamp()) * 10**9 + ms * 10**6


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield int(child)
            yield from _descendants(int(child))
