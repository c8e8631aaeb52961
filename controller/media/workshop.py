"""What every intake does around its work: open the source, give it a folder, carry out what it made, clean up.

Nothing here decodes. The source is opened once and handed on as a descriptor; the renditions are moved out of the
working folder only when the answer is whole; the folder goes in every case.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import cast

from controller.media.errors import BY_CODE, MediaChildFailed, MediaEmpty, MediaTooLarge, MediaUnreadable
from controller.media.intake import Codec, IntakeProfile, IntakeResult, Progress, Rendition
from controller.media.messages import Answer, Done, Encoded, Refused
from controller.media.progress import Steps
from controller.runtime.waiting import unbroken

Work = Callable[[int, Path, IntakeProfile, Steps], Awaitable[Answer]]
"""Takes the open source, its working folder, the profile and whom to tell."""


class Workshop:
    """At most `jobs` sounds at a time, the others wait."""

    def __init__(self, jobs: int) -> None:
        self._slots = asyncio.Semaphore(jobs)

    async def take_in(
        self,
        source: Path,
        job_dir: Path,
        profile: IntakeProfile,
        progress: Progress | None,
        work: Work,
        *,
        companions: Mapping[str, Path],
    ) -> IntakeResult:
        """Do one job as `Intake` promises."""
        steps = Steps(progress or (lambda _: None))
        async with self._slots:
            descriptor = await asyncio.to_thread(_open, source, profile)
            try:
                taken = await _in_folder(job_dir, companions, lambda folder: work(descriptor, folder, profile, steps))
            finally:
                os.close(descriptor)
        steps(1.0)
        return taken


async def _in_folder(
    job_dir: Path, companions: Mapping[str, Path], work: Callable[[Path], Awaitable[Answer]]
) -> IntakeResult:
    made = not await asyncio.to_thread(job_dir.exists)
    await asyncio.to_thread(job_dir.mkdir, parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="work-", dir=job_dir))
    try:
        for name, path in companions.items():
            await asyncio.to_thread(shutil.copyfile, path, folder / name)
        done = _done(await work(folder))
        renditions = await asyncio.to_thread(_collect, done.encoded, folder, job_dir)
    except BaseException:
        await unbroken(asyncio.to_thread(_clear, folder, job_dir if made else None))
        raise
    await asyncio.to_thread(_clear, folder, None)
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
        waveform=done.waveform,
    )


def _done(said: Answer) -> Done:
    if isinstance(said, Refused):
        raise BY_CODE.get(said.code, MediaChildFailed)(said.message, **said.details)
    if not said.waveform.plausible():
        raise MediaChildFailed("the media process drew a picture that is none; report this file")
    return said


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


def _collect(encoded: tuple[Encoded, ...], folder: Path, job_dir: Path) -> tuple[Rendition, ...]:
    """Move the renditions out; the child's names are taken only as plain names of plain files."""
    checked: list[tuple[Encoded, Path, int, str]] = []
    for one in encoded:
        path = folder / one.file_name
        if Path(one.file_name).name != one.file_name or path.is_symlink() or not path.is_file():
            raise MediaChildFailed(f"the media process left no file {one.file_name!r}; report this file")
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        checked.append((one, path, path.stat().st_size, digest))
    return tuple(_moved(one, path, job_dir / one.file_name, size, digest) for one, path, size, digest in checked)


def _moved(one: Encoded, path: Path, final: Path, total_bytes: int, sha256: str) -> Rendition:
    path.replace(final)
    return Rendition(
        codec=cast("Codec", one.codec),
        path=final,
        total_bytes=total_bytes,
        media_type=one.media_type,
        sha256=sha256,
        duration_ms=one.duration_ms,
        loudness_lufs=one.loudness_lufs,
        true_peak_dbtp=one.true_peak_dbtp,
    )


def _clear(folder: Path, made_dir: Path | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if made_dir is not None:
        with contextlib.suppress(OSError):
            made_dir.rmdir()
