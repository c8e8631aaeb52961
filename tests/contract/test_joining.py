"""Clips joined by the real child process: every part in its place to the sample, nothing decoded in this process."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from controller.media.encode import decode
from controller.media.encodings import encodings
from controller.media.errors import MediaChildFailed
from controller.media.intake import IntakeProfile
from controller.media.joiner import Joiner
from controller.media.joining import Chime, ChimeNotKnown, Clip, ClipTooLong, Part, Pause
from loa_protocol.chimes import CHIMES, struck
from loa_protocol.documents.plan import CHIME_MS
from tests.fakes import media_corpus as corpus

FADE = 240
PAUSE_MS = 709
"""A length of which pydub's own silence is a sample short."""


def opus(path: Path, seconds: float) -> Path:
    """As the library keeps its sounds."""
    how = encodings(IntakeProfile())[0]
    return corpus.encoded(path, corpus.tone(seconds, level=0.2), how.encoder, how.container)


def samples(path: Path) -> npt.NDArray[np.int32]:
    with wave.open(str(path)) as opened:
        assert (opened.getframerate(), opened.getnchannels(), opened.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2").astype(np.int32)


def as_played(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """What must be found of a part between its faded edges, cut to whole milliseconds."""
    whole = sound[: sound.size // 48 * 48]
    return (whole * 32_767).round().astype(np.int32)[FADE:-FADE]


async def test_every_part_lies_in_its_place_to_the_sample(tmp_path: Path) -> None:
    clip = np.concatenate(list(decode(opus(tmp_path / "tin", 1.25))))
    parts = (Chime("opening"), Pause(PAUSE_MS), Clip("tin"), Pause(1), Chime("attention"), Clip("tin"))
    shares: list[float] = []

    joined = samples(await Joiner().join(parts, tmp_path, shares.append))

    at = 0
    for part, sound in (
        (CHIME_MS["opening"], struck(CHIMES["opening"])),
        (PAUSE_MS, None),
        (1250, clip),
        (1, None),
        (CHIME_MS["attention"], struck(CHIMES["attention"])),
        (1250, clip),
    ):
        found, at = joined[at : at + 48 * part], at + 48 * part
        if sound is None:
            assert not found.any()
        else:
            assert np.abs(found[FADE:-FADE] - as_played(sound)).max() <= 1
            assert np.abs(found[[0, -1]]).max() < 100, "an edge would click"
    assert joined.size == at
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("part", "refusal"),
    [(Clip("dai"), ClipTooLong), (Pause(119_000), ClipTooLong), (Chime("gong"), ChimeNotKnown)],
    ids=["a long sound", "a long whole", "a strange chime"],
)
async def test_the_child_believes_no_order(part: Part, refusal: type[Exception], tmp_path: Path) -> None:
    opus(tmp_path / "dai", 121 if part == Clip("dai") else 2)

    with pytest.raises(refusal):
        await Joiner().join((part, Clip("dai")), tmp_path, lambda _: None)


async def test_bytes_that_are_no_sound_fail_with_a_code_and_kill_nobody(tmp_path: Path) -> None:
    (tmp_path / "hong").write_bytes(b"OggS" + bytes(5000))

    with pytest.raises(MediaChildFailed):
        await Joiner().join((Clip("hong"),), tmp_path, lambda _: None)
