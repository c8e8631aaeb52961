"""The places one can go to from every page: only those that exist and that somebody may use. Pure.

A screen shows all of them. A phone has room for five under the thumb: those that somebody with these permissions uses
most (`near`), and `MORE`, which leads to the rest.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from controller.access.rules import Permission
from controller.web.translating import marked

MORE = "/more"
ROOM = 5
"""For so many there is room on the smallest phone: 320 px, each 64 px wide."""


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: where, how it is called, its sign, what for, and the permission one needs somewhere; None: nobody's.

    `also`: permissions of which one is enough, too; `rooms`: pages elsewhere that belong to it; `near`: in the bar.
    """

    path: str
    name: str
    sign: str
    about: str
    permission: Permission | None = None
    also: frozenset[Permission] = frozenset()
    rooms: tuple[str, ...] = ()
    near: bool = True

    def holds(self, path: str) -> bool:
        """Whether a page belongs to it."""
        rooms = (self.path, *self.rooms)
        return path in rooms or any(one != "/" and path.startswith(f"{one}/") for one in rooms)


HOME = Place("/", marked("Hôm nay"), "today", marked("Đang phát gì, sắp phát gì, vừa phát ra sao."))
PLACES = (
    HOME,
    Place("/bulletins", marked("Bản tin"), "bulletins", marked("Soạn bản tin, xem bản đã soạn."), Permission.SEE),
    Place("/week", marked("Lịch tuần"), "week", marked("Buổi nào phát gì trong bảy ngày."), Permission.KNOW),
    Place("/review", marked("Duyệt"), "good", marked("Bản tin đang chờ bạn duyệt."), Permission.APPROVE),
    Place("/results", marked("Kết quả"), "results", marked("Cụm nào đã phát, cụm nào không, vì sao."), Permission.SEE),
    Place(
        "/devices", marked("Thiết bị"), "horn", marked("Từng cụm loa, bảng tin: tình trạng, âm lượng."), Permission.SEE
    ),
    Place("/monitoring", marked("Giám sát"), "map", marked("Mọi cụm, mọi xã: nơi nào cần người xem."), Permission.SEE),
    Place(
        "/administration",
        marked("Quản trị"),
        "gear",
        marked("Đơn vị, quy định, người dùng, nhật ký."),
        Permission.ADMINISTER,
        frozenset({Permission.PEOPLE, Permission.AUDIT}),
        ("/units", "/policies", "/people", "/groups", "/keys", "/audit"),
    ),
    Place("/account", marked("Tài khoản"), "account", marked("Mật khẩu, lớp thứ hai, những nơi đang đăng nhập.")),
)
"""In the order in which an officer needs them."""
_USED: tuple[tuple[str, frozenset[Permission]], ...] = (
    ("/review", frozenset({Permission.APPROVE})),
    ("/bulletins", frozenset({Permission.WRITE})),
    ("/devices", frozenset({Permission.TEND})),
    ("/administration", frozenset({Permission.ADMINISTER, Permission.PEOPLE, Permission.AUDIT})),
    ("/week", frozenset({Permission.WRITE, Permission.APPROVE})),
    ("/monitoring", frozenset({Permission.TEND})),
)
"""What people use most beside today: first what waits for them, then their own work; any of the permissions."""
_ELSE_USED = ("/results", "/monitoring", "/devices", "/week", "/bulletins", "/account")


def places_for(permissions: Collection[str]) -> tuple[Place, ...]:
    """Those for somebody with these permissions; where all have room on a phone, all are near."""
    found = [one for one in PLACES if one.permission is None or _has_any(permissions, (one.permission, *one.also))]
    if len(found) <= ROOM:
        return tuple(found)
    there = {one.path for one in found}
    by_use = [path for path, needed in _USED if _has_any(permissions, needed)]
    used = [one for one in dict.fromkeys((HOME.path, *by_use, *_ELSE_USED)) if one in there]
    return tuple(replace(one, near=one.path in used[: ROOM - 1]) for one in found)


def _has_any(permissions: Collection[str], needed: Iterable[Permission]) -> bool:
    return any(str(one) in permissions for one in needed)
