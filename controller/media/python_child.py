"""Modules of ours as limited children: started by this interpreter, told on standard input, heard line by line.

The parent never decodes; it takes progress from lines that it checks, and one answer from the last of them.
"""

import contextlib
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from controller.media.errors import MediaChildFailed, MediaChildLimit
from controller.media.limited_child import run
from controller.media.limited_process import ENVIRONMENT as CLOSED
from controller.media.limited_process import Ended, Order
from controller.media.messages import Progress
from controller.media.progress import Steps

T = TypeVar("T")

_ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **CLOSED,
    "PYTHONPATH": str(_ROOT),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def command(module: str) -> tuple[str, ...]:
    """What starts a module."""
    return (sys.executable, "-P", "-s", "-B", "-m", module)


async def ask(order: Order, answers: "msgspec.json.Decoder[T]", steps: Steps) -> T:
    """Run a child and give its answer; as `limited_child.run`, it is over when the call returns.

    Raises:
        TimeoutError: it ran for longer than it may.
        MediaChildLimit: a limit ended it.
        MediaChildFailed: it died, or answered nonsense.
    """
    ended = await run(order, lambda line: _hear(line, steps))
    if ended.limit_signal is not None:
        raise MediaChildLimit(
            f"the sound needs more than a job may have ({ended.limit_signal.name}); cut it or convert it",
            signal=int(ended.limit_signal),
        )
    return _understood(ended, answers)


def _hear(line: bytes, steps: Steps) -> None:
    """Take progress from a line; whatever else is in it is looked at in the end."""
    with contextlib.suppress(msgspec.MsgspecError):
        steps(min(0.99, msgspec.json.decode(line, type=Progress).share))


def _understood(ended: Ended, answers: "msgspec.json.Decoder[T]") -> T:
    try:
        if ended.status:
            raise msgspec.DecodeError(f"no answer, status {ended.status}")  # one refusal for all
        return answers.decode(ended.said.rstrip().rpartition(b"\n")[2])
    except msgspec.MsgspecError as error:
        raise MediaChildFailed(
            f"the media process ended with status {ended.status}; report this file",
            status=ended.status,
            complaint=ended.complaint[-2000:],
        ) from error
