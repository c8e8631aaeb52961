"""Intake by the ffmpeg program, for hosts whose own ffmpeg is to be used; the same pipeline and rules as by PyAV.

The passes follow each other in a thread; each is a limited child, and none outlives the call.
"""

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from controller.media import pipeline
from controller.media.errors import MediaBackendMissing, MediaError
from controller.media.ffmpeg_backend import FfmpegBackend
from controller.media.intake import DEFAULT_PROFILE, NO_COMPANIONS, IntakeProfile, IntakeResult, Progress
from controller.media.limited_child import stoppable
from controller.media.limited_process import ENVIRONMENT
from controller.media.messages import Answer, refused
from controller.media.progress import Steps
from controller.media.pyav_intake import timeout
from controller.media.workshop import Workshop


class FfmpegIntake:
    """Implements `Intake`; at most `jobs` sounds at a time, the others wait.

    Raises:
        MediaBackendMissing: on construction, if ffmpeg or ffprobe is not installed.
    """

    def __init__(self, *, jobs: int = 1, path: str = ENVIRONMENT["PATH"]) -> None:
        self._workshop = Workshop(jobs)
        self._programs = (_found("ffmpeg", path), _found("ffprobe", path))

    async def probe_and_encode(
        self,
        source: Path,
        job_dir: Path,
        profile: IntakeProfile = DEFAULT_PROFILE,
        progress: Progress | None = None,
        companions: Mapping[str, Path] = NO_COMPANIONS,
    ) -> IntakeResult:
        """As the port says."""
        return await self._workshop.take_in(source, job_dir, profile, progress, self._passes, companions=companions)

    async def _passes(self, descriptor: int, folder: Path, profile: IntakeProfile, steps: Steps) -> Answer:
        loop = asyncio.get_running_loop()

        def tell(share: float) -> None:
            loop.call_soon_threadsafe(steps, min(0.99, share))

        def work(stop: int) -> Answer:
            before_s = time.thread_time()
            backend = FfmpegBackend(self._programs, descriptor, folder, profile, stop)
            try:
                outcome = pipeline.run(backend, folder, profile, tell)
            except MediaError as error:
                return refused(error)
            return outcome.said(backend.peak_rss_bytes, backend.cpu_s + time.thread_time() - before_s)

        try:
            return await stoppable(work)
        except TimeoutError as error:
            raise timeout(profile) from error


def _found(program: str, path: str) -> str:
    found = shutil.which(program, path=path)
    if found is None:
        raise MediaBackendMissing(
            f"the program {program} is not installed in {path}; install ffmpeg, or set LOA_MEDIA_BACKEND=pyav",
            program=program,
        )
    return found
