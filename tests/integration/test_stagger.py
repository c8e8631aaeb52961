"""Neighbouring horns in a real database and on the air: tried, applied, obeyed, cleared; alerts stay simultaneous."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from controller.api.app import create_app
from controller.broadcasts.tables import BroadcastRow
from controller.delivery import drafts
from controller.delivery import store as delivery
from controller.delivery.tables import DocumentRow
from controller.devices import service as devices
from controller.devices.geo import Point
from controller.receipts import service as receipts
from controller.stagger import service
from controller.stagger.rules import Remedy, Wishes
from controller.units import store as unit_store
from controller.units.service import UnitUnknown
from edge_agent.light.device import Identity
from edge_agent.light.fleet import Fleet
from loa_protocol import topics
from loa_protocol.documents.device import Assignment, ClockReport, ClockState
from loa_protocol.documents.emergency import AlertStart
from loa_protocol.documents.plan import Plan
from loa_protocol.envelope import open_payload, parse
from loa_protocol.keys import Ed25519Signer
from loa_protocol.policy import EffectivePolicy
from loa_protocol.receipts import Receipt
from loa_protocol.timeline import TURN_GAP_MS, agenda_of, compute
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, SCOPE, Commune
from tests.fakes.running_controller import Running, eventually, running
from tests.fakes.station import Station, station
from tests.fakes.stored_content import stored_content
from tests.integration.test_light_fleet import BRISK, WITHIN_S

pytestmark = pytest.mark.broker
DEGREE_M = 111_195.08
PATIENCE = timedelta(seconds=120)
DELAY_MS = 1166
"""400 m at 343.2 m/s: what the weak horn waits for the strong one's sound."""
TOWN = {"manh": (0, 600), "yeu": (790, 200), "dong": (5000, None), "tay": (5300, None), "xa-lac": None}
"""Metres to the north and reach: a strong and a weak horn at their rims, two that cover each other, one unplaced."""


async def furnish(xa: Commune, signers: dict[str, Ed25519Signer]) -> None:
    """The town's horns, and a board in the middle of them."""
    wanted = []
    for name, place in [*TOWN.items(), ("bang", (2500, None))]:
        signers[name] = Ed25519Signer.generate(name)
        wanted.append(
            devices.NewDevice(
                device_id=name,
                name=f"Cụm {name}",
                kind="board" if name == "bang" else "speaker",
                unit_id=COMMUNE,
                public_key=base64.b64encode(signers[name].public_raw).decode(),
                profile="simulated",
                languages=["vi"],
                stagger_ms=70 if place is None else 0,
                at=place and Point(20 + place[0] / DEGREE_M, 105.0),
                reach_m=place and place[1],
            )
        )
    async with xa.db.transaction() as session:
        await devices.register_all(session, wanted, now=xa.clock.now())


@pytest.fixture
async def dai(database: str) -> AsyncIterator[Station]:
    async with station(database) as made:
        await furnish(made.xa, {})
        yield made


async def told(xa: Commune) -> dict[str, tuple[int, int]]:
    async with xa.db.reading() as session:
        rows = await unit_store.devices_of_scopes(session, [SCOPE])
    return {row.id: (row.stagger_ms, row.turn) for row in rows if row.id in TOWN}


async def asked(xa: Commune) -> dict[str, int]:
    """How often each horn's assignment was asked to be signed."""
    own = {topics.to_device(Family.ASSIGNMENT, name): name for name in TOWN}
    async with xa.db.transaction() as session:
        return {own[topic]: count for topic, count in (await delivery.wanted_all(session, list(own))).items()}


async def apply(xa: Commune, unit: str = COMMUNE) -> list[str]:
    async with xa.db.transaction() as session:
        now = xa.clock.now()
        return (await service.apply(session, unit, Wishes(), now=now, answer_deadline=PATIENCE))[1]


async def test_the_map_of_a_commune_is_told_before_anything_changes(dai: Station) -> None:
    async with dai.xa.db.reading() as session:
        seen = await service.look(session, COMMUNE, Wishes(), now=dai.xa.clock.now())
    before = await told(dai.xa)

    assert {one.members: one.remedy for one in seen.found.clusters} == {
        ("dong", "tay"): Remedy.TURNS,
        ("manh", "yeu"): Remedy.DELAYS,
    }
    assert seen.found.settings["yeu"].stagger_ms == pytest.approx(DELAY_MS, abs=2)
    assert seen.changed == ["tay", "yeu"]
    assert [one.id for one in seen.unplaced if one.id in TOWN] == ["xa-lac"]
    assert "bang" not in seen.found.horns
    assert set(before.values()) == {(0, 0), (70, 0)}


async def test_applying_signs_new_assignments_once_and_clearing_takes_them_back(dai: Station) -> None:
    before = await asked(dai.xa)
    changed, first = await apply(dai.xa), await asked(dai.xa)
    again, second = await apply(dai.xa), await asked(dai.xa)
    applied = await told(dai.xa)
    async with dai.xa.db.transaction() as session:
        cleared = await service.clear(session, COMMUNE, now=dai.xa.clock.now(), answer_deadline=PATIENCE)

    assert (changed, again, cleared) == (["tay", "yeu"], [], ["tay", "xa-lac", "yeu"])
    delay_ms = applied["yeu"][0]
    assert delay_ms == pytest.approx(DELAY_MS, abs=2)
    assert applied == {"manh": (0, 0), "yeu": (delay_ms, 0), "dong": (0, 0), "tay": (0, 1), "xa-lac": (70, 0)}
    assert set((await told(dai.xa)).values()) == {(0, 0)}
    assert first == {name: before[name] + (name in changed) for name in TOWN}
    assert second == first
    assert await asked(dai.xa) == {name: first[name] + (name in cleared) for name in TOWN}


async def test_an_unknown_unit_has_no_map_and_a_higher_one_has_all(dai: Station) -> None:
    with pytest.raises(UnitUnknown):
        await apply(dai.xa, "khong-co")

    assert await apply(dai.xa, "tinh") == ["tay", "yeu"]


async def test_a_broadcast_is_waited_for_until_its_last_turn_has_ended(dai: Station) -> None:
    """Whichever came first: the programme, the turns or the immediate broadcast."""
    await dai.sound("ban-tin", 60_000)
    await dai.save()
    before = {row.id: row.deadline for row in await dai.rows()}
    durations = {row.id: row.duration_ms for row in await dai.rows()}
    early = await dai.xa.broadcast(asset_id="ban-tin", board_text=None)
    alone = await dai.xa.row(early)

    await apply(dai.xa)
    late = await dai.xa.row(await dai.xa.broadcast(asset_id="ban-tin", board_text=None))
    exact = await dai.xa.row(await dai.xa.broadcast(asset_id="ban-tin", board_text=None, stagger=False))

    turn = timedelta(milliseconds=60_000 + TURN_GAP_MS)
    assert (await dai.xa.row(early)).deadline == alone.deadline + turn
    assert (late.deadline - late.start, exact.deadline - exact.start) == (
        alone.deadline - alone.start + turn,
        alone.deadline - alone.start,
    )
    moved = {row.id: row.deadline - before[row.id] for row in await dai.rows()}
    assert moved == {key: timedelta(milliseconds=length + TURN_GAP_MS) for key, length in durations.items()}
    assert moved
    dai.ahead += timedelta(days=1)
    dai.xa.clock.move(hours=1)
    await dai.extend()
    new = [row for row in await dai.rows() if row.id not in before]
    assert new
    assert all(row.deadline >= row.latest_start + 2 * timedelta(milliseconds=row.duration_ms) + PATIENCE for row in new)


async def test_what_the_turns_make_overlap_is_named_before_they_are_applied(dai: Station) -> None:
    await dai.sound("ban-tin", 60_000)
    first = await dai.xa.broadcast(in_s=600, asset_id="ban-tin", board_text=None)
    second = await dai.xa.broadcast(in_s=670, asset_id="ban-tin", board_text=None)
    await dai.xa.broadcast(in_s=900, asset_id="ban-tin", board_text=None)

    async with dai.xa.db.reading() as session:
        seen = await service.look(session, COMMUNE, Wishes(), now=dai.xa.clock.now())

    assert [(one.earlier, one.later, one.over_s, one.devices) for one in seen.collisions] == [(first, second, 53.0, 2)]


async def test_over_http_it_is_looked_at_tried_applied_once_and_cleared(tmp_path: Path) -> None:
    async with running(tmp_path, devices=()) as system:
        await furnish(system.commune, {})
        app = await asyncio.to_thread(create_app, system.controller, "bi-mat")
        headers = {"Authorization": "Bearer bi-mat"}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as api:
            looked = (await api.get("/stagger", params={"unit": COMMUNE})).json()
            tried = (await api.post("/stagger", json={"unit": COMMUNE, "dry_run": True})).json()
            untouched = await told(system.commune)
            applied = (await api.post("/stagger", json={"unit": COMMUNE})).json()
            listed = {row["id"]: row for row in (await api.get("/devices")).json()}
            hot = (await api.get("/stagger", params={"unit": COMMUNE, "temperature_c": 40})).json()
            cleared = (await api.delete("/stagger", params={"unit": COMMUNE})).json()
            codes = [
                (await api.get("/stagger", params={"unit": "khong-co"})).json()["code"],
                (await api.get("/stagger", params={"unit": COMMUNE, "most_turns": 17})).json()["code"],
                (await api.post("/stagger", json={"unit": COMMUNE, "most_delay": 3})).json()["code"],
            ]

    assert looked == tried
    assert set(untouched.values()) == {(0, 0), (70, 0)}
    assert (looked["applied"], applied["applied"]) == (False, True)
    assert looked["changed"] == applied["changed"] == ["tay", "yeu"]
    assert looked["speed_m_s"] == 343.2
    assert [one["id"] for one in looked["unplaced"]] == ["xa-lac"]
    assert {(one["first"], one["second"]) for one in looked["echoes"]} == {("dong", "tay"), ("manh", "yeu")}
    assert (listed["tay"]["turn"], listed["yeu"]["stagger_ms"]) == (1, looked["devices"][-1]["wanted_stagger_ms"])
    assert hot["changed"] == ["yeu"]
    assert cleared == {"changed": ["tay", "xa-lac", "yeu"]}
    assert codes == ["unit_unknown", "request_invalid", "request_invalid"]


async def test_horns_on_the_air_begin_as_far_apart_as_was_worked_out_and_an_alert_together(tmp_path: Path) -> None:
    async with running(tmp_path, devices=()) as system:
        signers: dict[str, Ed25519Signer] = {}
        await furnish(system.commune, signers)
        await apply(system.commune)
        system.controller.wake()
        identities = [Identity(name, signers[name]) for name in ("manh", "yeu", "dong", "tay")]
        fleet = Fleet("127.0.0.1", system.port, identities, await system.trust(), pace=BRISK, seed=1)
        life = asyncio.create_task(fleet.run())
        try:

            async def there() -> bool:
                return fleet.counts().whole == fleet.counts().clocks == len(identities)

            await eventually(there, "all horns are there", WITHIN_S)
            content = await stored_content(system, 20_000)
            to = [f"d-{one.device_id}" for one in identities]
            made = await system.broadcast(asset_id=content.asset_id, board_text=None, in_s=4, late_s=20, to=to)

            async def heard() -> dict[str, Receipt]:
                async with system.controller.db.reading() as session:
                    found = await receipts.receipts(session, made)
                return found if len(found) == len(identities) else {}

            answers = await eventually(heard, "every horn has answered", WITHIN_S)
            row = await system.commune.row(made)
            assignments = {one.device_id: await _assignment(system, one.device_id) for one in identities}
        finally:
            life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await life

    delay = timedelta(milliseconds=assignments["yeu"].stagger_ms)
    planned = {name: receipt.planned - row.start for name, receipt in answers.items()}
    turn = timedelta(milliseconds=row.duration_ms + TURN_GAP_MS)
    assert planned == {"manh": timedelta(), "yeu": delay, "dong": timedelta(), "tay": turn}
    assert delay == pytest.approx(timedelta(milliseconds=DELAY_MS), abs=timedelta(milliseconds=2))
    for receipt in answers.values():
        assert receipt.outcome == "played"
        assert receipt.started is not None
        assert receipt.skew_ms == pytest.approx((receipt.started - receipt.planned) / timedelta(milliseconds=1), abs=1)
        assert 0 <= receipt.skew_ms < 900  # each against its own start: none counts its turn as being late
    starts = {name: _alert_start(assignment, row) for name, assignment in assignments.items()}
    assert len(set(starts.values())) == 1


async def _assignment(system: Running, device_id: str) -> Assignment:
    """The assignment that was signed for a device last, as the device reads it."""
    async with system.controller.db.reading() as session:
        row = await session.get(DocumentRow, topics.to_device(Family.ASSIGNMENT, device_id))
    assert row is not None
    return open_payload(parse(row.envelope), Assignment)


def _alert_start(assignment: Assignment, row: BroadcastRow) -> datetime:
    """When a device with this assignment begins an alert that comes while it plays, or waits for its turn."""
    now = row.start + timedelta(milliseconds=200)
    alert = AlertStart(
        id="lu",
        scope=SCOPE,
        event="flood",
        issued=now,
        start_before=now + timedelta(minutes=10),
        ends=now + timedelta(minutes=20),
        duration_ms=10_000,
    )
    clock = ClockReport(state=ClockState.TRUSTED, error_ms=5)
    plan = Plan(scope=SCOPE, version=1, issued=row.created_at, expires=alert.ends, horizon=alert.ends)
    plan = replace(plan, broadcasts=(drafts.wire_broadcast(row),))
    found = compute(
        agenda_of([plan], [alert]),
        EffectivePolicy(),
        {},
        clock=clock,
        now=now,
        kind=assignment.kind,
        stagger_ms=assignment.stagger_ms,
        turn=assignment.turn,
    ).segments
    return next(one.begin for one in found if one.occurrence.kind == "alert")
