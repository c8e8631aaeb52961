"""What the demo commune says: its sounds, its programme, and bulletins in every state a bulletin can be in.

A bulletin's text is what is heard; the sounds were spoken by a machine, and are told so.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from loa_cli.demo_house import House
from loa_cli.demo_land import COMMUNE, PROVINCE
from loa_cli.demo_past import Step
from loa_cli.demo_people import LEADER, OFFICER
from loa_cli.instants import ZONE

BOARD_S = 60
GREETING = "Kính thưa bà con nhân dân. "


@dataclass(frozen=True, slots=True)
class Piece:
    """A sound of the library, and what is said in it."""

    title: str
    field: str
    text: str


SOUNDS = {
    "ban_tin_mau": Piece(
        "Lịch tiêm chủng cho trẻ",
        "health",
        GREETING + "Trạm y tế xã thông báo lịch tiêm chủng. Sáng thứ tư, từ bảy giờ ba mươi đến mười một giờ, tại trạm"
        " y tế xã. Mời gia đình có con dưới hai mươi bốn tháng tuổi đưa trẻ đến tiêm. Trân trọng cảm ơn.",
    ),
    "don_ve_sinh": Piece(
        "Tổng vệ sinh đường làng ngõ xóm",
        "notice",
        GREETING + "Sáng thứ bảy, từ sáu giờ, các thôn ra quân tổng vệ sinh đường làng ngõ xóm. Mời mỗi gia đình cử một"
        " người, mang theo chổi và bao đựng rác, tập trung tại nhà văn hóa thôn.",
    ),
    "lich_tuoi": Piece(
        "Lịch lấy nước sản xuất",
        "agriculture",
        "Hợp tác xã dịch vụ nông nghiệp thông báo lịch lấy nước. Trạm bơm vận hành từ bốn giờ đến mười giờ sáng, liên"
        " tục trong ba ngày. Bà con đắp bờ, giữ nước, và không tự ý mở cống.",
    ),
    "thoi_tiet": Piece(
        "Thời tiết hai ngày tới",
        "weather",
        GREETING + "Trong hai ngày tới trời có mưa rào, gió mạnh dần, đêm và sáng sớm trời lạnh. Bà con che chắn chuồng"
        " trại, phủ ni lông cho mạ, và thu hoạch sớm rau màu đã đến lứa.",
    ),
    "phong_chay": Piece(
        "Phòng cháy, chữa cháy mùa hanh khô",
        "security",
        "Công an xã nhắc bà con phòng cháy, chữa cháy. Trước khi ra khỏi nhà, hãy tắt bếp và rút phích cắm các thiết bị"
        " điện. Khi có cháy, hô hoán mọi người và gọi ngay số một một bốn.",
    ),
    "cat_dien": Piece(
        "Lịch tạm ngừng cấp điện",
        "notice",
        GREETING + "Điện lực thông báo tạm ngừng cấp điện để sửa chữa đường dây, từ bảy giờ đến mười một giờ sáng mai."
        " Mong bà con thông cảm và chủ động trữ nước sinh hoạt.",
    ),
    "hop_thon": Piece(
        "Mời họp thôn Bến Đa",
        "notice",
        "Kính mời bà con thôn Bến Đa dự họp thôn. Mười chín giờ ba mươi tối mai, tại nhà văn hóa thôn. Nội dung: bàn"
        " việc làm đường ra đồng và bình xét gia đình văn hóa.",
    ),
    "nhat_duoc": Piece(
        "Tìm chủ ví và giấy tờ đánh rơi",
        "notice",
        "Thông báo tìm chủ tài sản. Bà con nào đánh rơi ví và giấy tờ tại chợ Chiều sáng nay. Mời đến trụ sở Ủy ban"
        " nhân dân xã để nhận lại.",
    ),
}
"""File in demo_media → what it is."""

PAST = (
    ("ban_tin_mau", -7, 3),
    ("don_ve_sinh", -6, 4),
    ("lich_tuoi", -4, 6),
    ("phong_chay", -3, 10),
    ("thoi_tiet", -1, 3),
)
"""Sound, the day it was written (0 is today), for how many days it is valid: said in every session of these days."""


@dataclass(frozen=True, slots=True)
class Newsroom:
    """Writes, decides and places bulletins as the people of the demo.

    Sounds are taken in beside what goes on; who needs one waits for it.
    """

    house: House
    people: Mapping[str, str]
    _coming: dict[str, asyncio.Task[str]] = field(default_factory=dict)

    async def furnish(self, first_day: datetime) -> None:
        """Begin to take the sounds in, those that are heard first before others; the programme from that day on."""
        officer = self.people[OFFICER]
        for name, piece in SOUNDS.items():
            upload = self.house.upload(media(name), piece.title, COMMUNE, by=officer)
            self._coming[name] = asyncio.create_task(upload, name=f"upload-{name}")
        document = _programme() | {"valid_from": first_day.astimezone(ZONE).date().isoformat()}
        await self.house.put(f"/programmes/{document['id']}", {"document": document}, by=officer)

    async def sounds(self) -> dict[str, str]:
        """All assets by file, once they are there."""
        return {name: await coming for name, coming in self._coming.items()}

    def steps(self, now: datetime) -> Iterator[Step]:
        """What was written, decided and placed during the week before `now`."""
        for name, day, days in PAST:
            at = _morning(now, day)
            yield Step(at, partial(self._said_daily, name, at, days))
        found = _morning(now, -2)
        yield Step(found, partial(self._notice, "nhat_duoc", ["u-cho-chieu"], found + timedelta(hours=2)))
        at, tomorrow = _lately(now), _morning(now, 1)
        yield Step(at - timedelta(hours=25), self._withdrawn)
        yield Step(at - timedelta(hours=24), self._returned)
        yield Step(
            at - timedelta(minutes=50), partial(self._approved_for, "cat_dien", tomorrow - timedelta(minutes=90))
        )
        yield Step(at - timedelta(minutes=40), partial(self._from_the_province, tomorrow + timedelta(minutes=195)))
        yield Step(at - timedelta(minutes=35), partial(self._waiting, "hop_thon", tomorrow + timedelta(minutes=630)))
        yield Step(at - timedelta(minutes=20), partial(self._waiting_board, tomorrow + timedelta(hours=6)))
        yield Step(at - timedelta(minutes=5), self._draft)

    async def _said_daily(self, name: str, at: datetime, days: int) -> None:
        text = await self._spoken(name) | {"valid_until": (at + timedelta(days=days)).isoformat()}
        await self._approve(await self._written(text, {"slot": COMMUNE}))

    async def _notice(self, name: str, to: list[str], start: datetime) -> None:
        await self._approve(
            await self._written(await self._spoken(name), {"to": to, "start": start.isoformat(), "volume": 65})
        )

    async def _waiting(self, name: str, start: datetime) -> None:
        place = {"to": ["u-ben-da"], "start": start.isoformat(), "repeats": 2}
        await self._submit(await self._written(await self._spoken(name, board=False), place))

    async def _waiting_board(self, start: datetime) -> None:
        words = "Chợ Chiều họp sớm một giờ trong ba phiên tới. Bà con để xe đúng nơi quy định, không lấn lòng đường."
        shown = {"language": "vi", "text": words, "board": {"long": words}}
        text = {"title": "Chợ Chiều họp sớm", "field": "economy", "variants": [shown]}
        place = {"to": ["d-bang-tin-cho"], "start": start.isoformat(), "board_s": 3600}
        await self._submit(await self._written(text, place))

    async def _approved_for(self, name: str, start: datetime) -> None:
        text = await self._spoken(name) | {"level": "priority", "agency": "Điện lực"}
        place = {"to": [f"u-{COMMUNE}"], "start": start.isoformat(), "repeats": 2, "board_s": 1800}
        await self._approve(await self._written(text, place))

    async def _from_the_province(self, start: datetime) -> None:
        words = GREETING + "Tỉnh mở đợt cấp đổi thẻ bảo hiểm y tế. Mời bà con đến trung tâm hành chính công của xã."
        shown = {"language": "vi", "text": words, "board": {"long": words}}
        text = {"title": "Cấp đổi thẻ bảo hiểm y tế", "field": "health", "essential": True, "variants": [shown]}
        desk, head = self.people["desk"], self.people["head"]
        row = await self.house.post("/bulletins", {"unit": PROVINCE[0], "document": text}, by=desk)
        place = {"to": [f"u-{COMMUNE}"], "start": start.isoformat(), "board_s": 1800}
        await self.house.post(f"/bulletins/{row['id']}/placements", place, by=desk)
        await self.house.post(f"/bulletins/{row['id']}/submit", {}, by=desk)
        await self.house.post(f"/bulletins/{row['id']}/approve", {"revision": row["revision"]}, by=head)

    async def _draft(self) -> None:
        words = "Trạm y tế xã khám sức khỏe cho người cao tuổi. Thời gian và địa điểm: (chờ trạm y tế xác nhận)."
        variants = [{"language": "vi", "text": words}]
        await self._written({"title": "Khám sức khỏe người cao tuổi", "field": "health", "variants": variants})

    async def _returned(self) -> None:
        words = "Xã mở lớp tập huấn phòng bệnh cho đàn lợn. Mời các hộ chăn nuôi đăng ký với trưởng thôn."
        variants = [{"language": "vi", "text": words, "board": {"long": words}}]
        text = {"title": "Tập huấn phòng bệnh cho đàn lợn", "field": "agriculture", "variants": variants}
        row = await self._written(text, None)
        await self._submit(row)
        why = "Thiếu ngày, giờ và địa điểm. Bổ sung rồi trình lại."
        await self._decide(row, "return", {"why": why, "revision": row["revision"]})

    async def _withdrawn(self) -> None:
        words = "Giải bóng chuyền các thôn khai mạc lúc bảy giờ sáng chủ nhật tại sân vận động xã."
        shown = {"language": "vi", "text": words, "board": {"long": words}}
        text = {"title": "Giải bóng chuyền các thôn", "field": "culture", "variants": [shown]}
        row = await self._written(text, None)
        await self._approve(row)
        await self._decide(row, "withdraw", {"why": "Hoãn giải vì mưa, sẽ thông báo lịch mới."})

    async def _spoken(self, name: str, *, board: bool = True) -> dict[str, Any]:
        piece = SOUNDS[name]
        said: dict[str, Any] = {
            "language": "vi",
            "text": piece.text,
            "reading": piece.text,
            "audio": await self._coming[name],
            "audio_kind": "machine",
        }
        if board:
            said["board"] = {"long": piece.text}
        return {"title": piece.title, "field": piece.field, "variants": [said]}

    async def _written(self, text: dict[str, Any], place: dict[str, Any] | None = None) -> dict[str, Any]:
        officer = self.people[OFFICER]
        row: dict[str, Any] = await self.house.post("/bulletins", {"unit": COMMUNE, "document": text}, by=officer)
        if place is not None:
            await self.house.post(f"/bulletins/{row['id']}/placements", place, by=officer)
        return row

    async def _submit(self, row: dict[str, Any]) -> None:
        await self.house.post(f"/bulletins/{row['id']}/submit", {}, by=self.people[OFFICER])

    async def _approve(self, row: dict[str, Any]) -> None:
        await self._submit(row)
        await self._decide(row, "approve", {"revision": row["revision"]})

    async def _decide(self, row: dict[str, Any], what: str, said: dict[str, Any]) -> None:
        await self.house.post(f"/bulletins/{row['id']}/{what}", said, by=self.people[LEADER])


def media(name: str) -> Path:
    """A sound's file."""
    return Path(str(resources.files("loa_cli") / "demo_media" / f"{name}.ogg"))


def _programme() -> dict[str, Any]:
    text = (resources.files("schedules") / "demo-commune.yaml").read_text()
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _morning(now: datetime, day: int) -> datetime:
    """Eight o'clock of a day, in the commune's time."""
    local = now.astimezone(ZONE).replace(hour=8, minute=0, second=0, microsecond=0)
    return local + timedelta(days=day)


def _lately(now: datetime) -> datetime:
    """The end of the last morning, or afternoon of the day before, in which people were at their desks."""
    morning = _morning(now, 0) + timedelta(hours=2)
    return morning if morning <= now else _morning(now, -1) + timedelta(hours=8)
