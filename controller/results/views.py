"""What the API says of results."""

from datetime import datetime, timedelta

from controller.api.models import View
from controller.broadcasts.tables import BroadcastRow
from controller.receipts.rules import summarise_counts
from controller.results import rules
from controller.results.store import Answered, Went
from loa_protocol.receipts import Receipt, decode_entry


class ResultView(View):
    """A broadcast that has begun. Σ `outcomes` + `waiting` = `expected`, of the devices that the reader may see.

    `retry_of`: the broadcast whose failed devices it was played to again.
    """

    id: str
    title: str
    level: str
    start: datetime
    ends: datetime
    closed: bool
    cancelled: bool
    programme_id: str | None
    retry_of: str | None
    expected: int
    waiting: int
    outcomes: dict[str, int]


class ResultsView(View):
    """Some broadcasts, the latest first; `before` and `before_id` ask for those that come next, if there are any."""

    items: list[ResultView]
    before: datetime | None
    before_id: str | None


class WayView(View):
    """How far it came, each step `done`, `not_done`, `not_known` or `not_needed`."""

    sent: str
    received: str
    content: str
    began: str
    played: str


class DeviceResultView(View):
    """One device's answer, and its way. Levels in dBFS of what went out; `place`: its unit, and that above a village.

    `silent`: it has not been heard of lately. `curable`: another try may mend it.
    """

    device_id: str
    name: str
    device_kind: str
    place: list[str]
    kind: str
    outcome: str | None
    reason: str | None
    detail: str
    started: datetime | None
    played_ms: int | None
    answered_at: datetime | None
    volume: int | None
    rms_dbfs: float | None
    peak_dbfs: float | None
    evidence: str | None
    skew_ms: float | None
    silent: bool
    curable: bool
    way: WayView


class HindranceView(View):
    """Why nothing is played again: a stable word, and sentences."""

    word: str
    vi: str
    en: str


class RetryView(View):
    """`devices`: how many would hear it again, of those that the reader may place at; `why_not`: none do, for that."""

    devices: int
    why_not: HindranceView | None


class BroadcastResultView(ResultView):
    """One broadcast with devices, what needs somebody first; `after` asks for those that come next, if there are any.

    `again`: the tries for devices that failed, the first first.
    """

    retry: RetryView
    again: list[ResultView]
    devices: list[DeviceResultView]
    after: str | None


def ends(row: BroadcastRow) -> datetime:
    """When the last speaker and the last board are done, if all begin in time."""
    spoken = row.start + timedelta(milliseconds=row.duration_ms)
    return spoken if row.board is None else max(spoken, datetime.fromisoformat(row.board["until"]))


def result_view(one: Went) -> ResultView:
    """A broadcast with its counts."""
    row, summary = one.row, summarise_counts(one.outcomes)
    return ResultView(
        id=row.id,
        title=row.title,
        level=row.level,
        start=row.start,
        ends=ends(row),
        closed=row.closed_at is not None,
        cancelled=row.cancelled_at is not None,
        programme_id=row.programme_id,
        retry_of=row.retry_of,
        expected=summary.expected,
        waiting=summary.waiting,
        outcomes=summary.outcomes,
    )


def device_view(one: Answered, way: rules.Way) -> DeviceResultView:
    """A device's answer."""
    row, receipt = one.row, _receipt(one.entry)
    village = one.unit_kind == "village" and one.above is not None
    return DeviceResultView(
        device_id=row.device_id,
        name=one.device.name,
        device_kind=one.device.kind,
        place=[one.unit, one.above] if village and one.above is not None else [one.unit],
        kind=rules.OF_OUTCOME[row.outcome],
        outcome=row.outcome,
        reason=row.reason,
        detail=receipt.detail if receipt else "",
        started=row.started,
        played_ms=row.played_ms,
        answered_at=row.answered_at,
        volume=receipt.volume if receipt else None,
        rms_dbfs=receipt.rms_dbfs if receipt else None,
        peak_dbfs=receipt.peak_dbfs if receipt else None,
        evidence=receipt.evidence if receipt else None,
        skew_ms=receipt.skew_ms if receipt else None,
        silent=one.report is None or not one.report.online,
        curable=rules.curable(row.outcome, row.reason),
        way=WayView.model_validate(way),
    )


def _receipt(entry: bytes | None) -> Receipt | None:
    body = None if entry is None else decode_entry(entry).body
    return body if isinstance(body, Receipt) else None
