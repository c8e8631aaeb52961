"""A folder of bulletins against the real controller: what is broadcast, what is refused, and that it happens once."""

import asyncio
import hashlib
import json
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from controller.api.app import create_app
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.tables import BroadcastRow
from controller.devices import service as devices
from controller.jobs import service as jobs
from controller.jobs import store as job_store
from controller.media import store as media
from controller.runtime.settings import Role
from controller.sources.config import Source
from controller.sources.desk import Desk
from controller.sources.folder import FolderSource
from controller.units import service as units
from loa_cli.provisioning import Bundle, make_key
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome
from tests.acceptance.rig import make_tone
from tests.fakes.roles import STAFF, take_in
from tests.fakes.running_controller import Running, eventually, running
from tests.fakes.source_folder import CODE, bulletin, drop, result, soon
from tests.fakes.wire_device import skipped

SETTLE_S = 2.0
SETTLED = timedelta(seconds=SETTLE_S + 0.1)
ROLES = frozenset({Role.API, Role.PLANNER, Role.JOBS})
NOWHERE = ("mqtt://127.0.0.1:1",)
"""Only answers of devices need a broker."""


@dataclass
class Province:
    """A running controller, a source folder, and its desk, which works when it is told to."""

    system: Running
    folder: Path
    source: Source
    api: httpx.AsyncClient
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As after the death of its process: nothing is remembered."""
        adapter = FolderSource(self.folder, self.system.clock, settle_s=SETTLE_S)
        self.desk = Desk(self.source, adapter, self.system.controller._around_sources())

    async def rounds(self, times: int = 1) -> None:
        """Look, let everything settle, look again."""
        for _ in range(times):
            await self.desk.round()
            self.system.clock.ahead += SETTLED
            await self.desk.round()

    async def drop(self, key: str = "X", **changes: Any) -> dict[str, Any]:
        """Drop a bulletin and give its result."""
        drop(self.folder, key, bulletin(**changes))
        await self.rounds()
        return self.told(key)

    def told(self, key: str = "X") -> dict[str, Any]:
        found = result(self.folder, key)
        assert found is not None, (
            f"no result for {key}; the folder has {sorted(path.name for path in self.folder.iterdir())}"
        )
        return found

    async def get(self, path: str, **query: str) -> Any:
        """What the API says."""
        answer = await self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def listed(self) -> Any:
        """The only bulletin, whole."""
        (row,) = await self.get("/bulletins")
        return await self.get(f"/bulletins/{row['id']}")

    async def broadcasts(self) -> list[BroadcastRow]:
        async with self.system.controller.db.reading() as session:
            return list(await session.scalars(select(BroadcastRow).order_by(BroadcastRow.created_at)))

    async def job_ended(self) -> None:
        """Until the newest sound has been taken in or refused."""
        async with self.system.controller.db.reading() as session:
            (newest,) = await job_store.newest(session, 1)
        await jobs.end_of(self.system.controller.db, newest.id, 20)


@asynccontextmanager
async def _province(tmp_path: Path, **given: Any) -> AsyncIterator[Province]:
    folder = tmp_path / "nguon"
    folder.mkdir()
    given = {"roles": ROLES, "brokers": NOWHERE, "answer_deadline_s": 1, **given}
    async with running(tmp_path, **given) as system:
        async with system.controller.db.transaction() as session:
            await units.create(session, unit_id="huyen", name="Nơi khác", kind="commune", parent_id="tinh", code="111")
            await units.create(session, unit_id="xa", name="Xã", kind="commune", parent_id="tinh", code=CODE)
            await units.create(session, unit_id="thon", name="Thôn", kind="village", parent_id="xa", code="25747-1")
            await units.create(session, unit_id="vang", name="Vắng", kind="village", parent_id="xa", code="25747-2")
            await units.create(session, unit_id="loa", name="Chỉ loa", kind="village", parent_id="xa", code="25747-3")
            for device, kind, unit in (("bang-1", "board", "thon"), ("loa-9", "speaker", "loa")):
                key = make_key(Bundle(tmp_path / device))
                await devices.register(
                    session, device_id=device, name=device, kind=kind, unit_id=unit, public_key=key, profile="default",
                    languages=["vi"], stagger_ms=0, now=system.clock.now(),
                )  # fmt: skip
        source = Source(name="tinh", dialect="folder", path=str(folder), unit="xa", levels=(Level.NORMAL,))
        app = await asyncio.to_thread(create_app, system.controller, "bi-mat")
        async with _client(app) as api:
            yield Province(system, folder, source, api)


def _client(app: FastAPI) -> httpx.AsyncClient:
    token = {"Authorization": "Bearer bi-mat"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1/api/v1", headers=token)


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    async with _province(tmp_path) as made:
        yield made


@pytest.fixture
async def province_with_devices(tmp_path: Path) -> AsyncIterator[Province]:
    async with _province(tmp_path, roles=frozenset(Role) - {Role.SOURCES}, brokers=("embedded",)) as made:
        yield made


@pytest.fixture
async def either_province(tmp_path: Path, database: str) -> AsyncIterator[Province]:
    """Once on SQLite, once on PostgreSQL."""
    async with _province(tmp_path, database_url=database) as made:
        yield made


async def test_a_text_is_broadcast_to_its_area_and_the_sender_is_told(province: Province) -> None:
    told = await province.drop(text="Họp thôn")

    (made,) = await province.broadcasts()
    assert told["state"] == "accepted"
    assert told["final"] is False
    assert told["error"] is None
    assert [one["id"] for one in told["broadcasts"]] == [made.id]
    assert [note["code"] for note in told["notes"]] == ["text_for_boards_only"]
    assert made.board is not None
    assert made.board["text"] == "Họp thôn"
    async with province.system.controller.db.reading() as session:
        assert await broadcast_store.scopes(session, made.id) == ("u-xa",)


async def test_nothing_is_broadcast_twice_however_often_it_is_seen(either_province: Province) -> None:
    await either_province.drop()
    for _ in range(3):
        either_province.restart()
        await either_province.rounds()
    drop(either_province.folder, "cùng-bản-tin", json.loads((either_province.folder / "X.json").read_text()))
    await either_province.rounds()

    assert len(await either_province.broadcasts()) == 1
    assert either_province.told("cùng-bản-tin")["broadcasts"] == either_province.told()["broadcasts"]


async def test_other_content_under_the_same_id_is_refused_and_what_stood_stands(province: Province) -> None:
    await province.drop()

    told = await province.drop(text="Nội dung khác")

    (made,) = await province.broadcasts()
    assert told["error"]["code"] == "source_item_changed"
    assert told["state"] == "accepted"
    assert made.cancelled_at is None


async def test_a_higher_revision_takes_the_place_of_the_earlier_one(either_province: Province) -> None:
    await either_province.drop()

    told = await either_province.drop(text="Bản sửa", revision=2)

    first, second = await either_province.broadcasts()
    assert first.cancelled_at is not None
    assert second.cancelled_at is None
    assert told["revision"] == 2
    assert [one["revision"] for one in told["broadcasts"]] == [1, 2]
    assert (await either_province.drop("Y", text="Bản cũ"))["error"]["code"] == "source_item_older"
    assert len(await either_province.broadcasts()) == 2


async def test_a_withdrawn_item_never_starts_and_its_end_is_told(province: Province) -> None:
    await province.drop()
    (province.folder / "X.withdraw").touch()
    await province.rounds()

    (made,) = await province.broadcasts()
    assert made.cancelled_at is not None
    await _closed(province)
    told = province.told()
    assert (told["state"], told["final"]) == ("withdrawn", True)
    assert told["outcomes"] == {}


async def test_a_withdrawal_by_revision_ends_it_too(province: Province) -> None:
    await province.drop()

    told = await province.drop(revision=2, state="withdrawn")

    (made,) = await province.broadcasts()
    assert made.cancelled_at is not None
    assert told["state"] == "withdrawn"


async def test_what_arrives_withdrawn_is_never_broadcast(province: Province) -> None:
    (province.folder / "X.withdraw").touch()

    told = await province.drop()

    assert (told["state"], told["final"]) == ("withdrawn", True)
    assert await province.broadcasts() == []


async def test_a_withdrawal_of_nothing_is_told_so(province: Province) -> None:
    (province.folder / "X.withdraw").touch()
    await province.rounds()

    assert province.told()["error"]["code"] == "source_item_unknown"


REFUSED: list[tuple[dict[str, Any], str, str | None]] = [
    ({"level": "emergency"}, "emergency_needs_alert", None),
    ({"level": "priority"}, "source_level_refused", "level"),
    ({"areas": ["111"]}, "source_area_refused", "areas[0]"),
    ({"areas": [CODE, "00000"]}, "source_area_unknown", "areas[1]"),
    ({"areas": ["25747-2"]}, "target_empty", None),
    ({"areas": ["25747-3"]}, "source_needs_audio", "audio"),
    ({"text": None}, "source_needs_text", "$"),
    ({"audio": {"file": "thieu.mp3"}}, "source_audio_missing", "audio.file"),
    ({"audio": {"file": "../bi-mat.wav"}}, "source_file_refused", "audio.file"),
    ({"audio": {"file": "/etc/hostname"}}, "source_file_refused", "audio.file"),
    ({"audio": {"file": ".an.wav"}}, "source_file_refused", "audio.file"),
    ({"audio": {"file": "lien-ket.wav"}}, "source_file_refused", "audio.file"),
    ({"audio": {"file": "ong.wav"}}, "source_file_refused", "audio.file"),
    ({"audio": {"file": "that.wav", "sha256": "0" * 64}}, "source_audio_mismatch", "audio.sha256"),
    ({"when": {"kind": "at", "at": soon(hours=-2)}}, "source_too_late", "when"),
    ({"valid_until": soon(hours=-1), "when": {"kind": "now"}}, "source_too_late", "valid_until"),
    ({"when": {"kind": "window", "from": soon(hours=2), "to": soon(hours=1)}}, "source_window_invalid", "when.to"),
    ({"when": {"kind": "at", "at": soon(days=20)}, "valid_until": soon(days=30)}, "source_window_invalid", "when"),
    ({"when": {"kind": "at", "at": "2026-11-22T05:00:00"}}, "source_malformed", "when.at"),
    ({"when": {"kind": "sometime"}}, "source_malformed", "when.kind"),
    ({"areas": []}, "source_malformed", "areas"),
    ({"repeat": 3}, "source_malformed", "$"),
    ({"id": "../../x"}, "source_malformed", "id"),
    ({"format": "loa-bulletin-2"}, "source_malformed", "format"),
]


async def test_what_may_not_be_broadcast_is_refused_with_code_and_field(province: Province) -> None:
    make_tone(province.folder / "that.wav", seconds=0.6)
    make_tone(province.folder.parent / "bi-mat.wav", seconds=0.6)
    (province.folder / "lien-ket.wav").symlink_to(province.folder.parent / "bi-mat.wav")
    os.mkfifo(province.folder / "ong.wav")
    for number, (changes, _, _) in enumerate(REFUSED):
        drop(province.folder, f"x{number}", bulletin(**{"id": f"BT-{number}", **changes}))

    await province.rounds(2)

    told = [province.told(f"x{number}") for number in range(len(REFUSED))]
    assert [(one["error"]["code"], one["error"]["field"]) for one in told] == [(c, f) for _, c, f in REFUSED]
    assert {(one["state"], one["final"]) for one in told} == {("refused", True)}
    assert not [one for one in told if not one["error"]["message"] or "mã lỗi" in one["error"]["message_vi"]]
    assert await province.broadcasts() == []
    assert not list((province.system.controller.settings.data_dir / "spool").glob("*"))


async def test_a_hundred_damaged_items_are_all_refused_and_nothing_is_broadcast(province: Province) -> None:
    chance = random.Random(20261121)
    whole = json.dumps(bulletin(id="HONG"), ensure_ascii=False).encode()
    damaged = [_damaged(whole, number, chance) for number in range(100)]
    for number, raw in enumerate(damaged):
        drop(province.folder, f"h{number}", raw)

    await province.rounds(6)

    told = [province.told(f"h{number}") for number in range(100)]
    assert {one["state"] for one in told} == {"refused"}
    assert {one["error"]["code"] for one in told} == {"source_malformed"}
    assert await province.broadcasts() == []


REQUIRED = ("format", "id", "title", "agency", "level", "essential", "areas", "when", "valid_until")


def _damaged(whole: bytes, number: int, chance: random.Random) -> bytes:
    """Cut, doubled, deep, foreign, with a field twice, too many, too few or mistyped: none of them is a bulletin."""
    fields, field_name = json.loads(whole), chance.choice(REQUIRED)
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: whole[: chance.randrange(len(whole) - 1)],
        lambda: whole + whole,
        lambda: b"[" * 5000,
        lambda: chance.randbytes(chance.randrange(1, 500)),
        lambda: whole[:-1] + b', "id": "KHAC"}',
        lambda: whole[:-1] + f', "{chance.randrange(1 << 32):x}": 1}}'.encode(),
        lambda: whole.decode().encode("utf-16"),
        lambda: whole + b" " * 70_000,
        lambda: json.dumps({key: value for key, value in fields.items() if key != field_name}).encode(),
        lambda: json.dumps({**fields, field_name: chance.choice([7.5, {}, None])}).encode(),
    )
    return kinds[number % len(kinds)]()


async def test_a_file_still_being_written_is_left_alone_until_it_has_settled(province: Province) -> None:
    raw = json.dumps(bulletin(), ensure_ascii=False).encode()
    with (province.folder / "X.json").open("wb") as out:
        for at in range(0, len(raw), 100):
            out.write(raw[at : at + 100])
            out.flush()
            province.system.clock.ahead += SETTLED / 2
            await province.desk.round()
            assert result(province.folder, "X") is None
    await province.rounds()

    assert province.told()["state"] == "accepted"


async def test_a_ready_mark_spares_the_waiting(province: Province) -> None:
    drop(province.folder, "X", bulletin())
    (province.folder / "X.ready").touch()
    await province.desk.round()

    assert province.told()["state"] == "accepted"


async def test_a_refused_item_is_looked_at_again_when_its_sound_has_come(province: Province) -> None:
    told = await province.drop(areas=["25747-3"], text=None, audio={"file": "tin.wav"})
    assert told["error"]["code"] == "source_audio_missing"
    make_tone(province.folder / "tin.wav", seconds=1.0)
    await province.rounds()
    assert province.told()["state"] == "accepted"
    assert await province.broadcasts() == []
    assert (await province.listed())["state"] == "draft"
    await province.job_ended()

    await province.rounds()

    (made,) = await province.broadcasts()
    listed = await province.listed()
    assert (listed["state"], listed["approved_revision"]) == ("approved", listed["revision"])
    assert listed["document"]["variants"][0]["audio_kind"] == "upload"
    async with province.system.controller.db.reading() as session:
        assert [one.id for one in await media.newest(session, 5)] == [listed["document"]["variants"][0]["audio"]]
    assert [one["id"] for one in province.told()["broadcasts"]] == [made.id]
    assert made.duration_ms == pytest.approx(1000, abs=100)
    assert not list((province.system.controller.settings.data_dir / "spool").glob("*"))


async def test_a_sound_that_cannot_be_taken_in_is_told_with_the_intakes_code(province: Province) -> None:
    (province.folder / "tin.mp3").write_bytes(b"#EXTM3U\nhttp://127.0.0.1:9/a.ts\n")
    sha256 = hashlib.sha256((province.folder / "tin.mp3").read_bytes()).hexdigest()
    await province.drop(audio={"file": "tin.mp3", "sha256": sha256})
    await province.job_ended()

    await province.rounds()

    told = province.told()
    assert (told["state"], told["final"]) == ("refused", True)
    assert (told["error"]["code"], told["error"]["field"]) == ("media_format_refused", "audio")
    assert await province.broadcasts() == []
    listed = await province.listed()
    assert (listed["state"], listed["placements"]) == ("withdrawn", [])
    steps = (await province.get(f"/bulletins/{listed['id']}/history"))["steps"]
    assert "media_format_refused" in steps[-1]["why"]


async def test_an_item_withdrawn_while_its_sound_is_taken_in_leaves_nothing(either_province: Province) -> None:
    make_tone(either_province.folder / "tin.wav", seconds=60.0)
    await either_province.drop(audio={"file": "tin.wav"})
    (either_province.folder / "X.withdraw").touch()

    await either_province.rounds()

    told = either_province.told()
    assert (told["state"], told["final"]) == ("withdrawn", True)
    assert (await either_province.listed())["state"] == "withdrawn"
    assert await either_province.broadcasts() == []
    assert not list((either_province.system.controller.settings.data_dir / "spool").glob("*"))
    assert not list((either_province.system.controller.settings.data_dir / "intake").glob("*"))
    async with either_province.system.controller.db.reading() as session:
        assert list(await media.newest(session, 5)) == []


async def test_an_item_is_a_bulletin_that_its_source_has_approved(either_province: Province) -> None:
    told = await either_province.drop(text="Họp thôn tối nay")

    (row,) = await either_province.get("/bulletins", source="province", q="hop thon")
    whole = await either_province.get(f"/bulletins/{row['id']}")
    (placed,) = whole["placements"]
    steps = (await either_province.get(f"/bulletins/{row['id']}/history"))["steps"]
    assert (row["state"], row["approved_revision"], row["author_id"]) == ("approved", 1, None)
    assert (row["title"], row["essential"], row["unit_id"]) == ("Lịch tiêm chủng", True, "xa")
    assert (whole["document"]["agency"], whole["source_ref"]) == ("Sở Y tế", "tinh/BT-1")
    (variant,) = whole["document"]["variants"]
    assert variant["text"] == variant["board"]["long"] == "Họp thôn tối nay"
    assert (placed["state"], placed["revision"], placed["scopes"]) == ("placed", 1, ["u-xa"])
    assert [placed["broadcast_id"]] == [one["id"] for one in told["broadcasts"]]
    assert [one["step"] for one in steps] == ["created", "approved", "placed"]
    assert {one["person_id"] for one in steps} == {None}
    assert "tinh" in steps[1]["why"]
    assert "BT-1, bản 1" in steps[1]["why"]
    (item,) = await either_province.get("/sources/tinh/items")
    assert item["bulletin_id"] == row["id"]
    assert (await either_province.get(f"/bulletins/{row['id']}/readiness"))["ready"] is True


async def test_a_revision_of_an_item_is_one_of_its_bulletin_and_a_withdrawal_says_who_may_still_play_it(
    either_province: Province,
) -> None:
    await either_province.drop()
    await either_province.drop(text="Bản sửa", revision=7)
    either_province.restart()
    await either_province.rounds()
    (row,) = await either_province.get("/bulletins")
    assert (row["state"], row["revision"], row["approved_revision"]) == ("approved", 2, 2)
    assert [one["state"] for one in await either_province.get(f"/bulletins/{row['id']}/placements")] == [
        "withdrawn",
        "placed",
    ]

    (either_province.folder / "X.withdraw").touch()
    await either_province.rounds(2)

    whole = await either_province.get(f"/bulletins/{row['id']}")
    steps = (await either_province.get(f"/bulletins/{row['id']}/history"))["steps"]
    left = await either_province.get(f"/bulletins/{row['id']}/withdrawal")
    assert (whole["state"], whole["approved_revision"]) == ("withdrawn", None)
    assert {one["state"] for one in whole["placements"]} == {"withdrawn"}
    assert [one["step"] for one in steps] == [
        "created", "approved", "placed", "withdrawn", "reopened", "approved", "placed", "withdrawn",
    ]  # fmt: skip
    assert all(one.cancelled_at is not None for one in await either_province.broadcasts())
    assert left["unconfirmed"] == left["devices"] > 0


async def test_nobody_here_changes_or_decides_on_what_a_source_handed_down(province: Province) -> None:
    await province.drop()
    (row,) = await province.get("/bulletins")
    history = await province.get(f"/bulletins/{row['id']}/history")
    (placed,) = await province.get(f"/bulletins/{row['id']}/placements")
    async with province.system.controller.db.transaction() as session:
        now = province.system.clock.now()
        person = await take_in(session, "Lan", "tinh", *STAFF, now=now)
    headers = {"X-Loa-Person": person}
    at = f"/bulletins/{row['id']}"
    edit = {"document": {"title": "Khác"}, "expected_revision": 1}

    asked: list[tuple[str, str, Any]] = [
        ("PUT", at, edit),
        ("POST", f"{at}/submit", {}),
        ("POST", f"{at}/approve", {"revision": 1}),
        ("POST", f"{at}/return", {"why": "sai"}),
        ("POST", f"{at}/withdraw", {"why": "thôi"}),
        ("POST", f"{at}/placements", {"to": ["u-xa"]}),
        ("DELETE", f"{at}/placements/{placed['id']}", None),
    ]
    answers = [await province.api.request(method, path, json=body, headers=headers) for method, path, body in asked]

    assert {(one.status_code, one.json()["code"]) for one in answers} == {(403, "bulletin_of_source")}
    assert await province.get(f"{at}/history") == history
    (made,) = await province.broadcasts()
    assert made.cancelled_at is None


@pytest.mark.broker
async def test_the_sender_is_told_the_final_counts_by_device_class(province_with_devices: Province) -> None:
    province = province_with_devices
    province.source = msgspec.structs.replace(province.source, devices=True, unit="tinh")
    province.restart()
    async with province.system.controller.db.transaction() as session:
        await units.create(session, unit_id="xa-khac", name="Xã", kind="commune", parent_id="tinh", code="9")
        await province.system.commune.register(session, "loa-5", "xa-khac")
        await devices.register(
            session, device_id="bang-5", name="", kind="board", unit_id="xa-khac", profile="default",
            public_key=make_key(Bundle(province.folder.parent / "bang-5")), languages=["vi"], stagger_ms=0,
            now=province.system.clock.now(),
        )  # fmt: skip
    province.system.controller.wake()
    async with province.system.device("loa-5") as device:
        await province.drop(areas=["9"], when={"kind": "now"}, late_s=0, show_s=1)
        (made,) = await province.broadcasts()
        province.system.clock.ahead += made.deadline - province.system.clock.now()
        device.journal.write(skipped(made.id, outcome=Outcome.SKIPPED))
        await device.acked(device.journal.batch("loa-5"))

        await _closed(province)

    told = province.told()
    assert (told["state"], told["final"]) == ("done", True)
    assert told["outcomes"] == {
        "board": {"expected": 1, "waiting": 0, "unknown": 1},
        "speaker": {"expected": 1, "waiting": 0, "skipped": 1},
    }
    assert [(one["id"], one["outcome"]) for one in told["devices"]] == [("bang-5", "unknown"), ("loa-5", "skipped")]


async def _closed(province: Province) -> None:
    """Until every ledger is closed and that has been told."""

    async def closed() -> bool:
        return all(row.closed_at is not None for row in await province.broadcasts())

    await eventually(closed, "all ledgers close")
    await province.rounds()
