"""The land of the demo: a made-up commune of eight villages, its devices on a small map, and groups of them.

Every name is invented; the places are points of a plain, set out round a centre that belongs to nobody.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from loa_cli.demo_house import House
from loa_protocol.keys import Ed25519Signer

PROVINCE = ("tinh-minh-hoa", "Tỉnh Minh Họa")
COMMUNE = "xa-an-lanh"
COMMUNE_NAME = "Xã An Lành"
CENTRE = (20.4310, 106.2520)
"""Latitude and longitude of the commune's house, in degrees."""
_LATITUDE_KM, _LONGITUDE_KM = 1 / 111.2, 1 / 104.2  # degrees a kilometre at this latitude
VILLAGES = {
    "ben-da": ("Thôn Bến Đa", 1.9, -1.4),
    "cau-gao": ("Thôn Cầu Gạo", 1.2, 0.9),
    "dong-moi": ("Thôn Đồng Mới", 0.3, 2.1),
    "go-say": ("Thôn Gò Sậy", -1.1, 1.7),
    "ao-sen": ("Thôn Ao Sen", -2.0, 0.2),
    "dam-ha": ("Thôn Đầm Hạ", -1.4, -1.5),
    "cho-chieu": ("Thôn Chợ Chiều", -0.2, -0.9),
    "bai-dau": ("Thôn Bãi Dâu", 0.9, -2.3),
}
"""Id → name, and how far north and east of the centre it lies, in kilometres."""
_CORNERS = (
    ("đầu làng", 0.42, 0.05),
    ("nhà văn hóa", 0.0, 0.0),
    ("ngã ba", 0.1, 0.45),
    ("sân đình", -0.35, 0.2),
    ("cuối xóm", -0.15, -0.45),
)
REACH_M = 400
SPEAKERS = "cum-loa"
"""The group that the programme in schedules/demo-commune.yaml is for."""
GROUPS = {
    "ven-song": ("Các cụm ven sông", ("ben-da", "bai-dau")),
    "noi-dong": ("Các cụm nội đồng", ("dong-moi", "go-say", "ao-sen")),
}


@dataclass(frozen=True, slots=True)
class Spot:
    """A device of the demo. `real`: an agent of its own runs for it, whose sound or picture is captured."""

    id: str
    name: str
    unit: str
    latitude: float
    longitude: float
    kind: str = "speaker"
    real: bool = False

    @property
    def profile(self) -> str:
        """As `firmware_configs` has it."""
        if not self.real:
            return "simulated"
        return "demo-speaker" if self.kind == "speaker" else "generic-png-board"


def spots() -> tuple[Spot, ...]:
    """Forty simulated loudspeakers, five a village; three that really run, and a board."""
    return (*_simulated(), *_real())


def _simulated() -> Iterator[Spot]:
    for village, (name, north_km, east_km) in VILLAGES.items():
        for number, (corner, more_north_km, more_east_km) in enumerate(_CORNERS, 1):
            at = _at(north_km + more_north_km, east_km + more_east_km)
            yield Spot(f"{village}-{number}", f"{name.removeprefix('Thôn ')} {number} – {corner}", village, *at)


def _real() -> Iterator[Spot]:
    yield Spot("loa-ubnd", "Trụ sở UBND xã", COMMUNE, *_at(0.0, 0.0), real=True)
    yield Spot("loa-tram-y-te", "Trạm y tế xã", COMMUNE, *_at(0.35, -0.3), real=True)
    yield Spot("loa-cho", "Cổng chợ Chiều", "cho-chieu", *_at(-0.45, -1.15), real=True)
    yield Spot("bang-tin-cho", "Bảng tin chợ Chiều", "cho-chieu", *_at(-0.47, -1.1), kind="board", real=True)


def _at(north_km: float, east_km: float) -> tuple[float, float]:
    latitude, longitude = CENTRE
    return round(latitude + north_km * _LATITUDE_KM, 6), round(longitude + east_km * _LONGITUDE_KM, 6)


async def furnish(house: House, keys: Mapping[str, str]) -> None:
    """Units, devices with these public keys (device id → base64), and groups."""
    province, province_name = PROVINCE
    await house.post("/units", {"id": province, "name": province_name, "kind": "province"})
    await house.post("/units", {"id": COMMUNE, "name": COMMUNE_NAME, "kind": "commune", "parent_id": province})
    for village, (name, *_) in VILLAGES.items():
        await house.post("/units", {"id": village, "name": name, "kind": "village", "parent_id": COMMUNE})
    await house.post("/devices/batch", {"devices": [_row(spot, keys[spot.id]) for spot in spots()]})
    speakers = [spot for spot in spots() if spot.kind == "speaker"]
    await _group(house, SPEAKERS, "Tất cả cụm loa", speakers)
    for group, (name, villages) in GROUPS.items():
        await _group(house, group, name, [spot for spot in speakers if spot.unit in villages])


async def _group(house: House, group: str, name: str, members: Iterable[Spot]) -> None:
    ids = [spot.id for spot in members]
    await house.post("/groups", {"id": group, "name": name, "unit_id": COMMUNE, "devices": ids})


def public_key(signer: Ed25519Signer) -> str:
    """As it is registered."""
    return base64.b64encode(signer.public_raw).decode()


def _row(spot: Spot, key: str) -> dict[str, str | float]:
    row: dict[str, str | float] = {
        "id": spot.id,
        "name": spot.name,
        "kind": spot.kind,
        "unit_id": spot.unit,
        "public_key": key,
        "profile": spot.profile,
        "latitude": spot.latitude,
        "longitude": spot.longitude,
    }
    return row | ({"reach_m": REACH_M} if spot.kind == "speaker" else {})
