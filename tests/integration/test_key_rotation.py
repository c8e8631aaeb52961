"""A new plan key from a page's request: who may, what devices then believe, and what happens without the root keys."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from controller.delivery.planner import Planner
from controller.delivery.tables import DocumentRow
from controller.devices import service as devices
from controller.people import service as people
from controller.people.acting import RECENT
from controller.people.approving import local_day
from controller.people.rules import Role
from controller.people.tables import Person
from controller.runtime.keys import RootKeysElsewhere, TrustListsFull, first_list, newest_version, roots_of
from controller.units import service as units
from loa_protocol import topics
from loa_protocol import trust as trust_module
from loa_protocol.acceptance import Receiver, check
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import ClockState
from loa_protocol.documents.trust import KeyStatus, RoleKeys
from loa_protocol.documents.trust import Role as KeyRole
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family
from loa_protocol.trust import Trust, advance, pin, read_array
from tests.fakes.account_house import UNIT, AccountHouse, account_house
from tests.fakes.running_controller import ShiftedClock

PATH = "/keys/plan/rotation"
HOST = "bi-mat"
ASSIGNMENT = topics.to_device(Family.ASSIGNMENT, "loa-1")


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[AccountHouse]:
    """With one device, and a village below the only topmost unit."""
    async with account_house(tmp_path, database_url=database) as made:
        async with made.db.transaction() as session:
            await units.create(session, unit_id="thon", name="Thôn", kind="village", parent_id=UNIT)
            wanted = devices.NewDevice(
                device_id="loa-1",
                name="Cụm loa",
                kind="speaker",
                unit_id="thon",
                public_key=base64.b64encode(Ed25519Signer.generate("loa-1").public_raw).decode(),
                profile="default",
                languages=["vi"],
                stagger_ms=0,
            )
            await devices.register_all(session, [wanted], now=made.clock.now())
        await sign(made)
        yield made


async def sign(house: AccountHouse) -> None:
    """As the planner does it, in whatever process."""
    planner = Planner(house.db, house.controller.keys, house.clock, signed=lambda _documents: None)
    while await planner.step():
        pass


async def signed(house: AccountHouse, topic: str) -> bytes:
    async with house.db.reading() as session:
        return (await session.get_one(DocumentRow, topic)).envelope


async def believed(house: AccountHouse, trust: Trust, raw: bytes) -> str:
    """The key by whose signature a device with this trust takes an assignment; it refuses what it does not believe."""
    reading = ClockReading(ClockState.TRUSTED, house.clock.now(), 5, "test")
    accepted = check(ASSIGNMENT, raw, Receiver("loa-1", trust, None, {}, reading))
    return accepted.witnesses[0].keyid


async def administrator(house: AccountHouse, unit_id: str = UNIT) -> tuple[Person, str]:
    """Of a unit, signed in with two factors just now."""
    person, now = await house.person("Quân"), house.clock.now()
    async with house.db.transaction() as session:
        await people.grant(
            session, person.id, role=Role.ADMINISTRATOR, unit_id=unit_id, begins=local_day(now), by=None, now=now
        )
    return person, await house.session(person, strong=True)


async def test_a_device_believes_what_was_signed_before_a_rotation_and_after_it(house: AccountHouse) -> None:
    first = pin(read_array(await signed(house, topics.TRUST))[0])
    before, old = await signed(house, ASSIGNMENT), house.controller.keys.plan.keyid
    person, secret = await administrator(house)

    async with house.client(secret) as client:
        once = {"Idempotency-Key": "một-lần".encode().hex()}
        answer = await client.post(PATH, headers=once)
        again = await client.post(PATH, headers=once)
        listed = (await client.get("/keys")).json()
    await sign(house)

    told = answer.json()
    assert (answer.status_code, told["version"], told["old"]) == (201, 2, [old])
    assert again.json() == told
    trust = advance(first, read_array(await signed(house, topics.TRUST)))
    assert await believed(house, first, before) == old
    assert await believed(house, trust, before) == old
    assert await believed(house, trust, await signed(house, ASSIGNMENT)) == told["new"]
    keys = {one["id"]: one for one in listed["keys"]}
    assert (keys[old]["status"], keys[told["new"]]["status"]) == ("retired", "active")
    assert keys[old]["ended"] == keys[told["new"]]["since"]
    assert keys[told["new"]]["ended"] is None
    entry = (await house.entries(f"POST {PATH}"))[-1]
    assert (entry.who.person, entry.outcome) == (person.id, "done")
    names = [path.name for path in (house.controller.settings.data_dir / "keys").glob("plan-*.key")]
    assert sorted(names) == sorted([f"plan-{old}.key", f"plan-{told['new']}.key"])


async def test_only_who_administers_everything_rotates_and_only_after_a_fresh_proof(house: AccountHouse) -> None:
    _, above = await administrator(house)
    _, below = await administrator(house, "thon")
    weak = await house.session(await house.person("Nga", Role.ADMINISTRATOR))
    told = {}
    for name, secret in (("below", below), ("weak", weak)):
        async with house.client(secret) as client:
            told[name] = (await client.post(PATH)).json()["code"]
    async with house.client(below) as client:
        seen = (await client.get("/keys")).json()["rotation"]
    house.later(seconds=RECENT.total_seconds())
    async with house.client(above) as client:
        told["late"] = (await client.post(PATH)).json()["code"]
        offered = (await client.get("/keys")).json()["rotation"]

    assert told == {"below": "not_allowed", "weak": "second_factor_needed", "late": "proof_needed"}
    assert (seen, offered) == (None, "possible")
    async with house.db.reading() as session:
        assert await newest_version(session) == 1
    assert len(list((house.controller.settings.data_dir / "keys").glob("plan-*.key"))) == 1


async def test_without_the_root_key_it_is_said_what_to_do_and_with_it_back_it_is_done(house: AccountHouse) -> None:
    folder = house.controller.settings.data_dir / "keys"
    root = next(folder.glob("root-*.key"))
    kept = root.rename(folder.parent / root.name)

    async with house.client(HOST) as client:
        offered = (await client.get("/keys")).json()["rotation"]
        refused = await client.post(PATH)
        kept.rename(root)
        done = await client.post(PATH)

    assert offered == "elsewhere"
    assert (refused.status_code, refused.json()["code"]) == (409, "root_keys_elsewhere")
    assert "loa keys rotate" in refused.json()["details"]["vi"]
    assert done.status_code == 201
    assert len(list(folder.glob("plan-*.key"))) == 2


def test_as_many_people_sign_as_have_to_each_once() -> None:
    """Two of three have to; the third has two keys, the second gave theirs back."""
    holders = {"giu-1": 1, "giu-2": 1, "giu-3": 2}
    held = {person: [Ed25519Signer.generate(person) for _ in range(count)] for person, count in holders.items()}
    signers = {one.keyid: one for keys in held.values() for one in keys}
    rest = {role: Ed25519Signer.generate(str(role)) for role in (KeyRole.ROOT, KeyRole.PLAN, KeyRole.INGEST)}
    listed = first_list(rest, ShiftedClock())
    known = {one.keyid: one.trust_key(person) for person, keys in held.items() for one in keys}
    gone = held["giu-2"][0].keyid
    known[gone] = replace(known[gone], status=KeyStatus.RETIRED)
    roles = {**listed.roles, KeyRole.ROOT: RoleKeys(threshold=2, keys=tuple(known))}
    listed = replace(listed, keys={**listed.keys, **known}, roles=roles)

    found = roots_of(listed, signers)

    assert [one.keyid for one in found] == [held["giu-1"][0].keyid, held["giu-3"][0].keyid]
    with pytest.raises(RootKeysElsewhere) as caught:
        roots_of(listed, {one.keyid: one for one in (*held["giu-3"], *held["giu-2"])})
    assert (caught.value.details["needed"], caught.value.details["here"]) == (2, 1)


async def test_no_list_is_made_that_devices_could_not_walk_to(house: AccountHouse, monkeypatch: Any) -> None:
    monkeypatch.setattr(trust_module, "MAX_LISTS", 2)
    await house.controller.keys.rotate_plan_key()

    with pytest.raises(TrustListsFull):
        await house.controller.keys.rotate_plan_key()

    async with house.db.reading() as session:
        assert await newest_version(session) == 2
