"""Wishes for sounds over the API: what becomes of them, what one file is with others, findings and pictures."""

import asyncio
import hashlib
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from controller.api import headers
from controller.media.encode import decode
from controller.media.tables import Asset, Rendition
from loa_protocol.documents.plan import CHIME_MS
from tests.fakes import media_corpus as corpus
from tests.fakes.job_house import House, housed


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


@pytest.fixture
async def either_house(tmp_path: Path, database: str) -> AsyncIterator[House]:
    async with housed(tmp_path, database_url=database) as made:
        yield made


def recording(folder: Path, before_s: float = 3.0, after_s: float = 4.0) -> Path:
    """A tone between silences."""
    rest = np.random.default_rng(1).standard_normal(round((before_s + 2 + after_s) * 48_000)) * 1e-4
    start = round(before_s * 48_000)
    rest[start : start + 96_000] += corpus.tone(2.0)[0]
    return corpus.wav(folder / "thu.wav", rest.astype(np.float32).reshape(1, -1))


async def take_in(house: House, path: Path, **wishes: str) -> httpx.Response:
    content = await asyncio.to_thread(path.read_bytes)
    return await house.api.post("/media", files={"file": (path.name, content)}, data=wishes)


async def heard(house: House, asset_id: str) -> np.ndarray:
    """As a device decodes it."""
    async with house.controller.db.reading() as session:
        query = select(Rendition).where(Rendition.asset_id == asset_id, Rendition.codec == "opus")
        row = (await session.scalars(query)).one()
    return np.concatenate(list(decode(house.controller.objects.path(row.sha256))))


async def test_one_file_is_one_asset_for_each_of_its_wishes(either_house: House) -> None:
    house = either_house
    source = recording(house.folder)

    plain, trimmed = await take_in(house, source), await take_in(house, source, trim="true")
    again = await take_in(house, source, trim="1", title="Tên khác", before="", repeats="")
    by_query = await house.api.post("/media?trim=true", content=source.read_bytes())

    assert [one.status_code for one in (plain, trimmed, again, by_query)] == [201] * 4, trimmed.text
    assert trimmed.json()["id"] == again.json()["id"] == by_query.json()["id"] != plain.json()["id"]
    assert plain.json()["source_sha256"] == trimmed.json()["source_sha256"]
    assert plain.json()["duration_ms"] == 9000
    assert trimmed.json()["duration_ms"] == pytest.approx(2000 + 250 + 400, abs=30)
    assert trimmed.json()["facts"]["wishes"] == {"trim": True}


async def test_findings_are_told_in_both_languages(house: House) -> None:
    plain, trimmed = [(await take_in(house, recording(house.folder), trim=trim)).json() for trim in ("no", "yes")]

    told = {one["code"]: one for one in plain["findings"]}
    cut = {one["code"]: one for one in trimmed["findings"]}
    assert told["silence_at_start"]["value"] == pytest.approx(3000, abs=20)
    assert told["silence_at_end"]["value"] == pytest.approx(4000, abs=20)
    assert "im lặng 4.0 giây" in told["silence_at_end"]["vi"]
    assert "4.0 s of silence" in told["silence_at_end"]["en"]
    assert {"silence_at_start", "silence_at_end"}.isdisjoint(cut)
    assert cut["trimmed_start"]["value"] == pytest.approx(2750, abs=20)
    assert cut["trimmed_end"]["value"] == pytest.approx(3600, abs=20)


async def test_a_sound_of_the_library_serves_as_a_chime(house: House) -> None:
    jingle = corpus.wav(house.folder / "nhac_hieu.wav", corpus.tone(1.5, level=0.02))
    talk = corpus.wav(house.folder / "tin.wav", corpus.noise(3))
    chime = (await take_in(house, jingle)).json()["id"]

    wishes = {"before": f"asset:{chime}", "after": "chime:closing", "repeats": "2", "gap_ms": "500"}
    made = (await take_in(house, talk, **wishes)).json()

    expected = 1500 + 300 + 3000 + 500 + 3000 + 300 + CHIME_MS["closing"]
    assert made["duration_ms"] == pytest.approx(expected, abs=5), made
    sound = await heard(house, made["id"])
    opening = sound[4_800:67_200]
    pitch_hz = np.argmax(np.abs(np.fft.rfft(opening * np.hanning(opening.size)))) * 48_000 / opening.size
    assert pitch_hz == pytest.approx(997, abs=5)
    again = await take_in(house, talk, **wishes)
    assert again.json()["id"] == made["id"]
    await house.clean()


REFUSED = (
    ({"before": "chime:gong"}, 422, "chime_unknown"),
    ({"before": "asset:nhac"}, 413, "clip_too_long"),
    ({"before": "asset:anh"}, 422, "wish_refused"),
    ({"after": "asset:cu"}, 422, "wish_refused"),
    ({"after": "asset:khong-co"}, 404, "asset_unknown"),
    ({"after": "../../etc/passwd"}, 422, "request_invalid"),
    ({"repeats": "0"}, 422, "request_invalid"),
    ({"loudness_lufs": "nan"}, 422, "request_invalid"),
    ({"profile": "opera"}, 422, "request_invalid"),
)


async def test_a_wish_that_cannot_be_is_refused_before_any_work(house: House) -> None:
    sound = corpus.wav(house.folder / "tin.wav", corpus.tone(1))
    async with house.controller.db.transaction() as session:
        now = house.clock.now()
        for asset_id, kind, duration_ms in (("nhac", "sound", 121_000), ("anh", "image", 0), ("cu", "sound", 1_000)):
            told = {"facts": {}, "created_at": now, "source_sha256": asset_id, "title": "Nhạc"}
            gone = now if asset_id == "cu" else None
            session.add(Asset(id=asset_id, kind=kind, duration_ms=duration_ms, purged_at=gone, **told))

    for wish, status, code in REFUSED:
        answer = await take_in(house, sound, **wish)

        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await house.api.get("/jobs")).json() == []
    await house.clean()


async def test_the_picture_is_small_and_shows_where_it_sounds(house: House) -> None:
    made = (await take_in(house, recording(house.folder))).json()

    figures = await house.api.get(f"/media/{made['id']}/waveform")
    drawn = await house.api.get(f"/media/{made['id']}/waveform.svg")
    unknown = await house.api.get("/media/khong-co/waveform")

    wave = figures.json()
    assert len(figures.content) < 5_000
    assert wave["duration_ms"] == 9000
    high = np.array(wave["high"])
    assert high[: high.size * 3 // 9 - 1].max() <= 1, "silence before"
    assert high[high.size * 3 // 9 + 2 : high.size * 5 // 9 - 2].min() >= 15, "the tone"
    assert max(wave["lufs"]) == pytest.approx(-16, abs=1.5)
    root = ET.fromstring(drawn.text)  # noqa: S314 - our own answer
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {child.tag.rpartition("}")[2] for child in root.iter()} <= {"svg", "title", "path", "text"}
    assert (unknown.status_code, unknown.json()["code"]) == (404, "asset_unknown")


async def test_a_refusal_is_told_in_vietnamese_too(house: House) -> None:
    answer = await take_in(house, corpus.wav(house.folder / "tin.wav", np.zeros((1, 96_000), np.float32)))

    assert (answer.status_code, answer.json()["code"]) == (422, "media_silent")
    assert "micrô" in answer.json()["details"]["vi"]


async def test_the_station_s_settings_are_what_is_usual(tmp_path: Path) -> None:
    async with housed(tmp_path, loudness_lufs=-20.0, true_peak_dbtp=-3.0) as house:
        made = (await take_in(house, recording(house.folder))).json()

        assert made["loudness_lufs"] == pytest.approx(-20, abs=0.7)
        assert made["true_peak_dbtp"] <= -3.0
        assert made["facts"]["wishes"] == {"loudness_lufs": -20.0, "true_peak_dbtp": -3.0}


async def test_what_is_approved_can_be_heard_whole_or_in_part_and_is_nothing_else(house: House) -> None:
    made = (await take_in(house, recording(house.folder), title='Họp 17/8 "gấp"')).json()
    address = f"/media/{made['id']}/sound"

    opus, mp3 = await house.api.get(address), await house.api.get(address, params={"codec": "mp3"})
    part = await house.api.get(address, headers={"Range": "bytes=0-99"})
    beyond = await house.api.get(address, headers={"Range": f"bytes={len(opus.content)}-"})
    other = await house.api.get(address, params={"codec": "wav"})
    nothing = await house.api.get("/media/khong-co/sound")

    assert (opus.status_code, opus.headers["content-type"], opus.content[:4]) == (
        200,
        "audio/ogg; codecs=opus",
        b"OggS",
    )
    assert (mp3.status_code, mp3.headers["content-type"]) == (200, "audio/mpeg")
    async with house.controller.db.reading() as session:
        stored = {row.codec: row.sha256 for row in await session.scalars(select(Rendition))}
    assert {"opus": sha256(opus), "mp3": sha256(mp3)} == stored
    assert opus.headers["x-content-type-options"] == "nosniff"
    assert opus.headers["content-security-policy"] == headers.INERT
    assert opus.headers["etag"] == f'"{stored["opus"]}"'
    assert opus.headers["content-disposition"] == "inline; filename*=utf-8''H%E1%BB%8Dp%2017-8%20%22g%E1%BA%A5p%22.opus"
    assert (part.status_code, part.content) == (206, opus.content[:100])
    assert part.headers["content-range"] == f"bytes 0-99/{len(opus.content)}"
    assert (beyond.status_code, other.status_code, nothing.status_code) == (416, 422, 404)
    async with house.controller.db.transaction() as session:
        (await session.get_one(Asset, made["id"])).purged_at = house.clock.now()
    gone = await house.api.get(address)
    assert (gone.status_code, gone.json()["code"]) == (410, "asset_gone")


def sha256(answer: httpx.Response) -> str:
    return hashlib.sha256(answer.content).hexdigest()
