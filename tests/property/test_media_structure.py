"""The look at a file's bytes before any decoder: it answers or refuses, whatever the bytes."""

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.media.errors import MediaError, MediaFormatRefused, MediaTruncated
from controller.media.structure import inspect

MAGICS = (b"", b"RIFF\0\0\0\0WAVE", b"RF64\0\0\0\0WAVE", b"OggS", b"caff\0\1\0\0", b"ID3", b"\xff\xfb", b"fLaC")
GUIDS = (bytes.fromhex("726966662e91cf11a5d628db04c10000"), bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"))


@given(st.sampled_from(MAGICS + GUIDS), st.binary(min_size=1, max_size=500))
def test_any_bytes_are_described_or_refused(magic: bytes, noise: bytes) -> None:
    with contextlib.suppress(MediaError):
        inspect(io.BytesIO(magic + noise))


@given(st.text(min_size=1, max_size=6000))
def test_a_text_in_any_script_is_never_a_sound(text: str) -> None:
    printable = "".join(c for c in text if c.isprintable() or c in "\n\t") or "x"

    with pytest.raises(MediaFormatRefused):
        inspect(io.BytesIO(printable.encode()))


@given(st.integers(1, 1000), st.integers(-1000, 1000))
def test_a_wav_is_whole_exactly_when_it_holds_what_it_declares(declared: int, more: int) -> None:
    held = max(0, declared + more)
    head = b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 2, 44_100, 176_400, 4, 16)
    data = head + b"data" + struct.pack("<I", declared) + bytes(held)

    if held < declared:
        with pytest.raises(MediaTruncated):
            inspect(io.BytesIO(data))
    else:
        found = inspect(io.BytesIO(data))
        assert (found.channels, found.rate_hz, found.duration_known) == (2, 44_100, True)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_written_by_a_stream_declares_nothing(size: int) -> None:
    data = b"RIFF" + bytes(4) + b"WAVEdata" + struct.pack("<I", size) + bytes(100)

    assert inspect(io.BytesIO(data)).duration_known is False


@pytest.mark.parametrize(("flags", "marked"), [(4, True), (0, False)])
def test_an_ogg_says_whether_its_end_is_marked(flags: int, marked: bool) -> None:
    page = b"OggS\0" + bytes([flags]) + bytes(20) + bytes([1, 5]) + b"hello"

    assert inspect(io.BytesIO(page)).end_marked is marked
    for missing in range(1, 7):
        with pytest.raises(MediaTruncated):
            inspect(io.BytesIO(page[:-missing]))
