"""Which intake this controller uses, and what it does to every sound, by its settings."""

from controller.media.intake import Intake
from controller.media.pyav_intake import PyAvIntake
from controller.media.wishes import IntakeWishes
from controller.runtime.settings import MediaBackend, Settings


def usual(settings: Settings) -> IntakeWishes:
    """What every sound gets at this station of which nothing else is wished."""
    return IntakeWishes(
        loudness_lufs=settings.loudness_lufs,
        true_peak_dbtp=settings.true_peak_dbtp,
        speech_bits_per_s=settings.speech_bits_per_s,
        high_pass_hz=settings.horn_high_pass_hz,
        presence_db=settings.horn_presence_db,
    )


def chosen(backend: MediaBackend, jobs: int) -> Intake:
    """The intake, for so many sounds at a time.

    Raises:
        MediaBackendMissing: the ffmpeg program was chosen and is not installed.
    """
    if backend is MediaBackend.PYAV:
        return PyAvIntake(jobs=jobs)
    from controller.media.ffmpeg_intake import FfmpegIntake  # noqa: PLC0415  # numpy is large, and only needed here

    return FfmpegIntake(jobs=jobs)
