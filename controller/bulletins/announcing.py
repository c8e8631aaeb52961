"""Whom each step is told to, and in which words: notices in the transaction of the step."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import store, unit_rules
from controller.bulletins.tables import Bulletin
from controller.notices import service as notices
from controller.notices.rules import Message
from controller.people import approving
from controller.policies.words import DEFAULT_ZONE
from loa_protocol.policy import zone


def path_of(row: Bulletin) -> str:
    """Where a bulletin is seen."""
    return f"/bulletins/{row.id}"


async def approvers(session: AsyncSession, row: Bulletin, now: datetime) -> list[str]:
    """Who may approve this bulletin today: no writer of it, nor who stands in for one, unless the unit says so."""
    lenient = (await unit_rules.effective(session, row.unit_id)).self_approval
    writers = frozenset[str]() if lenient else await store.writers(session, row.id)
    found = await approving.approvers(session, row.unit_id, approving.local_day(now), writers=writers)
    return list(dict.fromkeys(one.person.id for one in found))


async def submitted(session: AsyncSession, row: Bulletin, step: int, now: datetime) -> None:
    """Approvers: there is something to read."""
    text = f"Bản tin “{row.title}” (bản {row.head}) đang chờ duyệt. Mời mở ra đọc, rồi duyệt hoặc trả lại."
    said = _said(row, "submitted", f"Chờ duyệt: {row.title}", text, step)
    await _tell(session, await approvers(session, row, now), said, now)


async def returned(session: AsyncSession, row: Bulletin, step: int, why: str, now: datetime) -> None:
    """The author: why it came back."""
    text = f"Bản tin “{row.title}” được trả lại để sửa. Lý do: {why or 'không ghi'}."
    await _tell(session, _author(row), _said(row, "returned", f"Trả lại: {row.title}", text, step), now)


async def approved(session: AsyncSession, row: Bulletin, step: int, now: datetime) -> None:
    """The author: it goes on air."""
    text = f"Bản tin “{row.title}” (bản {row.head}) đã được duyệt và sẽ phát theo các nơi đã đặt."
    await _tell(session, _author(row), _said(row, "approved", f"Đã duyệt: {row.title}", text, step), now)


async def withdrawn(session: AsyncSession, row: Bulletin, step: int, why: str, now: datetime, *, on_air: bool) -> None:
    """Author and approvers, if it was on the air: it comes off it."""
    text = f"Bản tin “{row.title}” đã bị thu hồi. Lý do: {why or 'không ghi'}."
    if on_air:
        text += " Mở trang của bản tin để xem còn bao nhiêu cụm loa chưa xác nhận đã ngừng phát."
    to = [*_author(row), *(await approvers(session, row, now) if on_air else [])]
    await _tell(session, to, _said(row, "withdrawn", f"Thu hồi: {row.title}", text, step), now)


async def reminder(session: AsyncSession, row: Bulletin, start: datetime, before_min: int, now: datetime) -> None:
    """Author and approvers: it starts soon and is not approved."""
    text = (
        f"Bản tin “{row.title}” sẽ phát lúc {local(start)} nhưng chưa được duyệt."
        " Nếu không duyệt kịp, bản tin sẽ không phát và hệ thống ghi lại là chưa duyệt."
    )
    said = _said(row, "unapproved", f"Sắp đến giờ phát: {row.title}", text, f"{start.isoformat()} {before_min}")
    await _tell(session, await _both(session, row, now), said, now)


async def skipped(session: AsyncSession, row: Bulletin, start: datetime, *, stood_in: bool, now: datetime) -> None:
    """Author and approvers: it did not play."""
    text = f"Bản tin “{row.title}” không phát lúc {local(start)} vì chưa được duyệt."
    text += " Nội dung thay thế được phát." if stood_in else ""
    said = _said(row, "skipped", f"Không phát: {row.title}", text, start.isoformat())
    await _tell(session, await _both(session, row, now), said, now)


def local(instant: datetime) -> str:
    """An instant as people say it."""
    return f"{instant.astimezone(zone(DEFAULT_ZONE)):%H:%M ngày %d/%m/%Y}"


def _author(row: Bulletin) -> list[str]:
    return [] if row.author_id is None else [row.author_id]


async def _both(session: AsyncSession, row: Bulletin, now: datetime) -> list[str]:
    return [*_author(row), *await approvers(session, row, now)]


def _said(row: Bulletin, kind: str, subject: str, text: str, key: object) -> Message:
    return Message(f"bulletin_{kind}", row.id, subject, text, path_of(row), str(key))


async def _tell(session: AsyncSession, to: Iterable[str], said: Message, now: datetime) -> None:
    await notices.tell(session, dict.fromkeys(to), said, now)
