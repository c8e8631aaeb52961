"""A Piper voice as its makers publish it: `NAME.onnx` and `NAME.onnx.json`, made ready for sherpa-onnx.

sherpa-onnx wants what the configuration says inside the model. A model is a Protocol Buffers message, and fields of a
message may stand anywhere in it: they are appended to a copy, which is hashed while it is made.
"""

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from controller.speech.errors import VoiceFileUnusable

MOST_CONFIG_BYTES = 1024 * 1024
MODEL, TOKENS = "voice.onnx", "tokens.txt"
_BLOCK_BYTES = 1024 * 1024
_METADATA = 14
_KEY, _VALUE = 1, 2
_BYTES = 2
_LANGUAGE_SWITCH = re.compile(r"\([^()]*\)")
_CLAUSES = re.compile(r"([^,;:.!?…]+)([,;:.!?…]*)")
_SIGNS = {"…": "."}

Rate = Annotated[int, Meta(ge=8_000, le=48_000)]


class _Audio(msgspec.Struct, frozen=True):
    sample_rate: Rate


class _Phonemiser(msgspec.Struct, frozen=True):
    voice: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,40}$")] = "vi"


class _Inference(msgspec.Struct, frozen=True):
    noise_scale: Annotated[float, Meta(ge=0, le=2)] = 0.667
    length_scale: Annotated[float, Meta(ge=0.2, le=5)] = 1.0
    noise_w: Annotated[float, Meta(ge=0, le=2)] = 0.8


class PiperConfig(msgspec.Struct, frozen=True):
    """What is read of a voice's configuration; the rest is the trainer's."""

    audio: _Audio
    phoneme_id_map: Annotated[dict[str, list[int]], Meta(min_length=2, max_length=1000)]
    espeak: _Phonemiser = _Phonemiser()
    inference: _Inference = _Inference()
    phoneme_type: str = "espeak"
    num_speakers: Annotated[int, Meta(ge=1, le=10_000)] = 1


def read_config(path: Path) -> PiperConfig:
    """The configuration beside a voice.

    Raises:
        VoiceFileUnusable: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as opened:
            raw = opened.read(MOST_CONFIG_BYTES)
        return msgspec.json.decode(raw, type=PiperConfig)  # what is cut off is none
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VoiceFileUnusable(f"{path.name} is no configuration of a Piper voice ({error})") from error


def make_ready(model: Path, sha256: str, config: PiperConfig, folder: Path) -> None:
    """Put the model and its list of sounds into `folder` as sherpa-onnx reads them.

    Raises:
        VoiceFileUnusable: the model cannot be read, or is not the one that was written down.
    """
    digest = hashlib.sha256()
    try:
        with model.open("rb") as opened, (folder / MODEL).open("wb") as out:
            while block := opened.read(_BLOCK_BYTES):
                digest.update(block)
                out.write(block)
            out.write(_metadata(config))
    except FileNotFoundError as error:
        raise VoiceFileUnusable(
            f"{model.name} is not there; put the voice back, or correct the list of voices"
        ) from error
    if digest.hexdigest() != sha256:
        raise VoiceFileUnusable(
            f"{model.name} is not the voice that was written down: its SHA-256 is {digest.hexdigest()}",
            sha256=digest.hexdigest(),
        )
    known = (
        f"{sound} {numbers[0]}\n" for sound, numbers in config.phoneme_id_map.items() if len(sound) == 1 and numbers
    )
    (folder / TOKENS).write_text("".join(known), encoding="utf-8")


def codepoints(phonemised: str, config: PiperConfig) -> tuple[list[int], int]:
    """The sounds of a piece as the voice knows them, and how many it does not know."""
    sounds = unicodedata.normalize("NFD", phonemised)
    known = [ord(sound) for sound in sounds if sound in config.phoneme_id_map]
    return known, len(sounds) - len(known)


def clauses(text: str) -> list[tuple[str, str]]:
    """The clauses of a piece, each with the sign that ends it; `.` where none does at the end."""
    found = [(words.strip(), signs[:1]) for words, signs in _CLAUSES.findall(text) if words.strip()]
    return [
        (words, _SIGNS.get(sign, sign) or ("." if at == len(found) - 1 else ","))
        for at, (words, sign) in enumerate(found)
    ]


def without_switches(phonemes: str) -> str:
    """The sounds without espeak-ng's notes that a word is of another language."""
    return _LANGUAGE_SWITCH.sub("", phonemes)


def _metadata(config: PiperConfig) -> bytes:
    said = {
        "model_type": "vits",
        "comment": "piper",
        "language": config.espeak.voice,
        "voice": config.espeak.voice,
        "has_espeak": "1",
        "n_speakers": str(config.num_speakers),
        "sample_rate": str(config.audio.sample_rate),
    }
    return b"".join(
        _field(_METADATA, _field(_KEY, key.encode()) + _field(_VALUE, value.encode())) for key, value in said.items()
    )


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value >= 128:  # noqa: PLR2004  # what seven bits hold
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
