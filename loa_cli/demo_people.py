"""The people of the demo, all invented: who they are, what they may do, what to try as one of them."""

from dataclasses import dataclass
from typing import Any

from loa_cli.demo_house import House
from loa_cli.demo_land import COMMUNE, PROVINCE


@dataclass(frozen=True, slots=True)
class Who:
    """One of them; `work` and `tries` as the demo prints them, in Vietnamese and in English."""

    key: str
    name: str
    sign_in_name: str
    role: str
    unit: str
    work: tuple[str, str]
    tries: tuple[str, str]


OFFICER, LEADER, ADMINISTRATOR, MONITOR = "officer", "leader", "administrator", "monitor"
PEOPLE = (
    Who(
        OFFICER,
        "Nguyễn Thị Mơ",
        "mo.demo",
        "operator",
        COMMUNE,
        ("cán bộ văn hóa – xã hội", "commune officer"),
        ("xem loa đang phát, dừng phát, soạn bản tin", "see devices play, stop them, write a bulletin"),
    ),
    Who(
        LEADER,
        "Trần Văn Thảo",
        "thao.demo",
        "approver",
        COMMUNE,
        ("Phó Chủ tịch UBND xã", "vice chairman, approves"),
        ("nghe và duyệt bản tin đang chờ", "hear and approve what waits"),
    ),
    Who(
        ADMINISTRATOR,
        "Lê Quốc Ấn",
        "an.demo",
        "administrator",
        COMMUNE,
        ("quản trị của xã", "administrator of the commune"),
        ("xem người dùng, vai trò và nhật ký", "people, their roles, the audit"),
    ),
    Who(
        MONITOR,
        "Phạm Thu Hạ",
        "ha.demo",
        "monitor",
        PROVINCE[0],
        ("giám sát của tỉnh", "monitor of the province"),
        ("tìm cụm loa nào không phát và vì sao", "find which device did not play, and why"),
    ),
)


PROVINCIAL = {"desk": ("Vũ Minh Khang", "operator"), "head": ("Đỗ Thu Trang", "approver")}
"""Who hands bulletins down to the commune; nobody signs in as one of them."""


async def take_in(house: House) -> dict[str, str]:
    """Make them known with their roles and names to sign in by, but no password; gives key → id."""
    ids = {}
    for who in PEOPLE:
        row: dict[str, Any] = await house.post("/people", {"name": who.name, "unit_id": who.unit})
        ids[who.key] = str(row["id"])
        await house.post(f"/people/{row['id']}/grants", {"role": who.role, "unit_id": who.unit})
        await house.post(f"/people/{row['id']}/invitation", {"sign_in_name": who.sign_in_name})
    for key, (name, role) in PROVINCIAL.items():
        row = await house.post("/people", {"name": name, "unit_id": PROVINCE[0]})
        ids[key] = str(row["id"])
        await house.post(f"/people/{row['id']}/grants", {"role": role, "unit_id": PROVINCE[0]})
    return ids
