"""A voice service over HTTP: `POST url` with the reading as JSON, a WAV back (docs/speech.md has the whole contract).

Only hosts that the settings allow are asked, where they lead is judged (`runtime/outgoing.py`), no redirection is
followed, no proxy of the environment is used, and what comes back is bounded in time and size before anything looks.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from controller.runtime import outgoing
from controller.runtime.outgoing import OutgoingRefused
from controller.speech.config import ServiceVoice
from controller.speech.errors import EngineFailed, VoiceServiceFailed
from controller.speech.port import Progress, Spoken, SpokenText, Voice
from controller.speech.talking import looked_at

NAME = "service"
FILE_NAME = "service.wav"
_CONNECT_S = 5.0
_TYPES = frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"})
_TOLD_BYTES = 300


@dataclass(frozen=True, slots=True)
class ServiceEngine:
    """Implements `Engine`."""

    services: Sequence[ServiceVoice]
    hosts: frozenset[str] = field(default_factory=frozenset)
    private: Sequence[str] = ()
    name: str = NAME

    def voices(self) -> Sequence[Voice]:
        """Those of the list; whether a service answers is seen when it is asked."""
        return [Voice(f"{NAME}/{one.name}", one.language, one.about or one.name, one.licence) for one in self.services]

    async def speak(self, spoken: SpokenText, voice: Voice, folder: Path, progress: Progress) -> Spoken:
        """As the port says."""
        service = next(one for one in self.services if f"{NAME}/{one.name}" == voice.name)
        if service.host not in self.hosts:
            raise VoiceServiceFailed(f"{service.host} is not allowed; add it to LOA_SPEECH_HOSTS")
        target = folder / FILE_NAME
        try:
            async with asyncio.timeout(service.timeout_s):
                await _fetched(service, spoken, target, self.private)
        except TimeoutError as error:
            raise VoiceServiceFailed(f"{service.host} did not answer within {service.timeout_s:.0f} s") from error
        except OutgoingRefused as error:
            raise VoiceServiceFailed(str(error)) from error
        except httpx.HTTPError as error:
            raise VoiceServiceFailed(f"{service.host} cannot be asked ({type(error).__name__}: {error})") from error
        progress(1.0)
        try:
            return await asyncio.to_thread(looked_at, target)
        except EngineFailed as error:
            raise VoiceServiceFailed(f"{service.host}: {error}") from error


async def _fetched(service: ServiceVoice, spoken: SpokenText, target: Path, private: Sequence[str]) -> None:
    """Ask, and write what comes, block by block.

    Raises:
        VoiceServiceFailed: it is no sound, or too much of one.
        OutgoingRefused, httpx.HTTPError: the service cannot be reached.
    """
    asked = {
        "reading": spoken.text,
        "language": spoken.language,
        "voice": service.voice,
        "speed": spoken.speed,
        "pause_ms": spoken.pause_ms,
    }
    headers = {"Accept": "audio/wav", "Accept-Encoding": "identity", **await asyncio.to_thread(_authorised, service)}
    timeout = httpx.Timeout(service.timeout_s, connect=min(_CONNECT_S, service.timeout_s))
    async with (
        outgoing.client(timeout=timeout, private=private) as client,
        client.stream("POST", service.url, json=asked, headers=headers) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise VoiceServiceFailed(f"{service.host} answered {answer.status_code}: {await _words(answer)}")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _TYPES:
            raise VoiceServiceFailed(f"{service.host} answered with {kind or 'something unnamed'}; audio/wav is read")
        await _written(service, answer, target)


async def _written(service: ServiceVoice, answer: httpx.Response, target: Path) -> None:
    size = 0
    opened = await asyncio.to_thread(target.open, "wb")
    try:
        async for block in answer.aiter_raw():
            size += len(block)
            if size > service.most_bytes:
                raise VoiceServiceFailed(f"{service.host} sent more than {service.most_bytes} bytes; raise most_bytes")
            await asyncio.to_thread(opened.write, block)
    finally:
        await asyncio.to_thread(opened.close)


async def _words(answer: httpx.Response) -> str:
    """The beginning of what a service says of its refusal."""
    said = b""
    async for block in answer.aiter_raw():
        said += block
        if len(said) >= _TOLD_BYTES:
            break
    return "".join(sign if sign.isprintable() else " " for sign in said[:_TOLD_BYTES].decode("utf-8", "replace"))


def _authorised(service: ServiceVoice) -> dict[str, str]:
    if service.token_file is None:
        return {}
    try:
        token = Path(service.token_file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise VoiceServiceFailed(f"the token for {service.host} cannot be read ({error})") from error
    return {"Authorization": f"Bearer {token}"}
