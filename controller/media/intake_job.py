"""Taking a sound in as a background job: the kind `intake`. Its result is an asset."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from controller.jobs.kinds import Order, Progress
from controller.media.service import MediaLibrary, Prepared
from controller.media.wishes import understood
from loa_protocol.errors import LoaError

KIND = "intake"


class SourceLost(LoaError):
    """The file of a job is no longer in the spool."""

    code = "source_lost"


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Implements `Made`."""

    library: MediaLibrary
    prepared: Prepared

    async def record(self, session: AsyncSession) -> str:
        """The asset, made or found."""
        return (await self.library.record(session, self.prepared)).id

    async def discard(self) -> None:
        """Nothing of it stays."""
        await self.library.discard(self.prepared)


@dataclass(frozen=True, slots=True)
class IntakeKind:
    """Implements `Kind`; `given` has `source_sha256` and `file_name`, and `wishes` unless the usual ones are meant."""

    library: MediaLibrary

    async def run(self, order: Order, folder: Path, progress: Progress) -> TakenIn:
        """Encode the source."""
        source = await asyncio.to_thread(_named, order.source, folder / "source", str(order.given["file_name"]))
        sha256 = str(order.given["source_sha256"])
        told = order.given.get("wishes")
        wishes = None if told is None else understood(told)
        prepared = await self.library.prepare(source, sha256, order.title, folder / "work", progress, wishes=wishes)
        return TakenIn(self.library, prepared)


def _named(spooled: Path, folder: Path, file_name: str) -> Path:
    """The file under the name people know it by, so that refusals can tell it; no bytes are copied."""
    folder.mkdir()
    named = folder / (file_name or "sound")
    try:
        os.link(spooled, named)
    except FileNotFoundError as error:
        raise SourceLost(f"“{file_name}” is no longer in the spool; hand it in again") from error
    return named
