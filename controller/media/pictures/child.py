"""The process that touches the hostile picture: `python -m controller.media.pictures.child`, one job, then gone.

As `controller.media.child`, and confined besides: everything is loaded first, then the kernel takes away the network,
other files and other programs (`confine`), and only then the first byte of the file is read.
"""

import errno
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import av
import msgspec

from controller.media.errors import MediaChildLimit
from controller.media.messages import Progress, Refused, refused
from controller.media.pictures import image, video
from controller.media.pictures.confine import confine
from controller.media.pictures.profile import PictureAnswer, PictureDone, PictureOrder
from controller.media.progress import Steps
from loa_protocol.errors import LoaError

_LIMITS = {errno.ENOMEM, errno.EFBIG, errno.EMFILE, errno.ENOSPC, errno.EDQUOT}
_NO_MEMORY = "the picture needs more memory than a job may have; make it smaller"


def answer(order: PictureOrder, confined_by: tuple[str, ...], peak: Callable[[], int]) -> PictureAnswer:
    """Do the job in the current folder; every foreseen failure becomes a refusal."""
    try:
        with os.fdopen(order.descriptor, "rb", closefd=False) as opened:
            done = _done(order, opened)
        used = resource.getrusage(resource.RUSAGE_SELF)
        return msgspec.structs.replace(
            done, confined_by=confined_by, peak_rss_bytes=peak(), cpu_s=used.ru_utime + used.ru_stime
        )
    except LoaError as error:
        return refused(error)
    except MemoryError:
        return Refused(MediaChildLimit.code, _NO_MEMORY, {})
    except OSError as error:
        return _refused_by_system(error)


def _done(order: PictureOrder, opened: BinaryIO) -> PictureDone:
    if order.format in video.FORMATS:
        return _video(order, opened)
    taken = image.take(opened, order.format, order.profile)
    path = image.write(taken.image, Path.cwd(), order.profile)
    return PictureDone(
        kind="image",
        file_name=path.name,
        codec="webp",
        media_type="image/webp",
        width_px=taken.image.width,
        height_px=taken.image.height,
        duration_ms=0,
        frames=1,
        source=taken.source,
        findings=taken.findings,
        confined_by=(),
        peak_rss_bytes=0,
        cpu_s=0.0,
    )


def _video(order: PictureOrder, opened: BinaryIO) -> PictureDone:
    path, film = video.take(opened, order.format, Path.cwd(), order.profile, Steps(lambda share: say(Progress(share))))
    return PictureDone(
        kind="video",
        file_name=path.name,
        codec="vp9",
        media_type="video/webm",
        width_px=film.size[0],
        height_px=film.size[1],
        duration_ms=film.duration_ms,
        frames=len(film.thumbs),
        source=film.source,
        findings=film.findings,
        confined_by=(),
        peak_rss_bytes=0,
        cpu_s=0.0,
    )


def _refused_by_system(error: OSError) -> Refused:
    """PyAV's errors are OSErrors where errno names one; the rest is a damaged file."""
    if error.errno in _LIMITS:
        return Refused(MediaChildLimit.code, f"the picture needs more than a job may have ({error.strerror})", {})
    if isinstance(error, av.error.FFmpegError):
        return Refused("picture_unreadable", f"the video cannot be decoded ({error.strerror}); is it damaged?", {})
    raise error


def say(said: msgspec.Struct) -> None:
    """One line to the parent."""
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


def _prepared(order: PictureOrder) -> Callable[[], int]:
    """Load what is loaded late, and open what is looked at in the end: the peak of this program's memory."""
    image.prepare()
    if order.format in video.FORMATS:
        video.prepare(Path.cwd())
    status = Path("/proc/self/status").open(encoding="ascii", errors="replace")  # noqa: SIM115 - open to the end

    def peak() -> int:
        status.seek(0)
        return 1024 * int(status.read().partition("VmHWM:")[2].split()[0])

    return peak


def main() -> None:
    """Read the order, load, be confined, do the job, answer."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=PictureOrder)
    peak = _prepared(order)
    held = confine(Path.cwd())
    say(answer(order, held, peak))


if __name__ == "__main__":
    main()
