"""The places one can go to from every page: only those that exist and that somebody may use. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from controller.access.rules import Permission
from controller.web.translating import marked


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: where, how it is called, its sign, and the permission that one needs somewhere; None: nobody's.

    `also`: permissions of which one is enough, too; `rooms`: pages elsewhere that belong to it.
    """

    path: str
    name: str
    sign: str
    permission: Permission | None = None
    also: frozenset[Permission] = frozenset()
    rooms: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether a page belongs to it."""
        rooms = (self.path, *self.rooms)
        return path in rooms or any(one != "/" and path.startswith(f"{one}/") for one in rooms)


PLACES = (
    Place("/", marked("Hôm nay"), "today"),
    Place("/bulletins", marked("Bản tin"), "bulletins", Permission.SEE),
    Place("/week", marked("Lịch tuần"), "week", Permission.KNOW),
    Place("/review", marked("Duyệt"), "good", Permission.APPROVE),
    Place("/results", marked("Kết quả"), "results", Permission.SEE),
    Place("/devices", marked("Thiết bị"), "horn", Permission.SEE),
    Place("/monitoring", marked("Giám sát"), "map", Permission.SEE),
    Place(
        "/administration",
        marked("Quản trị"),
        "gear",
        Permission.ADMINISTER,
        frozenset({Permission.PEOPLE, Permission.AUDIT}),
        ("/units", "/policies", "/people", "/groups", "/keys", "/audit"),
    ),
    Place("/account", marked("Tài khoản"), "account"),
)
"""In the order in which an officer needs them."""


def places_for(permissions: Collection[str]) -> tuple[Place, ...]:
    """Those for somebody with these permissions."""
    return tuple(one for one in PLACES if one.permission is None or _may_enter(one, permissions))


def _may_enter(place: Place, permissions: Collection[str]) -> bool:
    return any(str(one) in permissions for one in (place.permission, *place.also))
