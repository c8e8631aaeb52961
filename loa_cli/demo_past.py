"""The demo's past week: what its devices answered, signed by their own keys and taken in by the real ingest.

Every receipt says that it is of a simulated device, which sounded nothing. Some had troubles, so that there is
something to find; during the last day they were heard every quarter of an hour.
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import select

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from edge_agent.light.journal import LightJournal
from loa_cli.demo_house import House
from loa_cli.instants import ZONE
from loa_protocol.documents.device import ClockReport, ClockState, DeviceState, Evidence, Health
from loa_protocol.keys import Ed25519Signer
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import MAX_BATCH_ENTRIES, Occurrence, Receipt, ReceiptBatch, Started
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink

AGENT = "loa-light 0.1.0 (simulated)"
_ANSWERING = timedelta(seconds=4)
_GOOD_CLOCK = ClockReport(state=ClockState.TRUSTED, error_ms=12, source="controller")
_BAD_CLOCK = ClockReport(state=ClockState.UNTRUSTED, source="none")
_SKEW_S = 0.04
_QUARTER, _DAY = timedelta(minutes=15), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that people did."""

    at: datetime
    act: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Word:
    """What a device answers. `part`: how much of the broadcast it had played; `rms_dbfs`: what it measured."""

    outcome: Outcome = Outcome.PLAYED
    reason: Reason | None = None
    detail: str = ""
    part: float = 0.0
    rms_dbfs: float | None = None
    clock: ClockReport = _GOOD_CLOCK


PLAYED = Word(part=1.0)
NOT_MINE = Word(Outcome.SKIPPED, Reason.NOT_FOR_DEVICE)
CLOCKLESS_SKIPS = Word(Outcome.SKIPPED, Reason.CLOCK, "đồng hồ chưa được chỉnh từ lần mất điện trước", clock=_BAD_CLOCK)
NOT_THERE = Word(Outcome.FAILED, Reason.CONTENT_MISSING, "bản tin chưa về kịp giờ")
TOO_QUIET = Word(Outcome.FAILED, Reason.SILENT, "đầu ra chỉ có -71,3 dBFS", 1.0, -71.3)
CUT_OFF = Word(Outcome.INTERRUPTED, Reason.POWER_CUT, part=0.3)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with devices from `first` to `last` days before today; without a word they are silent.

    `hour`: only in sessions of that hour.
    """

    devices: tuple[str, ...]
    first: int
    last: int
    word: Word | None = None
    hour: int | None = None

    def holds(self, device: str, at: datetime, now: datetime) -> bool:
        """Whether it is about this device then."""
        local = at.astimezone(ZONE)
        ago = (now.astimezone(ZONE).date() - local.date()).days
        return device in self.devices and self.last <= ago <= self.first and self.hour in {None, local.hour}


AWAY, CLOCKLESS = "bai-dau-5", "cau-gao-2"
"""Of the simulated ones: whose power is off since yesterday, and whose clock nobody can set; both still today."""
TROUBLES = (
    Trouble(tuple(f"go-say-{number}" for number in range(1, 6)), 3, 3),
    Trouble((AWAY,), 1, 0),
    Trouble((CLOCKLESS,), 2, 0, CLOCKLESS_SKIPS),
    Trouble(("dong-moi-4",), 2, 2, NOT_THERE),
    Trouble(("ao-sen-3",), 4, 4, TOO_QUIET, hour=17),
    Trouble(("dam-ha-1", "dam-ha-2"), 5, 5, CUT_OFF, hour=5),
)


def word_of(device: str, at: datetime, now: datetime) -> Word | None:
    """What a loudspeaker says of something at an instant; None: nothing."""
    return next((one.word for one in TROUBLES if one.holds(device, at, now)), PLAYED)


class Teller:
    """One device's past: its journal, and its key."""

    def __init__(self, device: str, signer: Ed25519Signer) -> None:
        self.device, self._signer = device, signer
        self._journal, self._sent = LightJournal(), 0

    def write(self, row: BroadcastRow, word: Word, skew_s: float) -> None:
        """Its entries about a broadcast that has just ended."""
        occurrence, planned = Occurrence(id=row.id), row.start
        played = timedelta(milliseconds=round(row.duration_ms * word.part))
        started = planned + timedelta(seconds=skew_s) if word.part else None
        if started is not None:
            self._journal.append(Started(occurrence=occurrence, at=started, planned=planned), at=started)
        receipt = Receipt(
            occurrence=occurrence,
            outcome=word.outcome,
            reason=word.reason,
            detail=word.detail,
            rev=row.rev,
            planned=planned,
            started=started,
            ended=None if started is None else started + played,
            played_ms=round(played / timedelta(milliseconds=1)),
            skew_ms=None if started is None else round(skew_s * 1000, 1),
            volume=row.volume,
            rms_dbfs=word.rms_dbfs,
            evidence=Evidence.SIMULATED,
            clock=word.clock,
        )
        self._journal.append(receipt, at=(started or planned) + played)

    def letters(self) -> Iterator[tuple[Family, str, bytes]]:
        """What it has not sent yet, signed."""
        head = self._journal.head
        while self._sent < head.sequence:
            pending = self._journal.pending(self._sent, MAX_BATCH_ENTRIES)
            batch = ReceiptBatch(
                device=self.device, journal=head.journal, entries=tuple(map(msgspec.Raw, pending.entries))
            )
            yield Family.RECEIPTS, self.device, seal_uplink("receipts", batch, self._signer)
            self._sent += len(pending.entries)

    def state(self, at: datetime, clock: ClockReport) -> tuple[Family, str, bytes]:
        """How it is, signed."""
        state = DeviceState(
            device=self.device,
            boot=f"past-{self.device}",
            issued=at,
            agent=AGENT,
            ready=clock is _GOOD_CLOCK,
            clock=clock,
            evidence=Evidence.SIMULATED,
            journal=self._journal.head,
        )
        return Family.STATE, self.device, seal_uplink("state", state, self._signer)


async def replay(
    house: House, signers: Mapping[str, Ed25519Signer], boards: Sequence[str], steps: Iterable[Step], now: datetime
) -> int:
    """Live up to `now`: what people did, and every broadcast that was over by then; gives how many."""
    waiting = sorted([*steps, *_quarters(house, list(signers), now)], key=lambda one: one.at)
    tellers = {device: Teller(device, signer) for device, signer in signers.items()}
    chance, played = random.Random(7), 0  # noqa: S311 - how far clocks are out, and nothing that matters
    while True:
        row = await _next_over(house, now)
        while waiting and (row is None or waiting[0].at < row.start):
            step = waiting.pop(0)
            await house.move_to(step.at)
            await step.act()
            row = await _next_over(house, now)
        if row is None:
            break
        await _answer(house, row, tellers, boards, chance, now)
        played += 1
    await house.move_to(now)
    return played


def _quarters(house: House, devices: Sequence[str], now: datetime) -> Iterator[Step]:
    """Every device that was not silent then says how it is."""
    for back in range(_DAY // _QUARTER, 0, -1):
        at = now - back * _QUARTER
        well = [device for device in devices if word_of(device, at, now) is not None]
        figures = [(Family.HEALTH, one, msgspec.json.encode(Health(device=one, uptime_s=86_400))) for one in well]
        yield Step(at, partial(house.hear, figures))


async def _next_over(house: House, now: datetime) -> BroadcastRow | None:
    """The next broadcast that is neither answered nor taken back, if it was over a while ago."""
    query = select(BroadcastRow).where(BroadcastRow.expected_at.is_(None), BroadcastRow.cancelled_at.is_(None))
    async with house.controller.db.reading() as session:
        row = (await session.scalars(query.order_by(BroadcastRow.start).limit(1))).first()
    return row if row is not None and _ended(row) <= now else None


async def _answer(
    house: House,
    row: BroadcastRow,
    tellers: Mapping[str, Teller],
    boards: Sequence[str],
    chance: random.Random,
    now: datetime,
) -> None:
    await house.move_to(row.start)
    words = {device: word_of(device, row.start, now) for device in await _expected(house, row.id)}
    if row.board is None:
        words |= {device: NOT_MINE for device in boards if device in words}
    heard: list[tuple[Family, str, bytes]] = []
    ended = _ended(row)
    for device, word in words.items():
        if word is not None:
            tellers[device].write(row, word, chance.uniform(0.0, _SKEW_S))
            heard += [*tellers[device].letters(), tellers[device].state(ended, word.clock)]
    await house.move_to(ended)
    await house.hear(heard)
    await house.move_to(min(row.deadline + timedelta(seconds=1), now))


def _ended(row: BroadcastRow) -> datetime:
    """When those who played it have said so."""
    return row.start + timedelta(milliseconds=row.duration_ms) + _ANSWERING


async def _expected(house: House, broadcast_id: str) -> Sequence[str]:
    query = select(LedgerRow.device_id).where(LedgerRow.broadcast_id == broadcast_id).order_by(LedgerRow.device_id)
    async with house.controller.db.reading() as session:
        return (await session.scalars(query)).all()
