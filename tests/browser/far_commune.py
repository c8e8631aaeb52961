"""A commune of its own beside the furnished one: many loudspeakers with long names in villages, and one that is real.

The real one is a simulated device of `loa swarm`: the real protocol over the real broker, but for the sound.
"""

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices import beats
from controller.devices.tables import Device, DeviceDay, DeviceReport
from loa_cli.client import ApiRefused
from loa_protocol.keys import Ed25519Signer
from tests.acceptance.rig import Process, System, wait_for
from tests.browser.house import PASSWORD, House

PROVINCE, COMMUNE = "tinh-tien-giang", "xa-tan-phu-dong"
VILLAGES = ("Ấp Bà Tiên Nhỏ", "Ấp Pháo Đài", "Ấp Tân Thạnh – khu dân cư vượt lũ số 2")
PLACES = ("trụ điện trước nhà văn hóa", "cổng chợ", "ngã ba đường liên ấp", "trạm y tế xã")
REAL = "xa-00000"
MANY = 300


@dataclass
class FarCommune:
    """Where it stands and how its real device is started."""

    system: System
    villages: dict[str, str]
    """Name → id."""
    reported: bool = False

    @contextmanager
    def swarm(self) -> Iterator[Process]:
        """The real device is there."""
        folder = self.system.folder
        command = [sys.executable, "-m", "loa_cli", "swarm", "1", "--unit", self.villages[VILLAGES[0]]]
        command += ["--dir", str(folder / "far-keys"), "--prefix", "xa", "--data-dir", str(self.system.data_dir)]
        command += ["--broker-port", str(self.system.broker_port), "--url", self.system.client.url]
        process = Process("far-swarm", command, folder / "far-swarm.log")
        process.start()
        try:
            yield process
        finally:
            process.end()

    @contextmanager
    def agent(self) -> Iterator[Process]:
        """A real agent, which is a device of the last village from then on."""
        process = self.system.add_agent("xa-that", unit=self.villages[VILLAGES[-1]])
        try:
            wait_for(lambda: self._condition(process.name) != "never", f"{process.name} is there", 60)
            yield process
        finally:
            process.end()

    def wait(self, condition: str) -> None:
        """Until the real one is so."""
        wait_for(lambda: self._condition() == condition, f"{REAL} is {condition}", 90)

    def _condition(self, device: str = REAL) -> str:
        try:
            return str(self.system.client.get(f"/devices/{device}")["condition"])
        except ApiRefused:
            return "not registered yet"


def furnish(system: System) -> FarCommune:
    """Units, people (nga who writes and tends, quan who administers) and devices that only report."""
    api = system.client
    api.post("/units", {"id": PROVINCE, "name": "Tỉnh Tiền Giang", "kind": "province"})
    commune = {"id": COMMUNE, "name": "Xã Tân Phú Đông", "kind": "commune", "parent_id": PROVINCE}
    api.post("/units", commune)
    villages = {
        name: str(api.post("/units", {"name": name, "kind": "village", "parent_id": COMMUNE})["id"])
        for name in VILLAGES
    }
    _take_in(system, "nga", "Trần Thị Thúy Nga", COMMUNE, "operator", "technician")
    _take_in(system, "quan", "Lê Minh Quân", PROVINCE, "administrator")
    rows = [_device(number, list(villages.values())) for number in range(1, MANY + 1)]
    for at in range(0, MANY, 100):
        api.post("/devices/batch", {"devices": rows[at : at + 100]})
    return FarCommune(system, villages)


def report(house: House) -> None:
    """As if all but the last had been there for a day, some with faults: straight into the tables."""
    now = datetime.now(UTC)

    async def fill(session: AsyncSession) -> None:
        slot = beats.slot_of(now)
        for number in range(1, MANY - 20):
            silent, faulty = number % 23 == 0, number % 29 == 0
            state = {"ready": not faulty, "agent": "loa 1.4.2", "clock": {"state": "trusted", "error_ms": 12}}
            health = {"temperature_c": 47.3, "free_bytes": 11_300_000_000, "uptime_s": 86_400 * 3 + 7_300}
            alarms = int(beats.alarms(state, health))
            seen = now - timedelta(hours=3) if silent else now + timedelta(hours=1)
            key = f"xa-loa-{number}"
            session.add(
                DeviceReport(device_id=key, online=not silent, seen_at=seen, state=state, health=health, alarms=alarms)
            )
            if number < 40:
                (await session.get_one(Device, key)).created_at = now - timedelta(days=9)
                session.add_all(_days(key, slot, alarms, silent=silent))

    house._write(fill)


def _days(key: str, slot: int, alarms: int, *, silent: bool) -> list[DeviceDay]:
    known: dict[object, bytes] = {}
    for at in range(slot - 7 * beats.SLOTS, slot + 1):
        if (silent and at > slot - 12) or at % 61 < 5:
            continue
        day = beats.day_of(at)
        known[day] = beats.noted(known.get(day, b""), at, beats.HEARD | (alarms if at % 97 < 9 else 0))
    return [DeviceDay(device_id=key, day=day, slots=slots) for day, slots in known.items()]


def _device(number: int, villages: list[str]) -> dict[str, str]:
    key = base64.b64encode(Ed25519Signer.generate().public_raw).decode()
    name = f"Cụm loa {number} – {PLACES[number % len(PLACES)]}"
    kind = "board" if number % 50 == 0 else "speaker"
    unit = villages[number % len(villages)]
    return {"id": f"xa-loa-{number}", "name": name, "kind": kind, "unit_id": unit, "public_key": key}


def _take_in(system: System, sign_in: str, name: str, unit: str, *roles: str) -> None:
    api = system.client
    made = api.post("/people", {"name": name, "unit_id": unit})["id"]
    for role in roles:
        api.post(f"/people/{made}/grants", {"role": role, "unit_id": unit})
    link = api.post(f"/people/{made}/invitation", {"sign_in_name": sign_in})
    api.post("/invitations", {"secret": link["secret"], "password": PASSWORD, "keep": "token"})
