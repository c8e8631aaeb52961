"""“Khóa ký”: which keys sign what, in whose hands, since when, and what to do when one is lost. Nothing secret.

The key that signs plans is changed here; root keys never are: they lie elsewhere.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import moments
from controller.web.backend import Refused
from controller.web.translating import marked
from controller.web.visits import Visit, signed_page

_GROUP = 4
_ORDER = ("root", "plan", "ingest", "registrar", "approver", "trigger", "software", "device")
ROLES: Mapping[str, tuple[str, str, str]] = {
    "root": (
        marked("Khóa gốc"),
        marked("Quyết định mọi khóa khác. Thiết bị chỉ tin danh sách khóa do khóa gốc ký."),
        marked(
            "Mất khóa gốc: còn đủ số người ký thì lập danh sách mới không có khóa đó; không đủ thì phải cài lại từng"
            " thiết bị. Vì vậy hãy giữ bản sao ngoài máy chủ, ở nơi khóa được."
        ),
    ),
    "plan": (
        marked("Khóa ký kế hoạch phát"),
        marked("Ký kế hoạch phát, quy định giờ phát, lệnh dừng và lệnh cho thiết bị."),
        marked(
            "Mất: khôi phục thư mục khóa từ bản sao lưu. Nghi bị lộ: báo ngay người giữ khóa gốc; họ ký danh sách mới"
            " có khóa thay thế, mọi thứ được ký lại và thiết bị tự nhận."
        ),
    ),
    "ingest": (
        marked("Khóa xác nhận kết quả"),
        marked("Báo cho thiết bị rằng kết quả phát đã được lưu."),
        marked("Mất: khôi phục thư mục khóa từ bản sao lưu; thiết bị giữ kết quả cho tới khi được xác nhận."),
    ),
    "registrar": (marked("Khóa đăng ký người duyệt"), marked("Ghi nhận ai được duyệt cảnh báo khẩn cấp."), ""),
    "approver": (marked("Khóa người duyệt"), marked("Duyệt cảnh báo khẩn cấp."), ""),
    "trigger": (marked("Khóa kích hoạt"), marked("Kích hoạt cảnh báo tự động."), ""),
    "software": (marked("Khóa phần mềm"), marked("Ký bản cập nhật phần mềm của thiết bị."), ""),
    "device": (marked("Khóa thiết bị"), marked("Thiết bị ký kết quả phát của mình."), ""),
}
"""Role → its name, what it signs, what to do when it is lost."""
STATUS: Mapping[str, tuple[str, str]] = {
    "active": ("good", marked("đang dùng")),
    "retired": ("waiting", marked("đã thôi dùng")),
    "revoked": ("bad", marked("đã hủy")),
}


async def show(visit: Visit) -> Response:
    """All of them, by what they sign."""
    return visit.page("keys.html", **await _everything(visit))


async def rotate(visit: Visit) -> Response:
    """A new key signs plans from now on; asked for by who has just proved who they are."""
    try:
        await visit.api.send("POST", "/keys/plan/rotation", {}, visit.once)
    except Refused as refused:
        if refused.status == HTTPStatus.UNAUTHORIZED or refused.code == "proof_needed":
            raise
        return visit.again("keys.html", refused, **await _everything(visit))
    return visit.go("/keys", told="key-rotated")


async def _everything(visit: Visit) -> dict[str, Any]:
    told = await visit.api.get("/keys")
    rules = {one["role"]: one for one in told["roles"]}
    rooms = [
        {"role": role, "rule": rules[role], "keys": _keys(visit, told, role)}
        for role in (*_ORDER, *sorted(set(rules) - set(_ORDER)))
        if role in rules
    ]
    return {
        "listed": told,
        "rooms": rooms,
        "roles": ROLES,
        "statuses": STATUS,
        "rule_of_root": rules.get("root"),
        "rotation": told["rotation"],
    }


def _keys(visit: Visit, told: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """Those of a role, what signs now first, then the newest."""
    found = [_key(visit, one) for one in told["keys"] if role in one["roles"]]
    found.sort(key=lambda one: str(one["since"]), reverse=True)
    return sorted(found, key=lambda one: one["status"] != "active")


def _key(visit: Visit, key: Mapping[str, Any]) -> dict[str, Any]:
    """With its fingerprint in groups that one can read to somebody, and its age."""
    age_s = (visit.now - moments.instant(key["since"])).total_seconds()
    return {**key, "groups": groups(key["id"]), "days": int(age_s // 86_400)}


def groups(fingerprint: str) -> list[str]:
    """`1a2b 3c4d …`."""
    return [fingerprint[at : at + _GROUP] for at in range(0, len(fingerprint), _GROUP)]


routes = [
    Route("/keys", signed_page(show, Permission.ADMINISTER), methods=["GET"]),
    Route("/keys/rotation", signed_page(rotate, Permission.ADMINISTER), methods=["POST"]),
]
