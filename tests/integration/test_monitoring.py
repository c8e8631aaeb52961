"""Many communes at a glance: counted where one sees them, heard today or not, their week, the map by cells."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from controller.broadcasts.tables import LedgerRow
from controller.devices.tables import Device, DeviceReport
from controller.units import service as units
from tests.fakes.commune import COMMUNE
from tests.integration.test_results import ANSWERS, OTHER, Land, land

PLACES = {"loa-1": (21.00, 105.00), "loa-2": (21.0001, 105.0001), "kia-1": (21.5, 105.5)}


@contextmanager
def _evidence_asked() -> Iterator[list[str]]:
    """Statements about receipts and what they add up to, of all databases meanwhile."""
    asked: list[str] = []

    def hear(*said: Any) -> None:
        if "ledger" in said[2] or "tallies" in said[2]:
            asked.append(said[2])

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


async def _place(here: Land) -> None:
    now = here.xa.clock.now()
    async with here.xa.db.transaction() as session:
        for device, (latitude, longitude) in PLACES.items():
            row = await session.get_one(Device, device)
            row.latitude, row.longitude = latitude, longitude
        session.add(DeviceReport(device_id="loa-1", online=True, seen_at=now))
        session.add(DeviceReport(device_id="loa-2", online=False, seen_at=now))
        session.add(DeviceReport(device_id="kia-1", online=True, seen_at=now, alarms=1))


async def test_an_overview_counts_what_one_sees(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        await _place(here)
        made = await here.over({**ANSWERS, "loa-1": ("failed", "silent"), "kia-1": ("played", None)})
        lan = await here.get(here.lan, "/monitoring")
        await here.close(made)
        tinh = await here.get(here.tinh, "/monitoring")
        thon = await here.get(here.thon, "/monitoring")

    assert lan["devices"] == {"ok": 1, "faulty": 0, "silent": 1, "never": 2}
    assert (lan["communes"], lan["heard"], lan["failing"]) == (1, 0, 0)
    assert (tinh["communes"], tinh["heard"], tinh["failing"]) == (2, 1, 2)
    assert (thon["communes"], sum(thon["devices"].values())) == (0, 1)


async def test_a_commune_is_heard_while_something_sounds_there(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        made = await here.over({})
        before = await here.get(here.tinh, "/monitoring/communes", heard=True)
        async with here.xa.db.transaction() as session:
            (await session.get_one(LedgerRow, (made, "loa-4"))).started = here.xa.clock.now()
        while_it_sounds = await here.get(here.tinh, "/monitoring/communes", heard=True)
        here.xa.clock.move(days=1)
        next_day = await here.get(here.tinh, "/monitoring/communes", heard=False)

    assert before["items"] == []
    assert [one["id"] for one in while_it_sounds["items"]] == [COMMUNE]
    assert {one["id"] for one in next_day["items"]} == {COMMUNE, OTHER}


async def test_what_was_heard_today_is_looked_up_once_and_anew_on_the_next_day(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        await here.over({"loa-1": ("played", None), "kia-1": ("partial", None)})
        with _evidence_asked() as first:
            today = [await here.get(here.tinh, "/monitoring")]
        with _evidence_asked() as second:
            today.append(await here.get(here.tinh, "/monitoring"))
        here.xa.clock.move(days=1)
        next_day = await here.get(here.tinh, "/monitoring")

    assert [one["heard"] for one in (*today, next_day)] == [2, 2, 0]
    assert first
    assert second == []


async def test_communes_are_found_by_name_and_paged_with_their_week(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        made = await here.over(ANSWERS)
        await here.close(made)
        first = await here.get(here.tinh, "/monitoring/communes", limit=1)
        rest = await here.get(here.tinh, "/monitoring/communes", limit=1, after=first["after"])
        found = await here.get(here.tinh, "/monitoring/communes", q="khac")
        here.xa.clock.move(days=8)
        later = await here.get(here.tinh, "/monitoring/communes", q="khac")

    assert [one["name"] for one in (*first["items"], *rest["items"])] == ["Xã Khác", "Xã An Bình"]
    assert rest["after"] is None
    assert rest["items"][0]["week"][0]["outcomes"] == {"failed": 1, "played": 1, "skipped": 1, "unknown": 1}
    assert [one["outcomes"] for one in found["items"][0]["week"]] == [{"failed": 1}]
    assert later["items"][0]["week"] == []


async def test_communes_that_were_not_heard_stand_first_and_pages_leave_none_out(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        async with here.xa.db.transaction() as session:
            for number in range(4):
                await units.create(session, unit_id=f"a-{number}", name="Xã An", kind="commune", parent_id="tinh")
        await here.close(await here.over(ANSWERS))
        found: dict[int, list[str]] = {}
        for limit in (1, 2, 5):
            page = await here.get(here.tinh, "/monitoring/communes", limit=limit)
            found[limit] = [one["id"] for one in page["items"]]
            while page["after"] is not None:
                page = await here.get(here.tinh, "/monitoring/communes", limit=limit, after=page["after"])
                found[limit] += [one["id"] for one in page["items"]]

    for ids in found.values():
        assert ids == ["a-0", "a-1", "a-2", "a-3", OTHER, COMMUNE]


async def test_a_map_shows_what_is_near_together_and_what_one_sees_alone(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        await _place(here)
        far = await here.get(here.tinh, "/monitoring/map", zoom=8)
        near = await here.get(here.tinh, "/monitoring/map", zoom=20)
        box = await here.get(here.tinh, "/monitoring/map", zoom=8, north=21.2)
        lan = await here.get(here.lan, "/monitoring/map", zoom=8)
        silent = await here.get(here.lan, "/monitoring/map", zoom=8, state="silent")

    assert sorted(sum(one["devices"].values()) for one in far["cells"]) == [1, 2]
    assert len(near["cells"]) == 3
    assert (len(box["cells"]), box["extent"]["north"]) == (1, 21.5)
    assert (lan["nowhere"], lan["extent"]["north"]) == (2, 21.0001)
    assert [(one["id"], one["devices"]) for one in silent["cells"]] == [("loa-2", {"silent": 1})]
