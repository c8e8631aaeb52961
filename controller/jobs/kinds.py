"""What a kind of job must be able to do. A kind works on files; the worker keeps the job's row.

`run` may be cancelled at any instant and then leaves nothing; what it made becomes real in `Made.record`, inside the
very transaction that ends the job, so that a job has one result however often it was tried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from loa_protocol.errors import LoaError

Progress = Callable[[float], None]


class JobUnknown(LoaError):
    """No job has this id."""

    code = "job_unknown"


class JobOver(LoaError):
    """The job has ended; there is nothing left to cancel."""

    code = "job_over"


class JobCancelled(LoaError):
    """The job was cancelled while somebody waited for its result."""

    code = "job_cancelled"


class JobFailed(LoaError):
    """A fault of ours, again and again; the log of the controller says which."""

    code = "job_failed"


class JobGaveUp(LoaError):
    """Every process that tried the job died over it."""

    code = "job_gave_up"


class JobsFull(LoaError):
    """More jobs wait than may."""

    code = "jobs_full"


@dataclass(frozen=True, slots=True)
class Order:
    """A job to do: `source` is its file, `title` what people call it, `given` what its kind was told."""

    id: str
    title: str
    source: Path
    given: dict[str, Any]


class Made(Protocol):
    """What a run has made, not yet real."""

    async def record(self, session: AsyncSession) -> str | None:
        """Make it real in the caller's transaction; gives the asset's id."""
        ...

    async def discard(self) -> None:
        """Take it back: the job was lost or cancelled in the last moment."""
        ...


class Kind(Protocol):
    """One kind of job."""

    async def run(self, order: Order, folder: Path, progress: Progress) -> Made:
        """Do it; `folder` is its own and gone afterwards.

        Raises:
            LoaError: it cannot be done; the code and message become the job's.
        """
        ...
