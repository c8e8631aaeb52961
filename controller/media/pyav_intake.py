"""Intake by PyAV in a limited child process per job: own process group, closed environment, wall timeout.

The parent never decodes. It opens the source, hands over the descriptor, reads one bounded answer, and moves the
renditions out of the child's working folder only when that answer is whole; the folder goes in every case.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import Literal, cast

import msgspec

from controller.media.errors import (
    BY_CODE,
    MediaChildFailed,
    MediaChildLimit,
    MediaEmpty,
    MediaTimeout,
    MediaTooLarge,
    MediaUnreadable,
)
from controller.media.intake import DEFAULT_PROFILE, IntakeProfile, IntakeResult, Progress, Rendition
from controller.media.limited_child import run
from controller.media.limited_process import ENVIRONMENT, Ended, Order
from controller.media.messages import Answer, Done, Encoded, Job, Refused

_ROOT = Path(__file__).resolve().parents[2]
_COMMAND = (sys.executable, "-P", "-s", "-B", "-m", "controller.media.child")
_ENVIRONMENT = {
    **ENVIRONMENT,
    "PYTHONPATH": str(_ROOT),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class PyAvIntake:
    """Implements `Intake`; at most `jobs` children at a time, the others wait."""

    def __init__(self, *, jobs: int = 1, command: tuple[str, ...] = _COMMAND) -> None:
        self._slots = asyncio.Semaphore(jobs)
        self._command = command

    async def probe_and_encode(
        self,
        source: Path,
        job_dir: Path,
        profile: IntakeProfile = DEFAULT_PROFILE,
        progress: Progress | None = None,
    ) -> IntakeResult:
        """As the port says."""
        async with self._slots:
            descriptor = await asyncio.to_thread(_open, source, profile)
            try:
                taken = await self._in_working_folder(descriptor, job_dir, profile)
            finally:
                os.close(descriptor)
        if progress is not None:
            progress(1.0)
        return taken

    async def _in_working_folder(self, descriptor: int, job_dir: Path, profile: IntakeProfile) -> IntakeResult:
        made = not await asyncio.to_thread(job_dir.exists)
        await asyncio.to_thread(job_dir.mkdir, parents=True, exist_ok=True)
        work = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="work-", dir=job_dir))
        try:
            done = await self._ask_child(descriptor, work, profile)
            renditions = await asyncio.to_thread(_collect, done.encoded, work, job_dir)
        except BaseException:
            _clear(work, job_dir if made else None)
            raise
        await asyncio.to_thread(_clear, work, None)
        return IntakeResult(
            duration_ms=done.duration_ms,
            source=done.source,
            loudness_in_lufs=done.loudness_in_lufs,
            loudness_lufs=done.loudness_lufs,
            true_peak_dbtp=done.true_peak_dbtp,
            renditions=renditions,
            findings=done.findings,
            peak_rss_bytes=done.peak_rss_bytes,
            cpu_s=done.cpu_s,
        )

    async def _ask_child(self, descriptor: int, work: Path, profile: IntakeProfile) -> Done:
        order = Order(
            command=self._command,
            folder=work,
            limits=profile.limits,
            given=msgspec.json.encode(Job(descriptor, profile)),
            descriptors=(descriptor,),
            environment=_ENVIRONMENT,
        )
        try:
            ended = await run(order)
        except TimeoutError as error:
            raise MediaTimeout(
                f"the sound was not ready after {profile.limits.wall_s:.0f} s; is it very long, or the machine busy?"
            ) from error
        return _understood(ended)


def _understood(ended: Ended) -> Done:
    if ended.limit_signal is not None:
        raise MediaChildLimit(
            f"the sound needs more than a job may have ({ended.limit_signal.name}); cut it or convert it",
            signal=int(ended.limit_signal),
        )
    try:
        found: Answer = msgspec.json.decode(ended.said, type=Answer) if ended.status == 0 else _nothing(ended.status)
    except msgspec.MsgspecError as error:
        raise MediaChildFailed(
            f"the media process ended with status {ended.status}; report this file",
            status=ended.status,
            complaint=ended.complaint[-2000:],
        ) from error
    if isinstance(found, Refused):
        kind = BY_CODE.get(found.code, MediaChildFailed)
        raise kind(found.message, **found.details)
    return found


def _nothing(status: int) -> Answer:
    raise msgspec.DecodeError(f"no answer, status {status}")


def _open(source: Path, profile: IntakeProfile) -> int:
    """Open the source for reading; never blocks on a pipe, never takes anything but a file."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise MediaUnreadable(f"{source.name} cannot be opened ({error.strerror}); is it still there?") from error
    try:
        _check_file(source.name, os.fstat(descriptor), profile)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_file(name: str, found: os.stat_result, profile: IntakeProfile) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise MediaUnreadable(f"{name} is not a file")
    if not found.st_size:
        raise MediaEmpty(f"{name} is empty; copy it again from its source")
    if found.st_size > profile.max_source_bytes:
        raise MediaTooLarge(
            f"{name} has {found.st_size} bytes, {profile.max_source_bytes} are allowed; convert it to mp3",
            total_bytes=found.st_size,
        )


def _collect(encoded: tuple[Encoded, ...], work: Path, job_dir: Path) -> tuple[Rendition, ...]:
    """Move the renditions out; the child's names are taken only as plain names of plain files."""
    checked: list[tuple[Encoded, Path, int, str]] = []
    for one in encoded:
        path = work / one.file_name
        if Path(one.file_name).name != one.file_name or path.is_symlink() or not path.is_file():
            raise MediaChildFailed(f"the media process left no file {one.file_name!r}; report this file")
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        checked.append((one, path, path.stat().st_size, digest))
    return tuple(_moved(one, path, job_dir / one.file_name, size, digest) for one, path, size, digest in checked)


def _moved(one: Encoded, path: Path, final: Path, total_bytes: int, sha256: str) -> Rendition:
    path.replace(final)
    return Rendition(
        codec=cast("Literal['opus', 'mp3']", one.codec),
        path=final,
        total_bytes=total_bytes,
        media_type=one.media_type,
        sha256=sha256,
        duration_ms=one.duration_ms,
        loudness_lufs=one.loudness_lufs,
        true_peak_dbtp=one.true_peak_dbtp,
    )


def _clear(work: Path, made_dir: Path | None) -> None:
    shutil.rmtree(work, ignore_errors=True)
    if made_dir is not None:
        with contextlib.suppress(OSError):
            made_dir.rmdir()
