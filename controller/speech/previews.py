"""Hearing a short reading at once, before anything is kept: the bytes of a WAV, and whose voice it is."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controller.runtime.waiting import unbroken
from controller.speech.engines import Engines
from controller.speech.errors import EngineFailed, ReadingTooLong
from controller.speech.service import Speaking

MOST_CHARACTERS = 500
WITHIN_S = 120.0
_AT_ONCE = 2


class Previews:
    """At most two at a time, the others wait; `folder` holds one folder for each while it is made."""

    def __init__(self, engines: Engines, folder: Path) -> None:
        self._engines, self._folder = engines, folder
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def heard(self, name: str, wanted: Speaking) -> tuple[bytes, Mapping[str, Any]]:
        """The WAV and the facts of it; `name` is the folder's, new for every call.

        Raises:
            SpeechFailed, VoiceUnknown, LanguageUnspoken: nobody speaks it.
            EngineFailed: it took too long.
        """
        room = self._folder / name
        async with self._slots:
            await asyncio.to_thread(room.mkdir, parents=True)
            try:
                async with asyncio.timeout(WITHIN_S):
                    spoken = await self._engines.speak(wanted.spoken, wanted.wish, room, lambda _: None)
                return await asyncio.to_thread(spoken.path.read_bytes), spoken.facts
            except TimeoutError as error:
                raise EngineFailed(
                    f"nothing could be heard within {WITHIN_S:.0f} s; save it as a sound instead"
                ) from error
            finally:
                await unbroken(asyncio.to_thread(shutil.rmtree, room, ignore_errors=True))


def require_short(text: str) -> None:
    """Refuse what is too long to wait for.

    Raises:
        ReadingTooLong: it is.
    """
    if len(text) > MOST_CHARACTERS:
        raise ReadingTooLong(
            f"a preview has at most {MOST_CHARACTERS} characters, this has {len(text)}; hear a part of it, or save it",
            vi=f"nghe thử được nhiều nhất {MOST_CHARACTERS} ký tự, lời này có {len(text)}; hãy nghe thử một đoạn,"
            " hoặc lưu thành tệp",
            length=len(text),
            limit=MOST_CHARACTERS,
        )
