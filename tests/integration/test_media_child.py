"""The parent against its child: one that hangs, lies, dies or leaves children of its own harms nobody."""

import ast
import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from controller.media.child import answer
from controller.media.errors import (
    BY_CODE,
    MediaBackendMissing,
    MediaChildFailed,
    MediaChildLimit,
    MediaError,
    MediaTimeout,
)
from controller.media.intake import ChildLimits, IntakeProfile
from controller.media.pyav_intake import PyAvIntake
from tests.fakes import media_corpus as corpus

ENCODED = (
    '{{"codec":"opus","file_name":"{name}","media_type":"x","duration_ms":1,"loudness_lufs":0,"true_peak_dbtp":0}}'
)
DONE = (
    '{{"type":"done","duration_ms":1,"source":{{"container":"x","codec":"x","rate_hz":1,"channels":1}},'
    '"loudness_in_lufs":0,"loudness_lufs":0,"true_peak_dbtp":0,"encoded":[{encoded}],"findings":[],'
    '"peak_rss_bytes":1,"cpu_s":0}}'
)


def intake(script: str, *arguments: str) -> PyAvIntake:
    return PyAvIntake(command=(sys.executable, "-c", script, *arguments))


def gone(path: Path) -> bool:
    return not os.path.lexists(path)


async def failure(child: PyAvIntake, tmp_path: Path, wall_s: float = 20) -> MediaError:
    job_dir = tmp_path / "job"
    with pytest.raises(MediaError) as caught:
        await child.probe_and_encode(corpus.SPEECH, job_dir, IntakeProfile(limits=ChildLimits(wall_s=wall_s)))
    assert gone(job_dir)
    return caught.value


@pytest.mark.parametrize(
    "script",
    [
        "",
        "print('{}')",
        "print('not json')",
        "raise SystemExit(3)",
        "import os; os.abort()",
        "print('[' * 100000)",
        "print('x' * 5_000_000)",
        'print(\'{"type":"done"}\')',
        'print(\'{"type":"refused","code":"no_such_code","message":"?","details":{}}\')',
    ],
)
async def test_a_child_that_dies_or_talks_nonsense_is_a_clear_failure(script: str, tmp_path: Path) -> None:
    error = await failure(intake(script), tmp_path)

    assert isinstance(error, MediaChildFailed)


@pytest.mark.parametrize("name", ["../victim", "/etc/hostname", "link", "missing", ".", ""])
async def test_a_child_cannot_name_a_file_outside_its_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "victim").write_bytes(b"mine")
    script = (
        f"import os; os.symlink('/etc/hostname', 'link'); print({DONE.format(encoded=ENCODED.format(name=name))!r})"
    )

    with pytest.raises(MediaChildFailed):
        await intake(script).probe_and_encode(corpus.SPEECH, tmp_path / "job", IntakeProfile())

    assert [path.name for path in (tmp_path / "job").iterdir()] == ["victim"]


@pytest.mark.parametrize("low", [[0] * 5_000, [-300]], ids=["a huge one", "an impossible one"])
async def test_a_child_cannot_draw_any_picture_it_likes(low: list[int], tmp_path: Path) -> None:
    drawn = {"low": low, "high": [0] * len(low), "lufs": []}
    said = DONE.format(encoded="").removesuffix("}") + f',"waveform":{json.dumps(drawn)}}}'

    error = await failure(intake(f"print({said!r})"), tmp_path)

    assert isinstance(error, MediaChildFailed)
    assert "picture" in str(error)


async def test_a_child_killed_by_the_system_is_a_limit(tmp_path: Path) -> None:
    error = await failure(intake("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), tmp_path)

    assert isinstance(error, MediaChildLimit)


async def test_a_hanging_child_goes_with_its_whole_group(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    script = (
        "import subprocess, sys, time\n"
        "sleeper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(str(sleeper.pid))\n"
        "time.sleep(600)\n"
    )
    reading = asyncio.create_task(asyncio.to_thread((tmp_path / "fifo").read_text))

    error = await failure(intake(script, str(tmp_path / "fifo")), tmp_path, wall_s=1.5)

    assert isinstance(error, MediaTimeout)
    assert not alive(int(await reading))


async def test_a_cancelled_job_ends_its_child_and_leaves_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    script = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    child = intake(script, str(tmp_path / "fifo"))
    job = asyncio.create_task(child.probe_and_encode(corpus.SPEECH, tmp_path / "job", IntakeProfile()))
    process = int(await asyncio.to_thread((tmp_path / "fifo").read_text))

    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert not alive(process)
    assert gone(tmp_path / "job")


async def test_the_child_sees_no_environment_and_no_descriptor_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.open(corpus.SPEECH, os.O_RDONLY)
    monkeypatch.setenv("LOA_TEST_MARK", "seen")
    script = (
        "import os, sys\n"
        "seen = sorted(os.environ), len(os.listdir('/proc/self/fd')), os.getpgrp() == os.getpid()\n"
        "open(sys.argv[1], 'w').write(repr(seen))\n"
    )

    try:
        await failure(intake(script, str(tmp_path / "seen")), tmp_path)
    finally:
        os.close(other)

    names, descriptors, own_group = ast.literal_eval((tmp_path / "seen").read_text())
    assert set(names) <= {"LANG", "LC_CTYPE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "PYTHONPATH"}
    assert descriptors == 5, "standard three, the source, and the one that lists them"
    assert own_group


def test_memory_that_runs_out_is_a_refusal_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("controller.media.child._done", out_of_memory)

    said = answer(0, IntakeProfile())

    assert getattr(said, "code", None) == MediaChildLimit.code


def test_every_refusal_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in MediaError.__subclasses__() if kind.__module__ == "controller.media.errors"]

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert set(kinds) - set(BY_CODE.values()) == {MediaTimeout, MediaBackendMissing}


def alive(process: int) -> bool:
    """Whether a process still runs; one that ended but was not yet collected does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}
