"""The process that touches the hostile file: `python -m controller.media.child`, one job, then gone.

It is started as a limited child (`limited_process`), reads the order on standard input, works in its current folder,
and says JSON lines on standard output: progress, then one answer. It needs no network, no environment, no settings.
"""

import errno
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from controller.media.errors import MediaChildLimit
from controller.media.intake import IntakeProfile
from controller.media.messages import Answer, Done, Job, Progress, Refused, refused
from controller.media.progress import Steps
from loa_protocol.errors import LoaError

T = TypeVar("T")

_LIMITS = {errno.ENOMEM, errno.EFBIG, errno.EMFILE, errno.ENOSPC, errno.EDQUOT}


def answer(descriptor: int, profile: IntakeProfile) -> Answer:
    """Do the job in the current folder."""
    return answered(lambda: _done(descriptor, profile))


def answered(work: Callable[[], T]) -> T | Refused:
    """What a child does; every foreseen failure becomes a refusal."""
    try:
        return work()
    except LoaError as error:
        return refused(error)
    except MemoryError:
        return Refused(MediaChildLimit.code, "the sound needs more memory than a job may have", {})
    except OSError as error:
        return _refused_by_system(error)


def _done(descriptor: int, profile: IntakeProfile) -> Done:
    from controller.media import pipeline, pyav_backend  # noqa: PLC0415  # what answers a refusal needs no decoder

    backend = pyav_backend.PyAvBackend(descriptor, profile)
    outcome = pipeline.run(backend, Path.cwd(), profile, Steps(lambda share: say(Progress(share))))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return outcome.said(_peak_rss_bytes(), used.ru_utime + used.ru_stime)


def _peak_rss_bytes() -> int:
    """Of this program alone: getrusage would also count the parent's pages from before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _refused_by_system(error: OSError) -> Refused:
    """PyAV's errors are OSErrors where errno names one; the rest is a damaged file."""
    import av  # noqa: PLC0415  # what answers a refusal needs no decoder

    if error.errno in _LIMITS:
        return Refused(MediaChildLimit.code, f"the sound needs more than a job may have ({error.strerror})", {})
    if isinstance(error, av.error.FFmpegError):
        return Refused("media_unreadable", f"the sound cannot be decoded ({error.strerror}); is it damaged?", {})
    raise error


def say(said: msgspec.Struct) -> None:
    """One line to the parent."""
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Read the order, do the job, answer."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    say(answer(job.descriptor, job.profile))


if __name__ == "__main__":
    main()
