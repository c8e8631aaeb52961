"""Joins clips in a limited child process. The parent never decodes, and does not hold a sound in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from controller.media import joining
from controller.media.errors import BY_CODE, MediaChildFailed, MediaTimeout
from controller.media.intake import MIB, ChildLimits, Progress
from controller.media.limited_process import Order
from controller.media.messages import Joined, JoinOrder, Refused
from controller.media.progress import Steps
from controller.media.python_child import ENVIRONMENT, ask, command

LIMITS = ChildLimits(cpu_s=60, file_bytes=64 * MIB, wall_s=120.0)
_ANSWERS: "msgspec.json.Decoder[Joined | Refused]" = msgspec.json.Decoder(Joined | Refused)


@dataclass(frozen=True, slots=True)
class Joiner:
    """One clip at a time for each call."""

    command: tuple[str, ...] = command("controller.media.join_child")

    async def join(self, parts: Sequence[joining.Part], folder: Path, progress: Progress) -> Path:
        """Join the parts; gives the WAV, in `folder`, where every clip lies under its asset's id.

        A cancelled call ends its process. The folder is the caller's to clear.

        Raises:
            ClipRefused, MediaError: the parts cannot be joined.
        """
        order = Order(
            command=self.command,
            folder=folder,
            limits=LIMITS,
            given=msgspec.json.encode(JoinOrder(joining.told(parts))),
            environment=ENVIRONMENT,
        )
        try:
            said = await ask(order, _ANSWERS, Steps(progress))
        except TimeoutError as error:
            raise MediaTimeout(
                f"the clips were not joined after {LIMITS.wall_s:.0f} s; is the machine busy?"
            ) from error
        if isinstance(said, Refused):
            kinds = {**BY_CODE, **joining.REFUSALS}
            raise kinds.get(said.code, MediaChildFailed)(said.message, **said.details)
        path = folder / said.file_name
        if path.parent != folder or path.is_symlink() or not path.is_file():
            raise MediaChildFailed(f"the joining process left no file {said.file_name!r}; report this")
        return path
