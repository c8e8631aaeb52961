"""Which intake this controller uses, by its setting."""

from controller.media.intake import Intake
from controller.media.pyav_intake import PyAvIntake
from controller.runtime.settings import MediaBackend


def chosen(backend: MediaBackend, jobs: int) -> Intake:
    """The intake, for so many sounds at a time.

    Raises:
        MediaBackendMissing: the ffmpeg program was chosen and is not installed.
    """
    if backend is MediaBackend.PYAV:
        return PyAvIntake(jobs=jobs)
    from controller.media.ffmpeg_intake import FfmpegIntake  # noqa: PLC0415  # numpy is large, and only needed here

    return FfmpegIntake(jobs=jobs)
