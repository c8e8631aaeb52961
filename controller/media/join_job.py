"""Joining a chime, pauses and short sounds as a background job: the kind `join`. Its result is an asset.

The joined sound goes through the intake as any file does: its loudness and true peak are brought to the same figures
and verified on what was encoded, and the same parts again give the asset that is already there.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from controller.jobs.kinds import Order, Progress
from controller.library import service as library
from controller.media import joining
from controller.media.intake_job import TakenIn
from controller.media.joiner import Joiner
from controller.media.service import MediaLibrary

KIND = "join"
_JOINED = 0.2
"""The share of the work that is done when the clips are joined; the rest is the intake's."""


async def require_joinable(session: AsyncSession, parts: Sequence[joining.Part]) -> None:
    """Whether these parts would make a short clip.

    Raises:
        AssetUnknown, AssetOfOtherKind, AssetGone: it is no sound of the library, or no longer.
        NothingToJoin, ChimeNotKnown, ClipTooLong: as `joining.require_joinable`.
    """
    assets = [await library.require_usable(session, asset_id, "sound") for asset_id in joining.asset_ids(parts)]
    joining.require_joinable(parts, {asset.id: asset.duration_ms for asset in assets})


@dataclass(frozen=True, slots=True)
class JoinKind:
    """Implements `Kind`; `given` has `parts`."""

    library: MediaLibrary
    joiner: Joiner

    async def run(self, order: Order, folder: Path, progress: Progress) -> TakenIn:
        """Join, then take in."""
        parts = joining.understood(order.given["parts"])
        room = folder / "join"
        await asyncio.to_thread(room.mkdir)
        for asset_id in joining.asset_ids(parts):
            await self.library.fetch(asset_id, room / asset_id)
        joined = await self.joiner.join(parts, room, lambda share: progress(_JOINED * share))
        sha256 = await asyncio.to_thread(_sha256, joined)
        prepared = await self.library.prepare(
            joined, sha256, order.title, folder / "work", lambda share: progress(_JOINED + (1 - _JOINED) * share)
        )
        return TakenIn(self.library, replace(prepared, origin={"joined_from": joining.told(parts)}))


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
