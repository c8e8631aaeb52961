"""The library on both databases: what is found, who has room, and what may go."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text

from controller.bulletins.tables import Bulletin, BulletinRevision
from controller.jobs.tables import JobRow
from controller.library import finding, keepers, quotas, retention, service
from controller.library.errors import AssetGone, AssetOfOtherKind, CursorBad, QuotaFull, RetentionOff
from controller.library.finding import Wanted
from controller.library.labels import Labels, Origin
from controller.library.shelving import SAME_CONTENT, shelve
from controller.media.tables import Asset, Rendition
from controller.schedules.tables import ProgrammeRevision, ProgrammeRow, SlotItem
from tests.fakes.shelf import LONG_AGO, NOW, ShelfWorld

CUTOFF = NOW - timedelta(days=90)


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[ShelfWorld]:
    opened = await ShelfWorld.open(database, tmp_path)
    yield opened
    await opened.db.close()


async def found(world: ShelfWorld, **wanted: Any) -> list[str]:
    async with world.db.reading() as session:
        return [row.id for row in (await finding.search(session, Wanted(**wanted))).rows]


async def one_round(world: ShelfWorld, after: timedelta = timedelta()) -> retention.Done:
    return await retention.round_of(world.db, world.objects, now=NOW + after, cutoff=CUTOFF)


async def let_go(world: ShelfWorld) -> retention.Done:
    await one_round(world)
    return await one_round(world, 2 * retention.GRACE)


TYPED = {
    "uy ban": ["a"],
    "ỦY BAN": ["a"],
    "Uỷ ba": ["a"],
    "dien": ["b"],
    "ĐIỆN": ["b"],
    "điện": ["b"],
    "lu quet dong": ["a"],
    "thong bao": ["b", "a"],
    "hong bao": [],
    "uy ban dien": [],
    "100%": ["b"],
    "_ %": ["c", "b", "a"],
    "": ["c", "b", "a"],
}
"""What people type → which of the three below it finds."""


async def test_a_sound_is_found_by_words_as_people_type_them(world: ShelfWorld) -> None:
    await world.put("a", "Thông báo của Uỷ ban", created=LONG_AGO, text="Đề phòng lũ quét, động đất")
    await world.put("b", "Thông báo cắt điện 100%", created=LONG_AGO + timedelta(days=1))
    await world.put("c", "Nhạc", created=LONG_AGO + timedelta(days=2))

    assert {typed: await found(world, q=typed) for typed in TYPED} == TYPED


async def test_filters_narrow_and_pages_follow_each_other(world: ShelfWorld) -> None:
    for number in range(7):
        at = LONG_AGO + timedelta(days=number // 2)
        await world.put(f"s{number}", unit="xa-1" if number % 2 else "xa-2", created=at, language="vi")
    await world.put("giong-may", language="hmn", origin="machine", unit="tinh", created=NOW)
    await world.put("anh", kind="image", unit=None, created=NOW)

    assert await found(world, kind="image") == ["anh"]
    assert await found(world, origin=Origin.MACHINE) == ["giong-may"]
    assert await found(world, language="hmn") == ["giong-may"]
    assert await found(world, unit_id="xa-1") == ["s5", "s3", "s1"]
    assert set(await found(world, within="tinh")) == {"giong-may", *(f"s{n}" for n in range(7))}
    assert await found(world, since=LONG_AGO + timedelta(days=2), until=NOW) == ["s6", "s5", "s4"]
    first = await found(world, language="vi", limit=3)
    second = await found(world, language="vi", limit=3, after=first[-1])
    last = await found(world, language="vi", limit=3, after=second[-1])
    assert first + second + last == [f"s{n}" for n in range(6, -1, -1)]
    with pytest.raises(CursorBad):
        await found(world, after="nothing")


async def test_the_database_does_the_searching(world: ShelfWorld) -> None:
    async with world.db.reading() as session:
        query = str(
            select(Asset.id)
            .where(finding.holds(Asset.folded, "lu", session.get_bind().dialect.name))
            .compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        )
        plan = (await session.execute(text(f"EXPLAIN {query}"))).all()

    assert plan
    assert "folded" in query


async def test_the_same_content_from_another_file_is_told(world: ShelfWorld) -> None:
    await world.put("a", "Bản tin sáng", content=b"sound")
    await world.put("b", "Bản tin sáng (2)", content=b"sound")
    await world.put("c", content=b"another")

    async with world.db.reading() as session:
        asset, more = await service.detail(session, "b")
        _, alone = await service.detail(session, "c")
    assert asset.facts[SAME_CONTENT] == {"asset_id": "a", "title": "Bản tin sáng"}
    assert [row.id for row in more["same"]] == ["a"]
    assert alone["same"] == []
    assert await found(world, sha256=asset.content_sha256) == ["b", "a"]
    assert await found(world, sha256=asset.source_sha256) == ["b"]


async def test_the_same_bytes_count_once_for_a_unit_and_for_each_unit(world: ShelfWorld) -> None:
    await world.put("a", content=b"x" * 100)
    await world.put("b", content=b"x" * 100)
    await world.put("c", content=b"y" * 50, unit="xa-2")
    async with world.db.transaction() as session:
        await shelve(session, "a", Labels(unit_id="xa-2"), None, now=NOW)
        await shelve(session, "a", Labels(unit_id="xa-2"), None, now=NOW)

    async with world.db.reading() as session:
        used = await quotas.usages(session, None)
    assert {unit: (one.assets, one.used_bytes) for unit, one in used.items()} == {
        "xa-1": (2, 104 + 103),
        "xa-2": (2, 104 + 103 + 54 + 53),
    }


async def test_a_full_library_takes_nothing_more_and_keeps_what_it_has(world: ShelfWorld) -> None:
    await world.put("a", content=b"x" * 100, quota=300)

    with pytest.raises(QuotaFull, match="207 of 300"):
        await _crowd(world)
    async with world.db.reading() as session:
        assert await session.get(Asset, "b") is None
        await quotas.require_room(session, "xa-1", 208)
        with pytest.raises(QuotaFull):
            await quotas.require_room(session, "xa-1", 207)


async def _crowd(world: ShelfWorld) -> None:
    try:
        await world.put("b", content=b"y" * 100, quota=300)
    except QuotaFull as error:
        async with world.db.reading() as session:
            used = await quotas.usage(session, "xa-1", 300)
        raise QuotaFull(f"{used.used_bytes} of {used.most_bytes}") from error


async def test_a_units_own_bound_goes_before_the_usual_one(world: ShelfWorld) -> None:
    async with world.db.transaction() as session:
        await quotas.bound(session, "xa-1", 10, now=NOW)

    with pytest.raises(QuotaFull):
        await world.put("a", quota=10**9)
    async with world.db.transaction() as session:
        await quotas.bound(session, "xa-1", None, now=NOW)
    await world.put("b", quota=10**9)


async def test_what_was_broadcast_long_ago_loses_its_bytes_and_keeps_its_evidence(world: ShelfWorld) -> None:
    await world.put("a", content=b"heard")
    await world.air("a", ended=LONG_AGO + timedelta(days=1))

    marked = await one_round(world)
    early = await one_round(world, retention.GRACE / 2)
    done = await one_round(world, 2 * retention.GRACE)

    assert (marked.marked, early.gone, done.gone, done.bytes) == (1, 0, 1, 9 + 8)
    assert not await world.stored("a")
    async with world.db.reading() as session:
        asset, more = await service.detail(session, "a")
        assert [(one.bytes, len(one.sha256)) for one in more["renditions"]] == [(8, 64), (9, 64)]
        assert asset.duration_ms == 1000
        with pytest.raises(AssetGone):
            await service.require_usable(session, "a", "sound")
    assert await found(world) == []
    assert await found(world, gone=True) == ["a"]


async def test_bytes_that_another_asset_has_too_stay(world: ShelfWorld) -> None:
    await world.put("a", content=b"shared")
    await world.put("b", content=b"shared", created=NOW)

    done = await let_go(world)

    assert (done.gone, done.bytes) == (1, 0)
    assert await world.stored("b")


async def _slot(world: ShelfWorld) -> None:
    async with world.db.transaction() as session:
        session.add(
            SlotItem(
                id="tin", unit_id="xa-1", owner_id="xa-1", authority=1, title="x", level="normal", asset_id="in-slot",
                variants={"hmn": "of-slot"}, valid_from=LONG_AGO, valid_until=None, position=1, created_at=LONG_AGO,
            )
        )  # fmt: skip


async def _programme(world: ShelfWorld) -> None:
    async with world.db.transaction() as session:
        session.add(
            ProgrammeRow(
                id="p", unit_id="xa-1", title="x", head=1, planned_until=NOW, created_at=LONG_AGO, retired_at=None
            )
        )
        await session.flush()
        session.add(
            ProgrammeRevision(
                programme_id="p", number=1, effective_from="2025-01-01", made_at=LONG_AGO,
                document={"sessions": [{"segments": [{"asset": "of-programme"}]}]},
            )
        )  # fmt: skip


async def _bulletin(world: ShelfWorld) -> None:
    async with world.db.transaction() as session:
        session.add(
            Bulletin(
                id="bt", unit_id="xa-1", source="own", state="draft", head=1, steps=0, title="x", level="normal",
                field="other", essential=False, languages=" vi ", search="", created_at=LONG_AGO, changed_at=LONG_AGO,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            BulletinRevision(
                bulletin_id="bt", number=1, document={"variants": [{"audio": "of-bulletin"}]}, made_at=LONG_AGO
            )
        )


async def _job(world: ShelfWorld) -> None:
    async with world.db.transaction() as session:
        session.add(
            JobRow(
                id="j", kind="join", title="x", state="queued", progress=0.0, given={"parts": [{"asset": "of-job"}]},
                requested_by="api", created_at=NOW, attempts=0,
            )
        )  # fmt: skip


async def _open_broadcast(world: ShelfWorld) -> None:
    await world.air("of-open", ended=LONG_AGO, closed=False)


async def _recent_broadcast(world: ShelfWorld) -> None:
    await world.air("of-recent", ended=CUTOFF + timedelta(days=1))


async def test_what_something_standing_names_never_goes(world: ShelfWorld) -> None:
    standing = ("in-slot", "of-slot", "of-programme", "of-bulletin", "of-job", "of-open", "of-recent")
    for name in (*standing, "free"):
        await world.put(name)
    for make in (_slot, _programme, _bulletin, _job, _open_broadcast, _recent_broadcast):
        await make(world)

    async with world.db.reading() as session:
        seen = await retention.preview(session, CUTOFF)
    done = await let_go(world)

    assert [one.id for one in seen.oldest] == ["free"]
    assert (seen.assets, seen.bytes) == (1, 2 * len(b"free" * 100) + 7)
    assert done.gone == 1
    assert [name for name in standing if not await world.stored(name)] == []
    assert not await world.stored("free")


async def test_what_was_taken_in_the_moment_of_the_mark_is_kept(world: ShelfWorld) -> None:
    await world.put("a")

    marked = await one_round(world)
    await world.air("a", ended=NOW)
    done = await one_round(world, 2 * retention.GRACE)

    assert (marked.marked, done.gone, done.kept) == (1, 0, 1)
    assert await world.stored("a")
    async with world.db.reading() as session:
        await service.require_usable(session, "a", "sound")


async def test_a_file_handed_in_again_brings_a_marked_one_back(world: ShelfWorld) -> None:
    await world.put("a")
    await one_round(world)

    async with world.db.transaction() as session:
        await shelve(session, "a", Labels(unit_id="xa-2"), None, now=NOW)
    done = await one_round(world, 2 * retention.GRACE)

    assert done.gone == 0
    assert await world.stored("a")


async def test_a_gone_asset_does_not_stand_in_the_way_of_its_file(world: ShelfWorld) -> None:
    await world.put("a")
    await let_go(world)

    async with world.db.reading() as session:
        gone = await session.get_one(Asset, "a")
        taken = select(Asset.id).where(Asset.source_sha256 == gone.source_sha256, Asset.wishes == "")
        assert await session.scalar(taken) is None
        living = select(Rendition.id).where(Rendition.purged_at.is_(None))
        assert (await session.scalars(living)).all() == []


async def test_a_thing_is_used_only_for_what_it_is(world: ShelfWorld) -> None:
    await world.put("anh", kind="image")

    async with world.db.reading() as session:
        assert (await service.picture(session, "anh")).codec == "webp"
        with pytest.raises(AssetOfOtherKind):
            await service.require_usable(session, "anh", "sound")


def test_without_a_period_nothing_goes() -> None:
    with pytest.raises(RetentionOff):
        retention.cutoff_of(NOW, None)


def test_ids_are_found_wherever_they_stand_in_a_document() -> None:
    document = {"a": [{"b": "x1"}, ["x2", 3, None]], "x3": "đ" * 100}

    assert set(keepers.texts(document)) == {"a", "b", "x1", "x2", "x3"}


async def test_a_round_reads_the_documents_once_however_much_there_is_to_do(
    world: ShelfWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    await _bulletin(world)
    for name in (*(f"free-{n}" for n in range(6)), "of-bulletin"):
        await world.put(name)
    asked: list[str] = []

    @event.listens_for(world.db.engine.sync_engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    def read() -> int:
        found = sum("bulletin_revisions.document" in one for one in asked)
        asked.clear()
        return found

    marked = await one_round(world)
    to_mark = read()
    done = await one_round(world, 2 * retention.GRACE)
    to_end = read()

    assert (marked.marked, done.gone, done.kept, done.marked) == (6, 6, 0, 0)
    assert (to_mark, to_end) == (1, 2), "once for what is to end, once for what is to be marked"


async def test_the_documents_are_read_before_anything_is_locked(world: ShelfWorld) -> None:
    await world.put("a")
    await one_round(world)
    held: list[bool] = []

    @event.listens_for(world.db.engine.sync_engine, "before_cursor_execute")
    def note(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "bulletin_revisions.document" in statement:
            held.append(not connection.get_execution_options().get("loa_read_only", False))

    done = await one_round(world, 2 * retention.GRACE)

    assert done.gone == 1
    assert held == [False]
