"""One limited child process, followed from its start to its end in a thread of its own.

It has its own process group, a closed environment, only the descriptors it was given, and limits that hold from its
first instruction on. Its pipes are plain descriptors of ours, closed when it ends: no process that it leaves behind,
in its group or out of it, can hold a job or a descriptor. What it prints is bounded.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from controller.media.intake import ChildLimits

ENVIRONMENT: Mapping[str, str] = MappingProxyType({"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"})
_BECOME = str(Path(__file__).with_name("limited_exec.py"))
_KILL_S = 5.0
_LINGER_S = 1.0
_LOOK_S = 0.1
_READ_BYTES = 65_536
_KEPT_BYTES = 256 * 1024
_PRINTED_BYTES = 16 * 1024 * 1024
_LIMIT_SIGNALS = frozenset({signal.SIGXCPU, signal.SIGXFSZ, signal.SIGKILL})

Heard = Callable[[bytes], object]
"""Takes one line of standard output, without its end."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, where, with what. `given` (at most 64 KiB) is standard input; `descriptors` keep their numbers."""

    command: tuple[str, ...]
    folder: Path
    limits: ChildLimits
    given: bytes = b""
    descriptors: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. `status` is its exit status, or minus the signal that killed it.

    `said` and `complaint` are the last 256 KiB of standard output and standard error; `cpu_s` is the processor time of
    the child and of those of its children that it waited for; `peak_rss_bytes` its highest resident memory, as far as
    it was looked at (whenever it said something).
    """

    status: int
    said: bytes
    complaint: str
    cpu_s: float
    peak_rss_bytes: int

    @property
    def limit_signal(self) -> signal.Signals | None:
        """The signal by which a limit ended the child, if one did."""
        return signal.Signals(-self.status) if -self.status in _LIMIT_SIGNALS else None


class Pipe:
    """Both ends of a pipe; each is closed once, at the latest with `open_here`."""

    def __init__(self, open_here: contextlib.ExitStack) -> None:
        self.reading, self.writing = os.pipe()
        self._open = {self.reading, self.writing}
        open_here.callback(self.close, self.reading)
        open_here.callback(self.close, self.writing)

    def close(self, end: int) -> None:
        """Close one end if it is open."""
        if end in self._open:
            self._open.remove(end)
            os.close(end)

    def fill(self, data: bytes) -> None:
        """Put everything in and close; the pipe holds it until its reader wants it."""
        os.set_blocking(self.writing, False)
        if data and os.write(self.writing, data) < len(data):
            raise ValueError(f"{len(data)} bytes are too many for the standard input of a limited child")
        self.close(self.writing)


def follow(order: Order, stop: int, heard: Heard) -> Ended:
    """Run a child until it ends, prints too much (then it is killed), or the other end of `stop` is closed.

    `heard` is called in this thread. In every case the child is collected and its group is killed.

    Raises:
        TimeoutError: it ran for longer than `order.limits.wall_s`.
        OSError: it could not be started.
    """
    with contextlib.ExitStack() as open_here:
        pipes = [Pipe(open_here) for _ in range(3)]
        said, complaint = _Output(pipes[1].reading, heard), _Output(pipes[2].reading, None)
        process = _spawn(order, pipes)
        memory = _Memory(process.pid)
        try:
            watch = os.pidfd_open(process.pid)
            open_here.callback(os.close, watch)
            _listen((said, complaint), (watch, stop), order.limits.wall_s, memory.look)
        finally:
            cpu_s = _killed(process)
            with contextlib.suppress(TimeoutError):
                _listen((said, complaint), (), _LINGER_S)
    return Ended(process.returncode, said.kept(), complaint.kept().decode("utf-8", "replace"), cpu_s, memory.peak_bytes)


def _spawn(order: Order, pipes: list[Pipe]) -> "subprocess.Popen[bytes]":
    given, said, complaint = pipes
    given.fill(order.given)
    names = ("address_space_bytes", "cpu_s", "file_bytes", "open_files")
    limits = [f"{name}={getattr(order.limits, name)}" for name in names]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", _BECOME, f"parent={os.getpid()}", *limits, "--", *order.command],
        stdin=given.reading,
        stdout=said.writing,
        stderr=complaint.writing,
        cwd=order.folder,
        env=dict(order.environment),
        pass_fds=order.descriptors,
        start_new_session=True,
    )
    for pipe, end in ((given, given.reading), (said, said.writing), (complaint, complaint.writing)):
        pipe.close(end)
    return process


class _Output:
    """What a child prints: the end of it is kept, its lines are passed on."""

    def __init__(self, reading: int, heard: Heard | None) -> None:
        os.set_blocking(reading, False)
        self.reading = reading
        self.total = 0
        self.ended = False
        self._heard = heard
        self._kept = bytearray()
        self._line = bytearray()

    def kept(self) -> bytes:
        """The last of it."""
        return bytes(self._kept[-_KEPT_BYTES:])

    def read(self) -> None:
        """Take what is there."""
        try:
            got = os.read(self.reading, _READ_BYTES)
        except BlockingIOError:
            return
        self.ended = not got
        self.total += len(got)
        self._kept += got
        if len(self._kept) > 2 * _KEPT_BYTES:
            del self._kept[:-_KEPT_BYTES]
        if self._heard is not None:
            *lines, self._line = (self._line + got).split(b"\n")
            for line in lines:
                self._heard(bytes(line))
            del self._line[_KEPT_BYTES:]


class _Memory:
    """The highest resident memory of a process, looked at now and then."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._next_s = 0.0
        self.peak_bytes = 0

    def look(self) -> None:
        """Ten times a second at most."""
        if (now_s := time.monotonic()) < self._next_s:
            return
        self._next_s = now_s + _LOOK_S
        with contextlib.suppress(OSError, ValueError, IndexError):
            peak = self._status.read_text(encoding="ascii", errors="replace").partition("VmHWM:")[2].split()[0]
            self.peak_bytes = max(self.peak_bytes, 1024 * int(peak))


def _listen(
    outputs: tuple[_Output, ...], until: tuple[int, ...], seconds: float, look: Callable[[], None] = lambda: None
) -> None:
    """Read until one of `until` speaks, all outputs have ended or are too much; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for output in outputs:
            if not output.ended:
                selector.register(output.reading, selectors.EVENT_READ, output)
        for end in until:
            selector.register(end, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready and time.monotonic() >= deadline:
                raise TimeoutError
            look()
            for key, _ in ready:
                if key.data is None:
                    return
                key.data.read()
                if key.data.ended:
                    selector.unregister(key.fileobj)
            if any(output.total > _PRINTED_BYTES for output in outputs):
                return


def _killed(process: "subprocess.Popen[bytes]") -> float:
    """Kill the group and collect the process; gives its processor time in s.

    The group is killed before its leader is collected, so that its number cannot be anybody else's yet.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + _KILL_S
    while time.monotonic() < deadline:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return used.ru_utime + used.ru_stime
        time.sleep(0.002)
    process.returncode = -signal.SIGKILL  # held in the kernel by a dead disk: nobody can do more
    return 0.0
