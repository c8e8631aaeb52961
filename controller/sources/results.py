"""What a sender is told of an item: accepted with its broadcasts, running, the counts of every outcome, why not.

`state` and `final` speak of the item as it was accepted; `error` of the file as it lies there: a bad new version of an
item that is on air is told in `error` while `state` stays `running`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.jobs import store as jobs
from controller.sources import store
from controller.sources.config import Source
from controller.sources.errors import SourceRefused
from controller.sources.rules import BOARDS_ONLY, LOUDSPEAKERS_ONLY, ItemState
from controller.sources.store import Count
from controller.sources.tables import SourceItem
from controller.sources.words import vietnamese
from loa_protocol.errors import LoaError

FORMAT = "loa-result-1"
_NOTES = {
    BOARDS_ONLY: "it has only text: boards show it, loudspeakers say nothing",
    LOUDSPEAKERS_ONLY: "it has only sound: loudspeakers play it, boards show nothing",
}


def refused(source: str, key: str, item_id: str | None, error: LoaError) -> dict[str, Any]:
    """Nothing was ever accepted."""
    told = {"id": item_id, "revision": None, "state": "refused", "final": True, "error": of_error(error)}
    return {"format": FORMAT, "source": source, "key": key, **told}


def of_error(error: LoaError) -> dict[str, Any]:
    """A refusal: code, English and Vietnamese, and the field at fault."""
    return _error(error.code, str(error), error.field if isinstance(error, SourceRefused) else None)


async def of_item(
    session: AsyncSession, source: Source, row: SourceItem, *, key: str, now: datetime, error: LoaError | None
) -> dict[str, Any]:
    """An accepted item as it is now; `error`: what is wrong with the file that lies there."""
    made = await store.broadcasts(session, row)
    own = next((broadcast for revision, broadcast in made if revision == row.revision), None)
    told: dict[str, Any] = {
        "format": FORMAT,
        "source": source.name,
        "key": key,
        "id": row.item_id,
        "revision": row.revision,
        "state": _state(row, own, now),
        "final": not row.open,
        "accepted_at": _instant(row.accepted_at),
        "withdrawn_at": _instant(row.withdrawn_at),
        "closed_at": _instant(row.closed_at),
        "notes": [_note(code) for code in row.notes],
        "broadcasts": [_broadcast(revision, broadcast) for revision, broadcast in made],
    }
    if row.state == ItemState.PREPARING:
        told["progress"] = await _progress(session, row)
    if own is not None:
        told["outcomes"] = _outcomes(await store.counts(session, own.id))
    if own is not None and source.devices:
        told["devices"] = [_answer(*answer) for answer in await store.answers(session, own.id)]
    told["error"] = _error(row.error_code, row.error_message or "", "audio") if row.error_code else None
    if error is not None:
        told["error"] = of_error(error)
    return told


def _state(row: SourceItem, own: BroadcastRow | None, now: datetime) -> str:
    """First accepted, then running, then done; or refused, or withdrawn."""
    match row.state:
        case ItemState.PREPARING:
            return "accepted"
        case ItemState.STANDING:
            return "running" if own is not None and own.start <= now else "accepted"
        case ItemState.CLOSED:
            return "done"
        case _:
            return row.state


async def _progress(session: AsyncSession, row: SourceItem) -> float:
    """Of taking the sound in, in tenths, so that the file is not written for every hundredth."""
    job = None if row.audio_job_id is None else await jobs.find(session, row.audio_job_id)
    return 0.0 if job is None else int(job.progress * 10) / 10


def _outcomes(counts: Sequence[Count]) -> dict[str, dict[str, int]]:
    """By device class: Σ outcomes + waiting = expected."""
    told: dict[str, dict[str, int]] = {}
    for count in counts:
        of_class = told.setdefault(count.device_class, {"expected": 0, "waiting": 0})
        of_class["expected"] += count.devices
        of_class[count.outcome or "waiting"] = count.devices
    return told


def _broadcast(revision: int, row: BroadcastRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "revision": revision,
        "start": _instant(row.start),
        "latest_start": _instant(row.latest_start),
        "cancelled_at": _instant(row.cancelled_at),
        "closed_at": _instant(row.closed_at),
    }


def _answer(row: Any, device_class: str) -> dict[str, Any]:
    return {
        "id": row.device_id,
        "class": device_class,
        "outcome": row.outcome,
        "reason": row.reason,
        "started": _instant(row.started),
        "played_ms": row.played_ms,
    }


def _note(code: str) -> dict[str, str]:
    return {"code": code, "message": _NOTES.get(code, code), "message_vi": vietnamese(code)}


def _error(code: str, message: str, field: str | None) -> dict[str, Any]:
    return {"code": code, "field": field, "message": message, "message_vi": vietnamese(code)}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
