"""What whoever reads receipts is shown of machine voices: whose voice it was, and whether another one was wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from controller.speech import store


class SpeechView(BaseModel):
    """A sound of a broadcast that a machine spoke; `fell_back`: the code of why not the voice that was wanted."""

    asset_id: str
    voice: str
    wanted: str
    fell_back: str | None
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class _Sound:
    asset_id: str
    title: str
    facts: Mapping[str, Any]


async def of_broadcast(session: AsyncSession, broadcast_id: str) -> list[SpeechView]:
    """The machine voices in a broadcast, in all its languages; empty where people speak."""
    found = await store.facts_on_air(session, broadcast_id)
    sounds = [_Sound(asset_id, title, facts["speech"]) for asset_id, title, facts in found if "speech" in facts]
    return [_view(sound) for sound in sounds]


def _view(sound: _Sound) -> SpeechView:
    said, why, code = sound.facts, sound.facts["fell_back"], sound.facts["fell_back_code"]
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
