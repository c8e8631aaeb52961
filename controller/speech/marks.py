"""What whoever reads receipts is shown of machine voices: whose voice it was, and whether another one was wanted."""

from collections.abc import Iterable

import msgspec
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.devices.tables import Device
from controller.speech import store
from controller.speech.store import OnAir
from controller.units import store as units
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import Segments
from loa_protocol.receipts import Receipt, decode_entry
from loa_protocol.spoken import refs_of


class SpeechView(BaseModel):
    """A sound of a broadcast that a machine spoke; `fell_back`: the code of why not the voice that was wanted."""

    asset_id: str
    voice: str
    wanted: str
    fell_back: str | None
    vi: str
    en: str


async def of_broadcast(session: AsyncSession, broadcast_id: str) -> list[SpeechView]:
    """The machine voices in a broadcast, in all its languages; empty where people speak."""
    return _views(await store.on_air(session, broadcast_id))


async def on_device(session: AsyncSession, broadcast_id: str, device_id: str) -> list[SpeechView]:
    """The machine voices that a device sounds of a broadcast.

    What sounded is told by its receipt; what is to come, by the languages it speaks. A board sounds nothing.
    """
    row = await session.get(BroadcastRow, broadcast_id)
    device = await session.get(Device, device_id)
    if row is None or device is None or device.kind == DeviceKind.BOARD:
        return []
    sounds = await store.on_air(session, broadcast_id)
    if not any("speech" in one.facts for one in sounds):
        return []
    entry = await store.entry_of(session, broadcast_id, device_id)
    answer = None if entry is None else decode_entry(entry).body
    if isinstance(answer, Receipt):
        return _views(one for one in sounds if one.root in answer.roots)
    languages = (await units.languages_of_devices(session, [device]))[device_id]
    segments = msgspec.convert(row.segments, Segments)
    heard = {ref for segment in segments for ref in refs_of(segment, languages)}
    return _views(one for one in sounds if one.ref in heard)


def _views(sounds: Iterable[OnAir]) -> list[SpeechView]:
    """Each sound once."""
    return list({one.asset_id: _view(one) for one in sounds if "speech" in one.facts}.values())


def _view(sound: OnAir) -> SpeechView:
    said = sound.facts["speech"]
    why, code = said["fell_back"], said["fell_back_code"]
    vi = f"“{sound.title}”: giọng máy {said['voice']}"
    en = f"“{sound.title}”: machine voice {said['voice']}"
    if why is not None:
        vi = f"{vi}, thay cho {said['wanted']} ({code}: {why})"
        en = f"{en}, instead of {said['wanted']} ({code}: {why})"
    return SpeechView(
        asset_id=sound.asset_id,
        voice=said["voice"],
        wanted=said["wanted"],
        fell_back=code,
        vi=f"{vi}.",
        en=f"{en}.",
    )
