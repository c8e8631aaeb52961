"""The places one can go to from every page: only those that exist and that somebody may use. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from controller.access.rules import Permission
from controller.web.translating import marked


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: where, how it is called, its sign, and the permission that one needs somewhere; None: nobody's."""

    path: str
    name: str
    sign: str
    permission: Permission | None = None

    def holds(self, path: str) -> bool:
        """Whether a page belongs to it."""
        return path == self.path or (self.path != "/" and path.startswith(f"{self.path}/"))


PLACES = (
    Place("/", marked("Hôm nay"), "today"),
    Place("/bulletins", marked("Bản tin"), "bulletins", Permission.SEE),
    Place("/week", marked("Lịch tuần"), "week", Permission.KNOW),
    Place("/review", marked("Duyệt"), "good", Permission.APPROVE),
    Place("/people", marked("Người dùng"), "people", Permission.PEOPLE),
    Place("/audit", marked("Nhật ký"), "audit", Permission.AUDIT),
    Place("/account", marked("Tài khoản"), "account"),
)
"""In the order in which an officer needs them."""


def places_for(permissions: Collection[str]) -> tuple[Place, ...]:
    """Those for somebody with these permissions."""
    return tuple(one for one in PLACES if one.permission is None or str(one.permission) in permissions)
