"""Devices witness the audit over a real broker: the controller's, simulated ones, and a real agent over a restart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from controller.audit import recording, service, store
from controller.audit.rules import Fault
from controller.audit.verifying import Report, verified
from controller.devices.tables import DeviceReport, Finding
from loa_protocol.audit_head import AUDIT_REWOUND, Head
from tests.acceptance.rig import wait_for
from tests.fakes.running_controller import Running, eventually, running
from tests.integration.test_agent_process import Site
from tests.integration.test_audit import SET_HEAD
from tests.integration.test_light_fleet import living, registered

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]
COUNT = 12
WITHIN_S = 120.0


async def acted(system: Running, count: int) -> Head:
    """So many entries more; where the chain then ends."""
    for number in range(count):
        async with system.controller.db.transaction() as session:
            recording.record(session, f"act {number}", by=None, now=system.clock.now())
    async with system.controller.db.reading() as session:
        return await store.head_of(session)


async def said(system: Running, name: str) -> list[str]:
    """What devices last said of the audit."""
    async with system.controller.db.reading() as session:
        return [str(state.get(name, "")) for state in await session.scalars(select(DeviceReport.state))]


async def checked(system: Running) -> Report:
    async with system.controller.db.reading() as session:
        return verified([line async for line in service.exported(session, system.clock.now())])


async def test_devices_that_saw_the_audit_tell_when_its_end_was_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        head = await acted(system, 5)
        identities = await registered(system, COUNT)
        async with living(system, identities) as fleet:
            await eventually(lambda: _all(system, "audit_head", head.text), "all say what they witnessed", WITHIN_S)
            before = await checked(system)
            async with system.controller.db.engine.begin() as connection:
                await connection.execute(text("DELETE FROM audit_entries WHERE sequence > 2"))
                await connection.execute(text(SET_HEAD))
            fleet.take_away(one.device_id for one in identities)
            fleet.bring_back(one.device_id for one in identities)

            await eventually(lambda: _all(system, "audit_disowned", head.text), "all say what was taken back", WITHIN_S)
            await eventually(lambda: _found(system), "every device's finding is there", WITHIN_S)

        after = await checked(system)
        assert (before.found, before.confirmed) == ([], {head: COUNT})
        assert [(one.fault, one.sequence) for one in after.found] == [(Fault.WITNESS, head.sequence)]
        assert f"{COUNT} devices" in after.found[0].told


async def _all(system: Running, name: str, wanted: str) -> bool:
    return (await said(system, name)).count(wanted) == COUNT


async def _found(system: Running) -> bool:
    async with system.controller.db.reading() as session:
        found = await session.scalars(select(Finding.device_id).where(Finding.code == AUDIT_REWOUND))
        return len(set(found)) == COUNT


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    held = Site(tmp_path)
    try:
        yield held
    finally:
        held.end()


def test_a_real_agent_remembers_what_it_witnessed_over_kill_9_and_journals_the_lie(site: Site) -> None:
    seen, other = Head(41, "ab" * 32), Head(7, "cd" * 32)
    site.controller.audit_head = seen.text
    site.agent.start()
    wait_for(lambda: any(one.audit_head == seen.text for one in site.controller.states), "it says what it saw", 30)
    site.agent.kill()
    site.controller.audit_head = other.text
    site.agent.start()

    wait_for(lambda: site.notes()[AUDIT_REWOUND], "it notes what was taken back", 30)
    wait_for(lambda: _last(site).audit_disowned, "it says so in its state", 30)

    assert (_last(site).audit_head, _last(site).audit_disowned) == (seen.text, seen.text)
    assert site.notes()[AUDIT_REWOUND] == 1


def _last(site: Site) -> Any:
    return site.controller.states[-1]
