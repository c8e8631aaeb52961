"""Whom each step is told to, and in which words: notices in the transaction of the step.

Whoever can do something about it is told, with what he needs for it: who wrote it, where and when it goes on air, how
it begins, how it is read whole. A draft that nobody submitted concerns its author alone until its start is missed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import place_words, store, unit_rules
from controller.bulletins.document import Document
from controller.bulletins.places import PlacementState
from controller.bulletins.rules import State
from controller.bulletins.tables import Bulletin
from controller.bulletins.words import local
from controller.notices import service as notices
from controller.notices.rules import USEFUL_FOR, Message
from controller.people import approving
from controller.people import store as people
from controller.people.approving import Approver
from controller.units import store as units

_EXCERPT_CHARACTERS = 300


async def approvers(session: AsyncSession, row: Bulletin, now: datetime) -> list[str]:
    """Who may approve this bulletin today: no writer of it, nor who stands in for one, unless the unit says so."""
    return list(await _deciding(session, row, now))


async def submitted(session: AsyncSession, row: Bulletin, step: int, now: datetime) -> None:
    """Approvers: there is something to read, by whom, how it begins, and when it goes on air."""
    lines = [await _going(session, row, now), await _excerpt(session, row), _mark(row)]
    for person, instead in (await _deciding(session, row, now)).items():
        first = f"Bản tin “{row.title}” (bản {row.head}) của {await _from(session, row)} đang chờ bạn duyệt{instead}."
        said = _said(row, "submitted", f"Chờ duyệt: {row.title}", [first, *lines], step)
        await _tell(session, [person], said, now)


async def returned(session: AsyncSession, row: Bulletin, step: int, why: str, now: datetime) -> None:
    """The author: why it came back."""
    lines = [f"Bản tin “{row.title}” được trả lại để sửa. Lý do: {why or 'không ghi'}.", _mark(row)]
    await _tell(session, _author(row), _said(row, "returned", f"Trả lại: {row.title}", lines, step), now)


async def approved(session: AsyncSession, row: Bulletin, step: int, now: datetime) -> None:
    """The author: where it goes on air now, and what came too late for that."""
    lines = [f"Bản tin “{row.title}” (bản {row.head}) đã được duyệt.", *await _becomes(session, row, now), _mark(row)]
    await _tell(session, _author(row), _said(row, "approved", f"Đã duyệt: {row.title}", lines, step), now)


async def withdrawn(session: AsyncSession, row: Bulletin, step: int, why: str, now: datetime, *, on_air: bool) -> None:
    """Author and approvers, if it was on the air: it comes off it."""
    lines = [f"Bản tin “{row.title}” đã bị thu hồi. Lý do: {why or 'không ghi'}."]
    if on_air:
        lines.append(f"Xem còn bao nhiêu thiết bị chưa xác nhận đã ngừng phát: loa bulletin withdrawal {row.id}")
    to = [*_author(row), *(await approvers(session, row, now) if on_air else [])]
    await _tell(session, to, _said(row, "withdrawn", f"Thu hồi: {row.title}", lines, step), now)


async def reminder(session: AsyncSession, row: Bulletin, start: datetime, before_min: int, now: datetime) -> None:
    """It starts soon and is not approved: its author, and once it was submitted its approvers; of no use afterwards."""
    draft = row.state == State.DRAFT
    todo = "còn là bản nháp, chưa trình duyệt" if draft else "chưa được duyệt"
    text = (
        f"Bản tin “{row.title}” của {await _from(session, row)} sẽ phát lúc {local(start)} nhưng {todo}."
        " Nếu không được duyệt kịp, bản tin sẽ không phát và hệ thống ghi lại là chưa duyệt."
    )
    subject, key = f"Sắp đến giờ phát: {row.title}", f"{_minute(start)} {before_min}"
    said = _said(row, "unapproved", subject, [text, _mark(row)], key, useful_for=min(start - now, USEFUL_FOR))
    await _tell(session, _author(row) if draft else await _both(session, row, now), said, now)


async def skipped(session: AsyncSession, row: Bulletin, start: datetime, *, stood_in: bool, now: datetime) -> None:
    """Author and approvers: it did not play."""
    text = f"Bản tin “{row.title}” không phát lúc {local(start)} vì chưa được duyệt."
    lines = [text + (" Nội dung thay thế được phát." if stood_in else " Không có gì phát thay."), _mark(row)]
    said = _said(row, "skipped", f"Không phát: {row.title}", lines, f"{_minute(start)} {stood_in:d}")
    await _tell(session, await _both(session, row, now), said, now)


async def _going(session: AsyncSession, row: Bulletin, now: datetime) -> str:
    """Where it shall go, until when somebody has to decide, and what stays on air meanwhile."""
    found = await store.placements(session, row.id)
    waiting = [one for one in found if one.state == PlacementState.RESERVED]
    lines = [f"Bản đã duyệt trước (bản {row.approved_revision}) vẫn phát như cũ."] if row.approved_revision else []
    if waiting:
        lines += ["Nơi phát chờ duyệt:", *(f"• {one}" for one in await place_words.told(session, waiting, now))]
    first = await place_words.first_start(session, waiting, now, valid_from=row.valid_from)
    if first is not None:
        lines.append(f"Cần duyệt trước {local(first)}; nếu không, bản tin không phát lúc đó.")
    return "\n".join(lines or ["Chưa đặt nơi phát nào."])


async def _becomes(session: AsyncSession, row: Bulletin, now: datetime) -> list[str]:
    """What an approval made of its places."""
    found = await store.placements(session, row.id)
    placed = [one for one in found if one.state == PlacementState.PLACED]
    missed = [one for one in found if one.state == PlacementState.SKIPPED]
    said: list[str] = []
    if placed:
        said.append("\n".join(["Sẽ phát:", *(f"• {one}" for one in await place_words.told(session, placed, now))]))
    if missed:
        told = await place_words.told(session, missed, now)
        said.append("\n".join(["Không phát, vì khi duyệt đã quá giờ:", *(f"• {one}" for one in told)]))
    if not placed:
        still = "Không còn nơi phát nào" if missed else "Chưa đặt nơi phát nào"
        said.append(f"{still}, nên bản tin chưa phát ở đâu. Đặt nơi phát: loa bulletin place {row.id}")
    return said


async def _excerpt(session: AsyncSession, row: Bulletin) -> str:
    """How it begins, in the home language where it is written in that."""
    text = _words((await store.documents(session, row.id, [row.head]))[row.head])
    if not text:
        return "Bản tin không có văn bản, chỉ có âm thanh hoặc hình: hãy nghe, xem trước khi duyệt."
    return f"Nội dung: {text if len(text) <= _EXCERPT_CHARACTERS else text[:_EXCERPT_CHARACTERS].rstrip() + '…'}"


def _words(document: Document) -> str:
    ordered = sorted(document.variants, key=lambda one: one.language != "vi")
    found = [one.text or (one.board.text if one.board else "") for one in ordered]
    return next((" ".join(text.split()) for text in found if text.strip()), "")


async def _from(session: AsyncSession, row: Bulletin) -> str:
    """Its author and unit by name."""
    named = await people.named(session, _author(row))
    unit = await units.find(session, row.unit_id)
    return ", ".join([*(one.name for one in named.values() if one.name), unit.name if unit else row.unit_id])


async def _deciding(session: AsyncSession, row: Bulletin, now: datetime) -> Mapping[str, str]:
    """Approver → in whose place, as words; empty by right of their own."""
    lenient = (await unit_rules.effective(session, row.unit_id)).self_approval
    writers = frozenset[str]() if lenient else await store.writers(session, row.id)
    found = await approving.approvers(session, row.unit_id, approving.local_day(now), writers=writers)
    by_person: dict[str, list[Approver]] = {}
    for one in found:
        by_person.setdefault(one.person.id, []).append(one)
    return {person: _instead(stands) for person, stands in by_person.items()}


def _instead(stands: Sequence[Approver]) -> str:
    principals = [one.for_person for one in stands]
    return "" if None in principals else " thay " + ", ".join(one.name for one in principals if one is not None)


def _author(row: Bulletin) -> list[str]:
    return [] if row.author_id is None else [row.author_id]


async def _both(session: AsyncSession, row: Bulletin, now: datetime) -> list[str]:
    return [*_author(row), *await approvers(session, row, now)]


def page_of(bulletin_id: str) -> str:
    """Where people read a bulletin and decide on it; the link of every notice."""
    return f"/review/{bulletin_id}"


def _mark(row: Bulletin) -> str:
    """How to read all of it without the pages, whose link stands beside the text."""
    return f"Xem đầy đủ: loa bulletin show {row.id}"


def _minute(start: datetime) -> str:
    """Starts within one minute are one occasion: people are told the minute."""
    return start.replace(second=0, microsecond=0).isoformat()


def _said(
    row: Bulletin, kind: str, subject: str, lines: Iterable[str], key: object, *, useful_for: timedelta = USEFUL_FOR
) -> Message:
    text = "\n\n".join(lines)
    return Message(f"bulletin_{kind}", row.id, subject, text, path=page_of(row.id), key=str(key), useful_for=useful_for)


async def _tell(session: AsyncSession, to: Iterable[str], said: Message, now: datetime) -> None:
    await notices.tell(session, dict.fromkeys(to), said, now)
