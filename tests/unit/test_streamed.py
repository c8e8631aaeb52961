"""Recordings written as they came: cut anywhere inside a piece it is told, and no file makes the walk endless."""

import io
import random
import time
from pathlib import Path

import pytest

from controller.media import streamed
from controller.media.streamed import Streamed
from tests.fakes import browser_recordings as browsers
from tests.fakes import media_corpus as corpus


def looked(data: bytes) -> Streamed | None:
    return streamed.look(io.BytesIO(data), data[:64], len(data))


def test_a_whole_recording_lacks_nothing(tmp_path: Path) -> None:
    webm = browsers.chromium(tmp_path / "a", corpus.tone(3, channels=2), cluster_ms=1_000).read_bytes()
    mp4 = browsers.safari(tmp_path / "b", corpus.tone(3, channels=2)).read_bytes()

    assert looked(webm) == Streamed(0, fragmented=False)
    assert looked(mp4) == Streamed(0, fragmented=True)
    assert looked(b"RIFF" + bytes(100)) is None


def test_a_cut_is_seen_wherever_it_is_not_between_two_pieces(tmp_path: Path) -> None:
    path = browsers.safari(tmp_path / "b", corpus.tone(3, channels=2))
    whole, boxes = path.read_bytes(), browsers.fragments(path)
    edges = {end for _, _, end in boxes}
    first = next(start for kind, start, _ in boxes if kind == "moof")

    for at in range(first + 20, len(whole), 97):
        assert (looked(whole[:at]).missing_bytes > 0) == (at not in edges), at  # type: ignore[union-attr]


def test_a_webm_cut_anywhere_lacks_bytes_or_ends_between_two_blocks(tmp_path: Path) -> None:
    whole = browsers.chromium(tmp_path / "a", corpus.tone(1, channels=2)).read_bytes()

    lacking = [looked(whole[:at]).missing_bytes for at in range(300, len(whole))]  # type: ignore[union-attr]

    between = [n for n, missing in enumerate(lacking) if not missing]
    assert 0 < len(between) <= 20, "a block each 60 ms, and the head of its cluster"


@pytest.mark.parametrize("seed", range(20))
def test_no_file_makes_the_walk_fail_or_last(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    path = (
        browsers.safari(tmp_path / "a", corpus.tone(1))
        if seed % 2
        else browsers.chromium(tmp_path / "a", corpus.tone(1))
    )
    data = bytearray(path.read_bytes())
    for _ in range(40):
        data[rng.randrange(4, len(data))] = rng.choice((0, 0x80, 0x81, 0xFF, rng.randrange(256)))

    found = looked(bytes(data))

    assert found is None or found.missing_bytes >= 0


def test_a_file_of_millions_of_nothings_is_given_up() -> None:
    data = bytes.fromhex("1a45dfa380") + b"\xec\x80" * 4_000_000
    before_s = time.process_time()

    assert looked(data) == Streamed(0, fragmented=False)
    assert time.process_time() - before_s < 10
