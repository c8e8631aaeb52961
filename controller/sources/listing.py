"""An item of a source as the bulletin that people see in the list of everything that is said. Pure.

The dialect names no language and no field: the text and the sound are listed as Vietnamese, the field as other.
"""

from controller.bulletins.document import HOME, AudioKind, Board, Document, Variant
from controller.bulletins.handed_down import Origin
from controller.sources.bulletin import Bulletin
from controller.sources.config import Source
from controller.sources.words import vietnamese

_LONGEST_WHY = 500


def origin_of(source: Source, item_id: str) -> Origin:
    """Whose bulletin an item is."""
    return Origin(unit=source.unit, source=source.kind, ref=f"{source.name}/{item_id}")


def document_of(bulletin: Bulletin, asset_id: str | None) -> Document:
    """What a revision of an item says; `asset_id`: its sound, once that was taken in."""
    only = Variant(
        language=HOME,
        text=bulletin.text or "",
        audio=asset_id,
        audio_kind=None if asset_id is None else AudioKind.UPLOAD,
        board=None if bulletin.text is None else Board(long=bulletin.text),
    )
    return Document(
        title=bulletin.title,
        level=bulletin.level,
        essential=bulletin.essential,
        agency=bulletin.agency,
        valid_until=bulletin.valid_until,
        variants=(only,),
    )


def received(source: str, item_id: str, revision: int) -> str:
    """Why a revision is there."""
    return f"nguồn {source} gửi mục {item_id}, bản {revision}"


def approved(source: str, item_id: str, revision: int) -> str:
    """Why it needs no approval here."""
    return f"nguồn {source} đã duyệt mục {item_id}, bản {revision}; nơi phát không phải duyệt lại"


def withdrawn(source: str, item_id: str, revision: int) -> str:
    """Why it came off the air."""
    return f"nguồn {source} thu hồi mục {item_id}, bản {revision}"


def refused(source: str, item_id: str, revision: int, code: str) -> str:
    """Why it never came onto the air."""
    told = f"mục {item_id}, bản {revision} của nguồn {source} không phát được ({code}): {vietnamese(code)}"
    return told[:_LONGEST_WHY]
