"""Sounds joined over the API: what devices would hear of it, what is refused, what a cancelled job leaves."""

import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pyloudnorm
import pytest
from sqlalchemy import select

from controller.media import join_job
from controller.media.encode import decode
from controller.media.join_job import JoinKind
from controller.media.joiner import Joiner
from controller.media.tables import Asset, Rendition
from loa_protocol.documents.plan import CHIME_MS
from tests.acceptance.rig import make_tone
from tests.fakes.job_house import ASYNC, HANGS, House, housed

RATE = 48_000
EDGE_MS = 25
"""As far as an Opus frame may smear an edge."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


async def taken_in(house: House, hz: float, seconds: float) -> str:
    answer = await house.hand_in(make_tone(house.folder / f"{hz:.0f}.wav", hz=hz, seconds=seconds))
    return str(answer.json()["id"])


async def heard(house: House, asset_id: str) -> dict[str, npt.NDArray[np.float32]]:
    """Every encoding of a sound, as devices decode it."""
    async with house.controller.db.reading() as session:
        rows = (await session.scalars(select(Rendition).where(Rendition.asset_id == asset_id))).all()
    return {row.codec: np.concatenate(list(decode(house.controller.objects.path(row.sha256)))) for row in rows}


def pitch_hz(sound: npt.NDArray[np.float32]) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound * np.hanning(sound.size))))) * RATE / sound.size


def between(sound: npt.NDArray[np.float32], start_ms: int, end_ms: int) -> npt.NDArray[np.float32]:
    """Without what an encoder may smear."""
    return sound[RATE * (start_ms + EDGE_MS) // 1000 : RATE * (end_ms - EDGE_MS) // 1000]


def level_db(sound: npt.NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


async def test_parts_joined_become_one_sound_with_every_part_in_its_place(house: House) -> None:
    low, high = await taken_in(house, 400, 1.5), await taken_in(house, 1900, 1.0)
    parts = [{"chime": "opening"}, {"pause_ms": 700}, {"asset_id": low}, {"pause_ms": 400}, {"asset_id": high}]

    answer = await house.api.post("/media/joined", json={"title": "Bản tin sáng", "parts": parts})

    made = answer.json()
    assert (answer.status_code, made["title"]) == (201, "Bản tin sáng"), made
    at = [0, *np.cumsum([CHIME_MS["opening"], 700, 1500, 400, 1000])]
    assert made["duration_ms"] == at[-1]
    assert made["facts"]["joined_from"] == parts
    for codec, sound in (await heard(house, made["id"])).items():
        assert abs(sound.size - RATE * at[-1] / 1000) <= RATE / 1000, codec
        pieces = [between(sound, start, end) for start, end in pairwise(at)]
        assert [round(pitch_hz(pieces[n]), -1) for n in (2, 4)] == [400, 1900], codec
        assert min(level_db(pieces[n]) for n in (0, 2, 4)) > -35, codec
        assert max(level_db(pieces[n]) for n in (1, 3)) < -60, codec
        lufs = pyloudnorm.Meter(RATE).integrated_loudness(np.stack([sound, sound], axis=1))
        assert lufs == pytest.approx(-16, abs=1), codec
        assert 20 * np.log10(np.abs(sound).max()) <= -1.5, codec
    assert made["true_peak_dbtp"] <= -1.5
    jobs = (await house.api.get("/jobs")).json()
    assert [(job["kind"], job["state"]) for job in jobs] == [("join", "done"), ("intake", "done"), ("intake", "done")]
    await house.clean()


async def test_the_same_parts_again_are_the_same_sound(house: House) -> None:
    body: dict[str, Any] = {"title": "Nhạc hiệu", "parts": [{"chime": "attention"}, {"pause_ms": 100}]}
    other = {**body, "parts": [{"pause_ms": 100}, {"chime": "attention"}]}

    first = await house.api.post("/media/joined", json=body, headers={"Idempotency-Key": "k"})
    replayed = await house.api.post("/media/joined", json=body, headers={"Idempotency-Key": "k"})
    again = await house.api.post("/media/joined", json={**body, "title": "Khác"})
    turned = await house.api.post("/media/joined", json=other)
    conflict = await house.api.post("/media/joined", json=other, headers={"Idempotency-Key": "k"})

    assert [answer.status_code for answer in (first, replayed, again, turned)] == [201] * 4
    assert first.json()["id"] == replayed.json()["id"] == again.json()["id"] != turned.json()["id"]
    assert replayed.headers["Location"] == first.headers["Location"] != again.headers["Location"]
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_conflict")


async def known(house: House, asset_id: str, duration_ms: int) -> None:
    """A sound of the library whose bytes were lost."""
    now = house.clock.now()
    levels = {"loudness_lufs": -16.0, "true_peak_dbtp": -2.0}
    async with house.controller.db.transaction() as session:
        session.add(
            Asset(
                id=asset_id,
                title="Mất",
                source_sha256=asset_id,
                duration_ms=duration_ms,
                facts={},
                created_at=now,
                **levels,
            )
        )
        await session.flush()
        facts = {"media_type": "audio/ogg", "sha256": "0" * 64, "root": "0" * 64, "bytes": 1, "chunk_bytes": 1}
        session.add(Rendition(id=f"{asset_id}-r", asset_id=asset_id, codec="opus", **facts))


CHIME = {"chime": "opening"}
REFUSED: list[tuple[list[dict[str, Any]], int, str]] = [
    ([], 422, "nothing_to_join"),
    ([{"pause_ms": 700}], 422, "nothing_to_join"),
    ([CHIME, {"chime": "gong"}], 422, "chime_unknown"),
    ([CHIME, {"asset_id": "khong-co"}], 404, "asset_unknown"),
    ([CHIME, {"asset_id": "dai"}], 413, "clip_too_long"),
    ([CHIME, {"pause_ms": 119_000}], 413, "clip_too_long"),
    ([{"asset_id": "vua"}] * 2, 413, "clip_too_long"),
    ([CHIME, {"chime": "opening", "pause_ms": 1}], 422, "request_invalid"),
    ([CHIME, {}], 422, "request_invalid"),
    ([CHIME, {"pause_ms": -1}], 422, "request_invalid"),
    ([CHIME, {"file": "/etc/passwd"}], 422, "request_invalid"),
    ([CHIME] * 51, 422, "request_invalid"),
]


async def test_what_cannot_be_joined_is_refused_before_it_is_a_job(house: House) -> None:
    await known(house, "dai", 120_001)
    await known(house, "vua", 60_001)

    answers = [(await house.api.post("/media/joined", json={"title": "T", "parts": parts})) for parts, _, _ in REFUSED]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [told[1:] for told in REFUSED]
    assert (await house.api.get("/jobs")).json() == []


async def test_a_sound_whose_bytes_were_lost_fails_the_job_with_its_code(house: House) -> None:
    await known(house, "mat", 1000)

    answer = await house.api.post("/media/joined", json={"title": "T", "parts": [CHIME, {"asset_id": "mat"}]})

    assert answer.json()["code"] == "object_missing"
    (job,) = (await house.api.get("/jobs")).json()
    assert (job["state"], job["error"]["code"], job["attempts"]) == ("failed", "object_missing", 1)
    await house.clean()


async def test_cancelling_a_join_kills_its_child_and_leaves_nothing(house: House) -> None:
    hanging = JoinKind(house.controller.library, Joiner((sys.executable, "-c", HANGS)))
    house.controller._worker._kinds = {join_job.KIND: hanging}  # type: ignore[union-attr]
    body = {"title": "T", "parts": [CHIME]}
    job_id = (await house.api.post("/media/joined", json=body, headers=ASYNC)).json()["id"]
    child = await house.child()

    answer = await house.api.delete(f"/jobs/{job_id}")

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert not psutil.pid_exists(child.pid)
    assert house.left() == []
    assert house.objects() == []
    assert await house.assets() == []
