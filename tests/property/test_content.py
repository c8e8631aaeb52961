"""The content index and its frames: what is cut can be checked, and only what was cut passes."""

import importlib.util
import io
import json
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loa_protocol import content
from loa_protocol.errors import LoaError

VECTORS = Path(__file__).parents[1] / "vectors"
assets = st.tuples(st.integers(0, 99), st.integers(1, 80_000))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_content", VECTORS / "make_content.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = generator()


def made(seed: int, total_bytes: int) -> tuple[bytes, content.ContentIndex]:
    data = MAKE.asset(seed, total_bytes)
    return data, content.build_index(content.split(data), total_bytes)


@given(st.integers(1, content.MAX_TOTAL_BYTES))
def test_a_chunk_is_the_smallest_power_that_needs_at_most_512(total_bytes: int) -> None:
    size = content.chunk_size(total_bytes)

    assert -(-total_bytes // size) <= 512
    assert size in {16 * 1024 << k for k in range(5)}
    assert size == 16 * 1024 or -(-total_bytes // (size // 2)) > 512


@pytest.mark.parametrize("total_bytes", [-1, 0, content.MAX_TOTAL_BYTES + 1])
def test_an_asset_that_cannot_travel_is_refused(total_bytes: int) -> None:
    with pytest.raises(content.ContentBadSize):
        content.chunk_size(total_bytes)


@given(assets)
def test_what_was_cut_is_accepted_and_joins_to_the_same_bytes(asset: tuple[int, int]) -> None:
    data, index = made(*asset)
    arrived = []

    parsed = content.ContentIndex.parse(index.root, index.raw, len(data), index.chunk_bytes)
    for i, chunk in enumerate(content.split(data)):
        frame = content.unpack(content.pack_chunk(index, i, chunk))
        parsed.verify_chunk(frame.i, frame.data)
        arrived.append(frame.data)
        assert (frame.kind, frame.root, frame.i, frame.n) == (content.Kind.CHUNK, index.root, i, index.chunk_count)

    assert parsed == index
    assert b"".join(arrived) == data


@given(assets)
def test_a_file_gives_the_same_index_as_its_bytes(asset: tuple[int, int]) -> None:
    data, index = made(*asset)

    from_file = content.build_index(io.BytesIO(data), len(data))

    assert from_file == index


@given(assets, st.integers(-3, 3).filter(bool))
def test_a_file_of_another_length_gives_no_index(asset: tuple[int, int], more: int) -> None:
    data, _ = made(*asset)
    claimed = len(data) + more

    with pytest.raises(content.ContentBadSize):
        content.build_index(io.BytesIO(data), claimed)


@given(assets, st.data())
def test_one_changed_bit_of_a_chunk_is_refused(asset: tuple[int, int], draw: st.DataObject) -> None:
    data, index = made(*asset)
    i = draw.draw(st.integers(0, index.chunk_count - 1))
    chunk = bytearray(list(content.split(data))[i])
    chunk[draw.draw(st.integers(0, len(chunk) - 1))] ^= 1 << draw.draw(st.integers(0, 7))

    with pytest.raises(content.ContentWrongChunk):
        index.verify_chunk(i, bytes(chunk))


@given(assets, st.integers(-5, 600))
def test_a_chunk_at_another_place_is_refused(asset: tuple[int, int], place: int) -> None:
    data, index = made(*asset)
    chunk = next(content.split(data))

    if place == 0:
        index.verify_chunk(place, chunk)
        return
    with pytest.raises(content.ContentWrongChunk):
        index.verify_chunk(place, chunk)


@given(assets, st.data())
def test_an_altered_index_is_refused(asset: tuple[int, int], draw: st.DataObject) -> None:
    data, index = made(*asset)
    raw = bytearray(index.raw)
    raw[draw.draw(st.integers(0, len(raw) - 1))] ^= 1 << draw.draw(st.integers(0, 7))

    for wrong in (bytes(raw), index.raw[:-1], index.raw + bytes(32), b""):
        with pytest.raises(content.ContentWrongIndex):
            content.ContentIndex.parse(index.root, wrong, len(data), index.chunk_bytes)


def test_an_index_under_other_sizes_or_root_is_refused() -> None:
    data, index = made(1, 40_000)

    for root, total, chunk in (
        ("0" * 64, len(data), index.chunk_bytes),
        (index.root.upper(), len(data), index.chunk_bytes),
        (index.root, len(data), 2 * index.chunk_bytes),
        (index.root, 3 * index.chunk_bytes + 1, index.chunk_bytes),
    ):
        with pytest.raises(content.ContentWrongIndex):
            content.ContentIndex.parse(root, index.raw, total, chunk)


@given(st.binary(max_size=300))
def test_noise_is_never_a_frame_and_never_another_error(noise: bytes) -> None:
    for frame in (noise, b"LOAC\1\1" + noise, b"LOAC\1\2" + noise):
        try:
            read = content.unpack(frame)
        except content.ContentBadFrame:
            continue
        assert len(read.data) == len(frame) - content.HEADER_BYTES


def test_a_frame_larger_than_the_largest_chunk_is_refused() -> None:
    total = content.MAX_TOTAL_BYTES
    data = bytes(content.MAX_CHUNK_BYTES)
    index = content.build_index((data for _ in range(512)), total)
    frame = content.pack_chunk(index, 511, data)

    assert len(frame) == content.MAX_FRAME_BYTES
    assert content.unpack(content.pack_index(index)).data == index.raw
    with pytest.raises(content.ContentBadFrame):
        content.unpack(frame + b"\0")


def test_a_wrong_chunk_or_root_is_never_packed() -> None:
    data, index = made(1, 20_000)
    nameless = content.ContentIndex("../../etc", index.total_bytes, index.chunk_bytes, index.digests)

    with pytest.raises(content.ContentWrongChunk):
        content.pack_chunk(index, 1, data[: 16 * 1024])
    with pytest.raises(content.ContentBadFrame):
        content.pack_index(nameless)


def test_the_golden_files_are_what_the_code_computes() -> None:
    for name, text in MAKE.vectors().items():
        stored = (VECTORS / "content" / name).read_text(encoding="utf-8")

        assert stored == text, f"{name} is stale: run tests/vectors/make_content.py and read the difference"


def test_the_golden_frames_are_accepted_and_refused_as_written() -> None:
    golden = json.loads((VECTORS / "content" / "frames.json").read_text(encoding="utf-8"))

    for case in golden["accepted"]:
        frame = content.unpack(bytes.fromhex(case["frame_hex"]))
        assert (frame.kind.name.lower(), frame.root, frame.i, frame.n) == (
            case["kind"],
            case["root"],
            case["i"],
            case["n"],
        )
    for case in golden["refused"]:
        with pytest.raises(LoaError) as caught:
            content.unpack(bytes.fromhex(case["frame_hex"]))
        assert caught.value.code == case["code"], case["why"]
