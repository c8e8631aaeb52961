"""The overview of a day: what sounds, what comes, how the last one went, for who asks and no one else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from controller.api.app import create_app
from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.bulletins.places import PlacementState
from controller.bulletins.tables import Bulletin, Placement
from controller.people.acting import HEADER
from controller.people.rules import Role as Holds
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from tests.fakes.commune import COMMUNE, SCOPE, SetClock, commune
from tests.fakes.newsroom import newsroom
from tests.fakes.roles import take_in
from tests.fakes.station import EVENING, programme, slot


@asynccontextmanager
async def answering(database: str, folder: Path, clock: SetClock) -> AsyncIterator[httpx.AsyncClient]:
    given = {"roles": frozenset({Role.API}), "brokers": ("mqtt://127.0.0.1:1",), "host_acts_for_people": True}
    controller = Controller(Settings(data_dir=folder, database_url=database, **given), clock)
    await controller.start()
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    try:
        headers = {"Authorization": "Bearer bi-mat"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers
        ) as client:
            yield client
    finally:
        await controller.stop()


async def test_a_day_is_told_to_who_may_know_of_it(database: str, tmp_path: Path) -> None:
    async with commune(database, [*(f"loa-{number}" for number in range(5)), "bang-1"]) as xa:
        over = await xa.broadcast(title="Sáng", in_s=60, board_s=30)
        now = xa.clock.move(minutes=10)
        sounding = await xa.broadcast(title="Trưa", in_s=0, board_s=600)
        soon = await xa.broadcast(title="Chiều", in_s=3600)
        gone = await xa.broadcast(title="Bỏ", in_s=1800)
        await xa.cancel(gone)
        async with xa.db.transaction() as session:
            for number, outcome in enumerate(("played", "played", "failed", "unknown", None)):
                row = await session.get(LedgerRow, (over, f"loa-{number}"))
                session.add(row or LedgerRow(broadcast_id=over, device_id=f"loa-{number}"))
                await session.flush()
                (await session.get_one(LedgerRow, (over, f"loa-{number}"))).outcome = outcome
            board = LedgerRow(broadcast_id=over, device_id="bang-1", outcome="skipped", reason="not_for_device")
            session.add(board)  # it has nothing to do with what is only heard
            lan = await take_in(session, "Lan", COMMUNE, Holds.OPERATOR, now=now)
            watcher = await take_in(session, "Xem", COMMUNE, Holds.MONITOR, now=now)
            stranger = await take_in(session, "Lạ", "tinh", now=now)
        xa.clock.move(seconds=5)
        async with answering(database, tmp_path / "controller", xa.clock) as client:
            told = await _of(client, lan)
            watched = await _of(client, watcher)
            nothing = await _of(client, stranger)
            stopped = await client.post("/stops", json={"broadcast": sounding}, headers={HEADER: lan})
            after = await _of(client, lan)
            async with xa.db.transaction() as session:
                (await session.get_one(BroadcastRow, sounding)).closed_at = xa.clock.now()
            answered = await _of(client, lan)

    assert [one["id"] for one in told["on_air"]] == [sounding]
    assert told["on_air"][0]["may_stop"]
    assert not watched["on_air"][0]["may_stop"]
    assert [one["id"] for one in told["next"]] == [soon]
    assert told["last"]["id"] == over
    assert (told["last"]["expected"], told["last"]["waiting"]) == (5, 1)
    assert told["last"]["outcomes"] == {"played": 2, "failed": 1, "unknown": 1}
    assert (nothing["on_air"], nothing["next"], nothing["last"]) == ([], [], None)
    assert stopped.status_code == 201, stopped.text
    assert told["on_air"][0]["stopped_at"] is None
    assert (answered["on_air"], answered["last"]["id"]) == ([], sounding)
    assert after["on_air"][0]["stopped_at"] == xa.clock.now().isoformat().replace("+00:00", "Z")


async def test_what_comes_from_above_stands_apart_until_it_is_over(database: str, tmp_path: Path) -> None:
    async with newsroom(database) as room:
        xa = room.station.xa
        await room.station.save(programme({**EVENING, "segments": [slot(300)]}))
        own = await room.approved(title="Của xã")
        province, source = await room.approved(title="Của tỉnh"), await room.approved(title="Từ nguồn")
        await room.place_at(own, 3600)
        start = room.now + timedelta(hours=2)
        await room.place(province, to=[SCOPE], start=start)
        xa.clock.move(seconds=1)
        placed = await room.place(source, slot=COMMUNE)

        async def hand_down(session: AsyncSession) -> None:
            (await session.get_one(Bulletin, province.id)).unit_id = "tinh"
            (await session.get_one(Bulletin, source.id)).author_id = None

        async def end(session: AsyncSession) -> None:
            (await session.get_one(Placement, placed.id)).state = PlacementState.OVER

        await room.write(hand_down)
        above = await room.person("ở tỉnh", Holds.OPERATOR, unit="tinh")
        async with answering(database, tmp_path / "controller", xa.clock) as client:
            told = await _of(client, room.id_of("lan"))
            theirs = await _of(client, above.require_person())
            await room.write(end)
            after = await _of(client, room.id_of("lan"))

    assert [(one["title"], one["unit_name"], one["start"]) for one in told["from_above"]] == [
        ("Từ nguồn", "Xã An Bình", None),
        ("Của tỉnh", "Tỉnh", start.isoformat().replace("+00:00", "Z")),
    ]
    assert [one["title"] for one in theirs["from_above"]] == ["Từ nguồn"]
    assert [one["title"] for one in after["from_above"]] == ["Của tỉnh"]


async def test_the_next_session_is_told_with_how_much_of_it_is_filled(database: str, tmp_path: Path) -> None:
    async with newsroom(database) as room:
        xa = room.station.xa
        await room.station.save(programme({**EVENING, "segments": [{"kind": "chime"}, slot(300)]}))
        await room.station.hand_in("Tin", "tin")
        async with answering(database, tmp_path / "controller", xa.clock) as client:
            session, following = (await _of(client, room.id_of("lan")))["next"][:2]
            await xa.broadcast(title="Ngay", in_s=60)
            alone = (await _of(client, room.id_of("lan")))["next"][0]

    chime_ms = session["sound_ms"] - 60_000
    assert 0 < chime_ms < 10_000
    assert session["length_ms"] == chime_ms + 300_000
    assert following["length_ms"] == 0
    assert (alone["title"], alone["length_ms"]) == ("Ngay", 0)


async def test_one_who_asks_is_told_what_they_may(database: str, tmp_path: Path) -> None:
    async with commune(database) as xa:
        async with xa.db.transaction() as session:
            lan = await take_in(session, "Lan", COMMUNE, Holds.OPERATOR, now=xa.clock.now())
        async with answering(database, tmp_path / "controller", xa.clock) as client:
            hers = (await client.get("/permissions", headers={HEADER: lan})).json()
            hosts = (await client.get("/permissions")).json()

    assert hers == {
        "person_id": lan,
        "name": "Lan",
        "next": "nothing",
        "csrf": None,
        "everywhere": False,
        "reach": {name: [COMMUNE] for name in ("know", "see", "write", "place", "stop")},
    }
    assert hosts["everywhere"]
    assert hosts["reach"]["administer"] == []


async def _of(client: httpx.AsyncClient, person: str) -> dict[str, Any]:
    answer = await client.get("/today", headers={HEADER: person})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
