"""The port through which every image and video enters: one file in, one rendition and facts out, or one clear refusal.

The parent never decodes: it looks at the first bytes, hands the open file to a limited, confined child, and carries out
what that has written when the answer is whole. The source is never changed; a refused file leaves nothing.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from controller.media.errors import MediaChildFailed, MediaChildLimit, MediaEmpty, MediaTimeout, MediaTooLarge
from controller.media.intake import ChildLimits, Progress
from controller.media.limited_process import Order
from controller.media.messages import Refused
from controller.media.pictures.errors import BY_CODE, PictureUnreadable
from controller.media.pictures.profile import DEFAULT_PROFILE, PictureAnswer, PictureDone, PictureOrder, PictureProfile
from controller.media.pictures.signatures import HEAD_BYTES, recognised
from controller.media.progress import Steps
from controller.media.python_child import ENVIRONMENT, ask, command
from controller.runtime.waiting import unbroken

_COMMAND = command("controller.media.pictures.child")
_ANSWERS: "msgspec.json.Decoder[PictureAnswer]" = msgspec.json.Decoder(PictureAnswer)


@dataclass(frozen=True, slots=True)
class PictureRendition:
    """The one file, in the job's folder."""

    codec: str
    path: Path
    total_bytes: int
    media_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PictureResult:
    """What was taken in."""

    done: PictureDone
    rendition: PictureRendition

    def facts(self) -> dict[str, Any]:
        """What is worth keeping beside the asset, ready for JSON."""
        done = self.done
        return {
            "source": done.source,
            "picture": {"width_px": done.width_px, "height_px": done.height_px, "frames": done.frames},
            "left_out": done.findings,
            "confined_by": list(done.confined_by),
            "cpu_s": done.cpu_s,
            "peak_rss_bytes": done.peak_rss_bytes,
        }


class PictureIntake:
    """At most `jobs` children at a time, the others wait."""

    def __init__(self, *, jobs: int = 1, command: tuple[str, ...] = _COMMAND) -> None:
        self._slots = asyncio.Semaphore(jobs)
        self._command = command

    async def take_in(
        self,
        source: Path,
        folder: Path,
        profile: PictureProfile = DEFAULT_PROFILE,
        progress: Progress | None = None,
    ) -> PictureResult:
        """Check, decode, write anew and verify `source`; the rendition lies in `folder`, which is made if needed.

        A cancelled call ends its process and leaves nothing behind.

        Raises:
            PictureError, MediaError: why it is refused; `folder` is empty.
        """
        async with self._slots:
            opened = await asyncio.to_thread(_open, source, profile)
            try:
                return await self._worked(opened, folder, profile, Steps(progress or (lambda _: None)))
            finally:
                os.close(opened.descriptor)

    async def _worked(self, opened: "_Opened", folder: Path, profile: PictureProfile, steps: Steps) -> PictureResult:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        room = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="work-", dir=folder))
        try:
            said = await self._asked(opened, room, profile, steps)
            if isinstance(said, Refused):
                raise BY_CODE.get(said.code, MediaChildFailed)(said.message, **said.details)
            result = PictureResult(said, await asyncio.to_thread(_collect, said, room, folder, profile))
        finally:
            await unbroken(asyncio.to_thread(shutil.rmtree, room, ignore_errors=True))
        steps(1.0)
        return result

    async def _asked(self, opened: "_Opened", room: Path, profile: PictureProfile, steps: Steps) -> PictureAnswer:
        limits: ChildLimits = profile.video_limits if opened.kind == "video" else profile.image_limits
        order = Order(
            command=self._command,
            folder=room,
            limits=limits,
            given=msgspec.json.encode(PictureOrder(opened.descriptor, opened.format, profile)),
            descriptors=(opened.descriptor,),
            environment=ENVIRONMENT,
        )
        try:
            return await ask(order, _ANSWERS, steps)
        except TimeoutError as error:
            raise MediaTimeout(
                f"the picture was not ready after {limits.wall_s:.0f} s; is the machine busy?"
            ) from error
        except MediaChildLimit as error:
            told = "the picture needs more memory, time or disk than a job may have; make it smaller"
            raise MediaChildLimit(told, **error.details) from error


@dataclass(frozen=True, slots=True)
class _Opened:
    descriptor: int
    kind: str
    format: str


def _open(source: Path, profile: PictureProfile) -> _Opened:
    """Never blocks on a pipe, never takes anything but a file."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PictureUnreadable(f"{source.name} cannot be opened ({error.strerror}); is it still there?") from error
    with _closed_on_error(descriptor):
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PictureUnreadable(f"{source.name} is not a file")
        if not found.st_size:
            raise MediaEmpty(f"{source.name} is empty; copy it again from its source")
        kind, name = recognised(os.pread(descriptor, HEAD_BYTES, 0))
        most = profile.max_video_bytes if kind == "video" else profile.max_image_bytes
        if found.st_size > most:
            raise MediaTooLarge(
                f"{source.name} has {found.st_size} bytes, {most} are allowed for {kind}s; make it smaller",
                total_bytes=found.st_size,
            )
    return _Opened(descriptor, kind, name)


@contextlib.contextmanager
def _closed_on_error(descriptor: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.close(descriptor)
        raise


def _collect(done: PictureDone, room: Path, folder: Path, profile: PictureProfile) -> PictureRendition:
    """Move the rendition out; the child's name is taken only as the plain name of a plain file."""
    path = room / done.file_name
    if Path(done.file_name).name != done.file_name or path.is_symlink() or not path.is_file():
        raise MediaChildFailed(f"the media process left no file {done.file_name!r}; report this file")
    size = path.stat().st_size
    if size > profile.max_rendition_bytes:
        raise MediaTooLarge(
            f"the {done.kind} made ready still has {size} bytes, {profile.max_rendition_bytes} are allowed; cut it",
            total_bytes=size,
        )
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    final = folder / done.file_name
    path.replace(final)
    return PictureRendition(done.codec, final, size, done.media_type, digest)
