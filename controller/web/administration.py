"""“Quản trị”: where those who administer find units, rules, people, keys, groups and the audit."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web.backend import Refused
from controller.web.translating import marked
from controller.web.visits import Visit, refused_page, signed_page

ADMINISTRATION = "/administration"
ROOMS: tuple[tuple[str, str, str, str, Permission], ...] = (
    (
        "/units",
        "units",
        marked("Đơn vị"),
        marked("Cây đơn vị: thêm thôn, đổi tên, chuyển, đóng."),
        Permission.ADMINISTER,
    ),
    (
        "/policies",
        "clock",
        marked("Quy định giờ phát"),
        marked("Giờ được phát, ngày không phát, số phút và âm lượng."),
        Permission.ADMINISTER,
    ),
    ("/people", "people", marked("Người dùng"), marked("Ai làm việc ở đây và được làm gì."), Permission.PEOPLE),
    (
        "/groups",
        "horn",
        marked("Nhóm thiết bị"),
        marked("Thiết bị ở nhiều đơn vị được phát cùng nhau; vùng yên tĩnh."),
        Permission.ADMINISTER,
    ),
    ("/keys", "key", marked("Khóa ký"), marked("Khóa nào ký gì, và làm gì khi mất."), Permission.ADMINISTER),
    ("/audit", "audit", marked("Nhật ký"), marked("Ai đã làm gì, kể cả đăng nhập."), Permission.AUDIT),
)
"""Address, sign, name, what for, and what one needs somewhere."""


async def show(visit: Visit) -> Response:
    """What one may enter."""
    rooms = [room for room in ROOMS if visit.may(room[4])]
    if not rooms:
        return refused_page(visit, Refused(403, {"code": "not_allowed"}))
    return visit.page("administration.html", rooms=rooms)


def paths() -> Mapping[str, Permission]:
    """Where one goes from here, and what it needs."""
    return {room[0]: room[4] for room in ROOMS}


routes = [
    Route(ADMINISTRATION, signed_page(show), methods=["GET"]),
]
