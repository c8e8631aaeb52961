"""What a revision of a bulletin says, on its way into the database: cleaned, and naming only what there is."""

from collections.abc import AsyncIterator, Collection
from contextlib import nullcontext
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import settled
from controller.broadcasts import store as broadcast_store
from controller.bulletins import document, rules, store
from controller.bulletins.document import AudioKind, Document, Fault
from controller.bulletins.rules import State, Step
from controller.bulletins.store import Done
from controller.bulletins.tables import Bulletin, BulletinRevision
from controller.library.folding import folded
from controller.media import service as media
from controller.media.tables import Asset
from controller.runtime.ids import new_id
from controller.speech.cleaning import clean


async def begin(
    session: AsyncSession,
    text: Document,
    *,
    unit: str,
    author: str | None,
    source: str,
    source_ref: str | None,
    why: str,
    now: datetime,
) -> Bulletin:
    """A draft with its first revision and its first step; `author` None: its source wrote it."""
    row = Bulletin(
        id=new_id(now),
        unit_id=unit,
        author_id=author,
        source=source,
        source_ref=source_ref,
        state=str(State.DRAFT),
        head=rules.FIRST.head,
        steps=0,
        created_at=now,
        changed_at=now,
    )
    show(row, text)
    session.add(row)
    await session.flush()
    await keep(session, row, text, by=author, note=why)
    await store.note(session, row, Done(step=Step.CREATED, person=author, at=now, why=why))
    return row


def show(row: Bulletin, text: Document) -> None:
    """What lists show and filter by is the newest revision's."""
    row.title, row.level, row.field, row.essential = text.title, str(text.level), str(text.field), text.essential
    row.valid_from, row.valid_until = text.valid_from, text.valid_until
    row.languages = "".join(f" {one.language}" for one in text.variants) + " "
    boards = [one for board in text.boards for one in (board.short, board.long)]
    row.search = folded(text.title, text.agency, *(one.text for one in text.variants), *boards)


async def sound(session: AsyncSession, wanted: Document, standing: Collection[str] = ()) -> Document:
    """The document as it may be stored; `standing`: assets that stand in it already, named by who knew of them.

    Raises:
        BulletinInvalid, AssetUnknown, TextEmpty, TextTooLong, TextUnsettled: what is wrong with it.
    """
    text = document.cleaned(wanted, lambda one: clean(one).text)
    for asset in text.assets:
        with settled(session) if asset in standing else nullcontext():
            await media.require(session, asset)
    playable = await broadcast_store.sounds(session, sorted(set(text.sounds.values())))
    document.refuse(
        Fault(f"variants[{at}].audio", f"{one.audio} không phải âm thanh", f"{one.audio} is no sound; name one that is")
        for at, one in enumerate(text.variants)
        if one.audio is not None and one.audio not in playable
    )
    document.refuse([fault async for fault in _other_pictures(session, text)])
    return await _by_whom(session, text)


async def _other_pictures(session: AsyncSession, text: Document) -> AsyncIterator[Fault]:
    """What boards are to show and is of another kind."""
    query = select(Asset.id, Asset.kind).where(Asset.id.in_(text.pictures))
    kinds = {row.id: row.kind for row in await session.execute(query)}
    for at, one in enumerate(text.variants):
        for kind, vi in (("image", "hình ảnh"), ("video", "video")):
            asset = one.board and getattr(one.board, kind)
            if asset is not None and kinds[asset] != kind:
                yield Fault(f"variants[{at}].board.{kind}", f"{asset} không phải {vi}", f"{asset} is no {kind}")


async def _by_whom(session: AsyncSession, text: Document) -> Document:
    """A machine's voice is called so whatever its author says: the sound itself knows."""
    query = select(Asset.id, Asset.facts).where(Asset.id.in_(sorted(set(text.sounds.values()))))
    spoken = {asset for asset, facts in await session.execute(query) if "speech" in facts}
    kinds = dict.fromkeys(spoken, AudioKind.MACHINE)
    variants = tuple(
        msgspec.structs.replace(one, audio_kind=kinds.get(one.audio or "", one.audio_kind)) for one in text.variants
    )
    return msgspec.structs.replace(text, variants=variants)


def require_content(text: Document) -> None:
    """There is something to hear or to see.

    Raises:
        BulletinInvalid: there is not.
    """
    if not text.sounds and not text.boards and not text.pictures:
        vi = "chưa có âm thanh, cũng chưa có nội dung cho bảng tin"
        en = "it has neither a sound nor anything for boards; record it, have it spoken, or write for boards"
        document.refuse([Fault("variants", vi, en)])


async def keep(session: AsyncSession, row: Bulletin, text: Document, *, by: str | None, note: str) -> None:
    """Add it to the history, as the head of its bulletin."""
    data = document.plain(text)
    session.add(
        BulletinRevision(
            bulletin_id=row.id, number=row.head, document=data, made_by=by, made_at=row.changed_at, note=note
        )
    )
    await session.flush()


async def head(session: AsyncSession, row: Bulletin) -> Document:
    """What its newest revision says."""
    return (await store.documents(session, row.id, [row.head]))[row.head]
