"""The ledger over HTTP: what became of a broadcast on every device it was meant for."""

from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read
from controller.api.models import View
from controller.broadcasts import service as broadcasts
from controller.broadcasts.tables import LedgerRow
from controller.devices.tables import Device
from controller.devices.texts import lined
from controller.receipts import rules, service
from controller.speech import marks
from controller.speech.marks import SpeechView
from loa_protocol.receipts import Receipt

router = APIRouter(tags=["ledger"])


class LedgerRowView(View):
    """One device's answer; no `outcome` while it is awaited. `receipt` is the signed receipt's content."""

    device_id: str
    outcome: str | None
    reason: str | None
    started: datetime | None
    played_ms: int | None
    answered_at: datetime | None
    receipt: dict[str, Any] | None


class LedgerView(BaseModel):
    """All answers of a broadcast. Σ `outcomes` + `waiting` = `expected`; `fixed`: the expected set is final.

    `machine_speech`: whose voice it was where a machine spoke.
    """

    broadcast_id: str
    title: str
    start: datetime
    fixed: bool
    closed: bool
    expected: int
    waiting: int
    outcomes: dict[str, int]
    rows: list[LedgerRowView]
    machine_speech: list[SpeechView]


@router.get("/broadcasts/{broadcast_id}/ledger")
async def ledger(broadcast_id: str, session: Read, may: Allowed) -> LedgerView:
    """Every device's answer to a broadcast; for people, those of the devices of their units, and counted so."""
    broadcast = await broadcasts.require(session, broadcast_id)
    seen = select(Device.id).where(await may.where(Permission.SEE, Device.unit_id))
    mine = () if may.actor.everywhere else (LedgerRow.device_id.in_(seen),)
    receipts = await service.receipts(session, broadcast_id, *mine)
    rows = [_view(row, receipts.get(row.device_id)) for row in await service.rows(session, broadcast_id, *mine)]
    summary = rules.summarise(row.outcome for row in rows)
    return LedgerView(
        broadcast_id=broadcast_id,
        title=broadcast.title,
        start=broadcast.start,
        fixed=broadcast.expected_at is not None,
        closed=broadcast.closed_at is not None,
        expected=summary.expected,
        waiting=summary.waiting,
        outcomes=summary.outcomes,
        rows=rows,
        machine_speech=await marks.of_broadcast(session, broadcast_id),
    )


def _view(row: LedgerRow, receipt: Receipt | None) -> LedgerRowView:
    return LedgerRowView(
        device_id=row.device_id,
        outcome=row.outcome,
        reason=row.reason,
        started=row.started,
        played_ms=row.played_ms,
        answered_at=row.answered_at,
        receipt=None if receipt is None else lined(msgspec.to_builtins(receipt)),
    )
