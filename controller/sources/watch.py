"""All sources of this process, each at a desk of its own."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from controller.runtime.clock import Clock
from controller.sources.config import Source
from controller.sources.desk import Desk, Surroundings
from controller.sources.folder import FolderSource
from controller.sources.port import SourceAdapter


async def watch(sources: Sequence[Source], around: Surroundings) -> None:
    """Work for all of them until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for source in sources:
            desk = Desk(source, adapter_of(source, around.clock), around)
            tasks.create_task(desk.run(), name=f"source {source.name}")


def adapter_of(source: Source, clock: Clock) -> SourceAdapter:
    """The one that speaks the source's dialect."""
    match source.dialect:
        case "folder":
            return FolderSource(Path(source.path), clock, settle_s=source.settle_s)
