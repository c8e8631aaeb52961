"""The folder of objects: whole or absent, named by content, never outside its folder."""

import hashlib
import os
from pathlib import Path

import pytest

from controller.runtime.objects import (
    FolderObjectStore,
    ObjectBadName,
    ObjectMismatch,
    ObjectMissing,
)

DATA = b"xin chao" * 1000
NAME = hashlib.sha256(DATA).hexdigest()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def store(tmp_path: Path) -> FolderObjectStore:
    return FolderObjectStore(tmp_path / "objects")


async def test_stored_bytes_come_back_by_their_hash(store: FolderObjectStore) -> None:
    name = await store.put_bytes(DATA)

    assert name == NAME
    assert await store.size(name) == len(DATA)
    assert await store.read(name) == DATA
    await store.verify(name)


async def test_a_range_is_cut_like_a_slice(store: FolderObjectStore) -> None:
    name = await store.put_bytes(DATA)

    assert await store.read(name, offset=5, length=10) == DATA[5:15]
    assert await store.read(name, offset=len(DATA) - 3, length=10) == DATA[-3:]
    assert await store.read(name, offset=len(DATA) + 9) == b""
    with pytest.raises(ValueError, match="range"):
        await store.read(name, offset=-1)


async def test_the_same_bytes_are_one_object(store: FolderObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)

    names = {await store.put_bytes(DATA), await store.put_file(source), await store.put_file(source, sha256=NAME)}

    assert names == {NAME}
    assert files(tmp_path / "objects") == [store.path(NAME)]


async def test_a_file_that_is_not_what_was_promised_is_not_stored(store: FolderObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA + b"!")

    with pytest.raises(ObjectMismatch):
        await store.put_file(source, sha256=NAME)

    assert files(tmp_path / "objects") == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
async def test_a_disk_that_fails_leaves_nothing_half_stored(
    store: FolderObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), full)

    with pytest.raises(OSError, match="No space left"):
        await store.put_bytes(DATA)

    assert files(tmp_path / "objects") == []


async def test_what_a_killed_writer_left_is_swept_and_objects_stay(store: FolderObjectStore, tmp_path: Path) -> None:
    await store.put_bytes(DATA)
    (tmp_path / "objects" / "staging" / "left").write_bytes(DATA[:10])

    swept = await store.sweep()

    assert swept == 1
    assert files(tmp_path / "objects") == [store.path(NAME)]


async def test_rot_on_the_disk_is_found(store: FolderObjectStore) -> None:
    name = await store.put_bytes(DATA)
    store.path(name).write_bytes(b"!" + DATA[1:])

    with pytest.raises(ObjectMismatch):
        await store.verify(name)


async def test_a_missing_or_deleted_object_says_so(store: FolderObjectStore) -> None:
    await store.put_bytes(DATA)

    assert await store.delete(NAME) is True
    assert await store.delete(NAME) is False
    for ask in (store.size, store.read, store.verify):
        with pytest.raises(ObjectMissing):
            await ask(NAME)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", NAME.upper(), NAME[:-1], NAME[:-2] + "/."])
async def test_a_name_never_leaves_the_folder(store: FolderObjectStore, name: str) -> None:
    for ask in (store.size, store.read, store.verify, store.delete):
        with pytest.raises(ObjectBadName):
            await ask(name)
