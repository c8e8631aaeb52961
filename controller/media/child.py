"""The process that touches the hostile file: `python -m controller.media.child`, one job, then gone.

It is started as a limited child (`limited_process`), reads the order on standard input, works in its current folder,
and answers with one JSON line on standard output. It needs no network, no environment and no settings.
"""

import resource
import sys
from pathlib import Path

import msgspec

from controller.media.errors import MediaChildLimit, MediaError
from controller.media.intake import IntakeProfile
from controller.media.messages import Answer, Done, Encoded, Job, Refused


def answer(descriptor: int, profile: IntakeProfile) -> Answer:
    """Do the job in the current folder; every foreseen failure becomes a refusal."""
    try:
        return _done(descriptor, profile)
    except MediaError as error:
        details = {key: value for key, value in error.details.items() if isinstance(value, int | float | str | None)}
        return Refused(error.code, str(error), details)
    except MemoryError:
        return Refused(MediaChildLimit.code, "the sound needs more memory than a job may have", {})
    except OSError as error:
        return _refused_by_system(error)


def _done(descriptor: int, profile: IntakeProfile) -> Done:
    from controller.media import pipeline  # noqa: PLC0415  # the decoders load under the limits

    folder = Path.cwd()
    prepared = pipeline.run(descriptor, folder, profile)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Done(
        duration_ms=prepared.after.duration_ms,
        source=prepared.source,
        loudness_in_lufs=round(prepared.before.integrated_lufs, 2),
        loudness_lufs=round(prepared.after.integrated_lufs, 2),
        true_peak_dbtp=round(prepared.after.true_peak_dbtp, 2),
        encoded=tuple(
            Encoded(
                codec=encoding.codec,
                file_name=encoding.file_name,
                media_type=encoding.media_type,
                duration_ms=levels.duration_ms,
                loudness_lufs=round(levels.integrated_lufs, 2),
                true_peak_dbtp=round(levels.true_peak_dbtp, 2),
            )
            for encoding, levels in prepared.heard
        ),
        findings=prepared.findings,
        peak_rss_bytes=_peak_rss_bytes(),
        cpu_s=round(used.ru_utime + used.ru_stime, 2),
    )


def _peak_rss_bytes() -> int:
    """Of this program alone: getrusage would also count the parent's pages from before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _refused_by_system(error: OSError) -> Refused:
    """PyAV's errors are OSErrors where errno names one; the rest is a damaged file."""
    import errno  # noqa: PLC0415  # only needed where a limit was hit

    import av  # noqa: PLC0415  # the decoders load under the limits

    if error.errno in {errno.ENOMEM, errno.EFBIG, errno.EMFILE, errno.ENOSPC, errno.EDQUOT}:
        return Refused(MediaChildLimit.code, f"the sound needs more than a job may have ({error.strerror})", {})
    if isinstance(error, av.error.FFmpegError):
        return Refused("media_unreadable", f"the sound cannot be decoded ({error.strerror}); is it damaged?", {})
    raise error


def main() -> None:
    """Read the order, do the job, answer."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(answer(job.descriptor, job.profile)) + b"\n")


if __name__ == "__main__":
    main()
