"""The limited child: its limits hold, nothing it does outlives the call, and no descriptor stays open."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from controller.media.intake import ChildLimits
from controller.media.limited_child import run
from controller.media.limited_process import Ended, Order

LEAVES = (
    "import os, subprocess, sys, time\n"
    "away = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
    "print(away.pid, flush=True)\n"
)


def order(folder: Path, script: str, *, given: bytes = b"", wall_s: float = 30, **limits: int) -> Order:
    return Order((sys.executable, "-c", script), folder, ChildLimits(wall_s=wall_s, **limits), given)


def descriptors() -> set[str]:
    """Every open descriptor and what it is open on."""
    open_now = set()
    for one in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):
            open_now.add(f"{one.name} {one.readlink()}")
    return {one for one in open_now if "/fd" not in one}


def exists(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_input_output_status_and_processor_time_are_told(tmp_path: Path) -> None:
    script = (
        "import sys\nprint(sys.stdin.read()[::-1])\nprint('oh', file=sys.stderr)\nsum(range(3_000_000))\nsys.exit(7)\n"
    )
    lines: list[bytes] = []

    ended = await run(order(tmp_path, script, given=b"olleh"), lines.append)

    assert (ended.status, ended.said, ended.complaint, ended.limit_signal) == (7, b"hello\n", "oh\n", None)
    assert lines == [b"hello"]
    assert 0.02 < ended.cpu_s < 10


@pytest.mark.parametrize("way", ["ends", "hangs", "cancelled"])
async def test_a_process_that_left_the_group_and_keeps_the_pipes_holds_nothing(way: str, tmp_path: Path) -> None:
    before = descriptors()
    away: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    script = LEAVES + ("" if way == "ends" else "time.sleep(60)\n")
    job = asyncio.create_task(
        run(order(tmp_path, script, wall_s=1 if way == "hangs" else 30), lambda line: away.set_result(int(line)))
    )
    holder = await away
    if way == "cancelled":
        job.cancel()
    done = (await asyncio.gather(job, return_exceptions=True))[0]

    expected = {"ends": Ended, "hangs": TimeoutError, "cancelled": asyncio.CancelledError}
    held_by_it = exists(holder)
    os.kill(holder, signal.SIGKILL)
    gc.collect()
    assert held_by_it, "the process that left died with the group, so this test proves nothing"
    assert isinstance(done, expected[way])
    assert descriptors() == before


async def test_an_error_of_the_listener_ends_the_child_and_is_raised(tmp_path: Path) -> None:
    pids: list[int] = []

    def heard(line: bytes) -> None:
        pids.append(int(line))
        raise LookupError("no")

    with pytest.raises(LookupError):
        await run(order(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(60)"), heard)

    assert not exists(pids[0])


async def test_cancelled_again_while_it_ends_the_child_is_dead_all_the_same(tmp_path: Path) -> None:
    before = descriptors()
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    job = asyncio.create_task(run(order(tmp_path, script), lambda line: pid.set_result(int(line))))
    await pid

    for _ in range(3):
        job.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await job

    assert not exists(pid.result())
    assert descriptors() == before


async def test_a_child_that_prints_without_end_is_killed_and_needs_no_memory_of_ours(tmp_path: Path) -> None:
    ended = await run(order(tmp_path, "while True: print('x' * 100_000)"), lambda _: None)

    assert ended.limit_signal is signal.SIGKILL
    assert len(ended.said) <= 256 * 1024


async def test_a_program_that_does_not_exist_is_said(tmp_path: Path) -> None:
    ended = await run(Order(("no-such-program-of-loa",), tmp_path, ChildLimits()))

    assert ended.status == 1
    assert "FileNotFoundError" in ended.complaint


async def test_a_folder_that_does_not_exist_leaves_no_descriptor(tmp_path: Path) -> None:
    before = descriptors()

    with pytest.raises(OSError, match="nowhere"):
        await run(order(tmp_path / "nowhere", ""))

    assert descriptors() == before


async def test_more_input_than_a_pipe_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too many"):
        await run(order(tmp_path, "", given=bytes(1 << 20)))


@pytest.mark.parametrize(
    ("script", "said_or_signal"),
    [
        ("try: bytearray(512 << 20)\nexcept MemoryError: print('memory')", "memory"),
        ("import os\ntry: [os.dup(0) for _ in range(40)]\nexcept OSError: print('files')", "files"),
        ("import resource; print(resource.getrlimit(resource.RLIMIT_CORE))", "(0, 0)"),
        ("while True: pass", signal.SIGXCPU),
        (
            "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('big', 'wb').write(bytes(1 << 20))",
            signal.SIGXFSZ,
        ),
    ],
    ids=["memory", "files", "core", "processor", "disk"],
)
async def test_limits_hold_from_the_start(script: str, said_or_signal: object, tmp_path: Path) -> None:
    given = order(tmp_path, script, address_space_bytes=256 << 20, open_files=16, cpu_s=1, file_bytes=100_000)

    ended = await run(given)

    assert said_or_signal in {ended.said.decode().strip(), ended.limit_signal}


async def test_many_children_at_once_leave_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    before, threads = descriptors(), set(threading.enumerate())

    ended = await asyncio.gather(*(run(order(tmp_path, f"print({n})")) for n in range(8)))

    assert [int(one.said) for one in ended] == list(range(8))
    assert descriptors() == before
    for thread in set(threading.enumerate()) - threads:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive() or thread.name.startswith("asyncio")
