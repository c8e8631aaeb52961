"""Intake by PyAV in a limited child process per job. The parent never decodes; it reads lines that it checks."""

import contextlib
import sys
from pathlib import Path

import msgspec

from controller.media.errors import MediaChildFailed, MediaChildLimit, MediaTimeout
from controller.media.intake import DEFAULT_PROFILE, IntakeProfile, IntakeResult
from controller.media.intake import Progress as Told
from controller.media.limited_child import run
from controller.media.limited_process import ENVIRONMENT, Ended, Order
from controller.media.messages import Answer, Job, Progress
from controller.media.progress import Steps
from controller.media.workshop import Workshop

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
        self._workshop = Workshop(jobs)
        self._command = command

    async def probe_and_encode(
        self,
        source: Path,
        job_dir: Path,
        profile: IntakeProfile = DEFAULT_PROFILE,
        progress: Told | None = None,
    ) -> IntakeResult:
        """As the port says."""
        return await self._workshop.take_in(source, job_dir, profile, progress, self._ask_child)

    async def _ask_child(self, descriptor: int, folder: Path, profile: IntakeProfile, steps: Steps) -> Answer:
        order = Order(
            command=self._command,
            folder=folder,
            limits=profile.limits,
            given=msgspec.json.encode(Job(descriptor, profile)),
            descriptors=(descriptor,),
            environment=_ENVIRONMENT,
        )
        try:
            return _understood(await run(order, lambda line: _hear(line, steps)))
        except TimeoutError as error:
            raise timeout(profile) from error


def timeout(profile: IntakeProfile) -> MediaTimeout:
    """The refusal of a sound that took too long."""
    return MediaTimeout(
        f"the sound was not ready after {profile.limits.wall_s:.0f} s; is it very long, or the machine busy?"
    )


def past_limit(ended: Ended) -> MediaChildLimit | None:
    """The refusal of a sound whose process a limit ended."""
    if ended.limit_signal is None:
        return None
    return MediaChildLimit(
        f"the sound needs more than a job may have ({ended.limit_signal.name}); cut it or convert it",
        signal=int(ended.limit_signal),
    )


def _hear(line: bytes, steps: Steps) -> None:
    """Take progress from a line; whatever else is in it is looked at in the end."""
    with contextlib.suppress(msgspec.MsgspecError):
        steps(min(0.99, msgspec.json.decode(line, type=Progress).share))


def _understood(ended: Ended) -> Answer:
    if (limit := past_limit(ended)) is not None:
        raise limit
    try:
        if ended.status:
            raise msgspec.DecodeError(f"no answer, status {ended.status}")  # one refusal for all
        last: Answer = msgspec.json.decode(ended.said.rstrip().rpartition(b"\n")[2], type=Answer)
    except msgspec.MsgspecError as error:
        raise MediaChildFailed(
            f"the media process ended with status {ended.status}; report this file",
            status=ended.status,
            complaint=ended.complaint[-2000:],
        ) from error
    return last
