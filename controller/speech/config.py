"""The list of voices, a YAML file named by the setting `speech`; read once at start, refused as a whole.

Without it there is espeak-ng alone. A voice service is reached only where the setting `speech_hosts` names its host.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, structs

from controller.speech.errors import SpeechConfigInvalid
from controller.speech.port import PAUSE_MS, SPEED
from loa_protocol import hand_written
from loa_protocol.hand_written import HandWrittenInvalid
from loa_protocol.ids import Id, Language, Sha256Hex

VoiceName = Annotated[str, Meta(pattern=r"^[a-z]{1,20}/[a-z0-9-]{1,40}$")]
Words = Annotated[str, Meta(max_length=200)]
Path_ = Annotated[str, Meta(min_length=1, max_length=1000)]
Speed = Annotated[float, Meta(ge=0.5, le=2.0)]
PauseMs = Annotated[int, Meta(ge=0, le=5_000)]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class PiperVoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Piper voice; `config` is beside the model, with `.json` added, where it is not named."""

    name: Id
    language: Language = "vi"
    about: Words = ""
    model: Path_
    config: Path_ | None = None
    sha256: Sha256Hex
    licence: Annotated[str, Meta(min_length=1, max_length=200)]
    speaker: Annotated[int, Meta(ge=0, le=9_999)] = 0

    @property
    def config_path(self) -> str:
        """Where the configuration lies."""
        return self.config or f"{self.model}.json"


class ServiceVoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A voice of an HTTP service; `voice` is the service's own name, `token_file` holds what it is asked with."""

    name: Id
    language: Language = "vi"
    about: Words = ""
    url: Annotated[str, Meta(pattern=r"^https?://", max_length=500)]
    voice: Words = ""
    token_file: Path_ | None = None
    licence: Annotated[str, Meta(min_length=1, max_length=200)]
    timeout_s: Annotated[float, Meta(ge=0.1, le=3600)] = 60.0
    most_bytes: Annotated[int, Meta(ge=1_000, le=1024**3)] = 256 * 1024**2

    @property
    def host(self) -> str:
        """Who is asked."""
        return urlsplit(self.url).hostname or ""


class PhraseFolder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of recorded phrases; each file is named by what is said in it."""

    name: Id
    language: Language = "vi"
    about: Words = ""
    folder: Path_
    licence: Annotated[str, Meta(min_length=1, max_length=200)]


class SpeechConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. `order`: voices by preference, for all languages; those not named come after them."""

    order: Annotated[tuple[VoiceName, ...], Meta(max_length=50)] = ()
    speed: Speed = SPEED
    pause_ms: PauseMs = PAUSE_MS
    piper: Annotated[tuple[PiperVoice, ...], Meta(max_length=50)] = ()
    services: Annotated[tuple[ServiceVoice, ...], Meta(max_length=50)] = ()
    phrases: Annotated[tuple[PhraseFolder, ...], Meta(max_length=50)] = ()


def load(path: Path, hosts: Collection[str]) -> SpeechConfig:
    """Read the list; relative paths are relative to it.

    Raises:
        SpeechConfigInvalid: with the file, the line and the reason.
    """
    try:
        found = hand_written.read(path.read_text(encoding="utf-8"), SpeechConfig)
    except (OSError, UnicodeDecodeError) as error:
        raise SpeechConfigInvalid(f"{path} cannot be read ({error}); correct LOA_SPEECH") from error
    except HandWrittenInvalid as error:
        raise SpeechConfigInvalid(f"{path}, {error}") from error
    for what, names in (
        ("piper", [one.name for one in found.piper]),
        ("services", [one.name for one in found.services]),
        ("phrases", [one.name for one in found.phrases]),
    ):
        if len(set(names)) != len(names):
            raise SpeechConfigInvalid(f"{path}: two of {what} have the same name; give each its own")
    for service in found.services:
        _require_reachable(path, service, hosts)
    return _placed(found, path.parent)


def _require_reachable(path: Path, service: ServiceVoice, hosts: Collection[str]) -> None:
    """Only hosts that the settings allow, and no plain HTTP but to this machine."""
    try:
        host = service.host
        urlsplit(service.url).port  # noqa: B018  # asked for what it raises
    except ValueError as error:
        raise SpeechConfigInvalid(f"{path}: the url of {service.name} is none ({error}); correct it") from error
    if host not in hosts:
        raise SpeechConfigInvalid(
            f"{path}: {service.name} is asked at {host or service.url}, not allowed; add it to LOA_SPEECH_HOSTS"
        )
    if service.url.startswith("http:") and host not in _LOOPBACK:
        raise SpeechConfigInvalid(f"{path}: {service.name} would be asked without encryption; write https://")


def _placed(found: SpeechConfig, folder: Path) -> SpeechConfig:
    """With every path as seen from here."""

    def at(path: str | None) -> str | None:
        return None if path is None else str((folder / path).absolute())

    return structs.replace(
        found,
        piper=tuple(structs.replace(one, model=at(one.model), config=at(one.config)) for one in found.piper),
        services=tuple(structs.replace(one, token_file=at(one.token_file)) for one in found.services),
        phrases=tuple(structs.replace(one, folder=at(one.folder)) for one in found.phrases),
    )
