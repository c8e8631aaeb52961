"""Intake by PyAV in a limited child process per job. The parent never decodes."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from controller.media.errors import MediaTimeout
from controller.media.intake import DEFAULT_PROFILE, NO_COMPANIONS, IntakeProfile, IntakeResult, Progress
from controller.media.limited_process import Order
from controller.media.messages import Answer, Job
from controller.media.progress import Steps
from controller.media.python_child import ENVIRONMENT, ask, command
from controller.media.workshop import Workshop

_COMMAND = command("controller.media.child")
_ANSWERS: "msgspec.json.Decoder[Answer]" = msgspec.json.Decoder(Answer)


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
        progress: Progress | None = None,
        companions: Mapping[str, Path] = NO_COMPANIONS,
    ) -> IntakeResult:
        """As the port says."""
        return await self._workshop.take_in(source, job_dir, profile, progress, self._ask_child, companions=companions)

    async def _ask_child(self, descriptor: int, folder: Path, profile: IntakeProfile, steps: Steps) -> Answer:
        order = Order(
            command=self._command,
            folder=folder,
            limits=profile.limits,
            given=msgspec.json.encode(Job(descriptor, profile)),
            descriptors=(descriptor,),
            environment=ENVIRONMENT,
        )
        try:
            return await ask(order, _ANSWERS, steps)
        except TimeoutError as error:
            raise timeout(profile) from error


def timeout(profile: IntakeProfile) -> MediaTimeout:
    """The refusal of a sound that took too long."""
    return MediaTimeout(
        f"the sound was not ready after {profile.limits.wall_s:.0f} s; is it very long, or the machine busy?"
    )
