"""Searching a library of 100,000 assets without accents, as pages ask for it; on SQLite, in the test's own folder.

Raw is the same rows read by a plain query with the same limit and no search in it, so that the ratio says what finding
costs. A rare word is the worst case, because every row is looked at; nothing is decided in Python.
"""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.measuring import Figure, Options, Report, at_most, percentile
from controller.library import finding, quotas
from controller.library.finding import Wanted
from controller.library.shelving import searched
from controller.library.tables import AssetUnit
from controller.media.tables import Asset, Rendition
from controller.runtime.database import Database
from controller.units.tables import Unit

START = datetime(2024, 1, 1, tzinfo=UTC)
UNITS = 200
_SAID = (
    "thông báo họp thôn tiêm phòng lịch cắt điện nước sạch vệ sinh môi trường phòng chống bão lũ quét sạt lở rừng cháy"
    " thuế phí bảo hiểm y tế học sinh nhập học tuyển quân hội phụ nữ thanh niên cựu chiến binh mùa vụ lúa ngô sắn giá"
    " chợ phiên an ninh trật tự giao thông đường điện thoại bưu điện văn hóa thể thao bóng đá ca nhạc"
)
WORDS = _SAID.split()
_TEXT_WORDS = 60
_ROUNDS = 15
_BATCH = 5000

Ask = Callable[[AsyncSession], Awaitable[object]]


def run(options: Options) -> Report:
    """100,000 assets, or 5,000 where it is to be quick."""
    rows = 5_000 if options.quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_measured(Path(folder), rows, random.Random(options.seed)))  # noqa: S311 - repeatable
    return Report("library", figures=figures)


async def _measured(folder: Path, rows: int, chance: random.Random) -> list[Figure]:
    db = Database(f"sqlite+aiosqlite:///{folder / 'loa.db'}")
    await db.migrate()
    await _fill(db, rows, chance)
    raw_ms = await _time_ms(db, _newest)
    asked = {
        "no word: the newest 50": Wanted(),
        "a common word": Wanted(q="thong bao"),
        "a rare word, every row looked at": Wanted(q="hiem thay"),
        "two words and a unit": Wanted(q="dien thoai", unit_id="xa-7"),
    }
    figures = []
    for what, wanted in asked.items():
        ours_ms = await _time_ms(db, partial(finding.search, wanted=wanted))
        figures.append(Figure(what, ours_ms, raw_ms, unit="ms", n=rows, goal=at_most(500)))
    used_ms = await _time_ms(db, lambda session: quotas.usage(session, "xa-7", None))
    figures.append(Figure("what one unit keeps", used_ms, raw_ms, unit="ms", n=rows, goal=at_most(50)))
    await db.close()
    return figures


async def _newest(session: AsyncSession) -> object:
    query = select(*finding.COLUMNS).order_by(Asset.created_at.desc()).limit(finding.PAGE + 1)
    return (await session.execute(query)).all()


async def _time_ms(db: Database, ask: Ask) -> float:
    """The median of some rounds."""
    loop, taken = asyncio.get_running_loop(), []
    for _ in range(_ROUNDS):
        async with db.reading() as session:
            began = loop.time()
            await ask(session)
            taken.append(1000 * (loop.time() - began))
    return percentile(taken, 0.5)


async def _fill(db: Database, rows: int, chance: random.Random) -> None:
    async with db.transaction() as session:
        session.add_all(Unit(id=f"xa-{n}", name=f"Xã {n}", kind="commune") for n in range(UNITS))
    for first in range(0, rows, _BATCH):
        numbers = range(first, min(rows, first + _BATCH))
        async with db.transaction() as session:
            await session.execute(insert(Asset), [_asset(number, rows, chance) for number in numbers])
            await session.execute(insert(Rendition), [_rendition(number) for number in numbers])
            held = [{"asset_id": _id(n), "unit_id": f"xa-{n % UNITS}", "added_at": START} for n in numbers]
            await session.execute(insert(AssetUnit), held)


def _asset(number: int, rows: int, chance: random.Random) -> dict[str, object]:
    title = " ".join(chance.choices(WORDS, k=6))
    text = " ".join(chance.choices(WORDS, k=_TEXT_WORDS)) + (" hiếm thấy" if number == rows // 3 else "")
    return {
        "id": _id(number),
        "kind": "sound",
        "title": title,
        "source_sha256": f"{number:064x}",
        "wishes": "",
        "duration_ms": 60_000,
        "loudness_lufs": -16.0,
        "true_peak_dbtp": -2.0,
        "facts": {"findings": {}, "source": {"container": "mp3", "codec": "mp3", "rate_hz": 48000, "channels": 2}},
        "created_at": START + timedelta(minutes=number),
        "unit_id": f"xa-{number % UNITS}",
        "language": "vi",
        "origin": "upload",
        "text": text,
        "folded": searched(title, text),
        "content_sha256": f"{number:064x}",
    }


def _rendition(number: int) -> dict[str, object]:
    name = f"{number:064x}"
    return {
        "id": f"r-{number}",
        "asset_id": _id(number),
        "codec": "opus",
        "media_type": "audio/ogg",
        "sha256": name,
        "root": name,
        "bytes": 180_000,
        "chunk_bytes": 16_384,
    }


def _id(number: int) -> str:
    return f"a-{number:07}"
