"""Sounds over HTTP: upload one, list them."""

import asyncio
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from controller.api.dependencies import Read, TheLibrary
from controller.api.models import Title, View
from controller.media import service
from controller.media.errors import MediaTooLarge
from controller.media.tables import Asset

router = APIRouter(tags=["media"])
MAX_UPLOAD_BYTES = 512 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024


class AssetView(View):
    """A sound as it was taken in. Levels: LUFS and dBTP of the encoded file."""

    id: str
    title: str
    source_sha256: str
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float
    facts: dict[str, Any]
    created_at: datetime


@router.get("/media")
async def list_media(session: Read) -> list[AssetView]:
    """The newest sounds."""
    return [AssetView.model_validate(asset) for asset in await service.newest(session, limit=200)]


@router.post("/media", status_code=201)
async def upload(
    library: TheLibrary, file: Annotated[UploadFile, File()], title: Annotated[Title | None, Form()] = None
) -> AssetView:
    """Take in a sound file of any common format. The same file again gives the sound that is already there."""
    descriptor, name = tempfile.mkstemp(prefix="loa-upload-", suffix=Path(file.filename or "").suffix[:10])
    path = Path(name)
    try:
        await _copy(file, descriptor)
        asset: Asset = await library.take_in(path, title or Path(file.filename or "không tên").stem)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return AssetView.model_validate(asset)


async def _copy(file: UploadFile, descriptor: int) -> None:
    size = 0
    with os.fdopen(descriptor, "wb") as opened:
        while block := await file.read(_BLOCK_BYTES):
            size += len(block)
            if size > MAX_UPLOAD_BYTES:
                raise MediaTooLarge(f"“{file.filename}” exceeds {MAX_UPLOAD_BYTES} bytes; shorten or compress it")
            await asyncio.to_thread(opened.write, block)
