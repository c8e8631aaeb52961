"""A province as its database is after two months: units, devices, broadcasts, receipts, tallies, plans for a fortnight.

Everything goes in by COPY, in the order of keys, without the checks of foreign keys (the rows are made so that they
hold). Six broadcasts a day go to the whole province, two to each commune; of a hundred answers some 95 are good.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg

from controller.devices import names
from loa_protocol.documents.device import ClockReport, ClockState, Evidence
from loa_protocol.ids import unit_scope
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import GENESIS, Entry, Occurrence, Receipt, encode_entry

DEVICES, COMMUNES, REGIONS, DAYS, AHEAD = 10_000, 1_000, 10, 63, 14
WIDE_HOURS = (0, 3, 6, 9, 11, 13)
"""UTC; 07:00 to 20:00 in Vietnam."""
NARROW_HOURS = (22, 10)
_OPEN = 200
_ENTRIES = timedelta(days=2)
_ANSWERS = (*["played"] * 950, *["failed"] * 20, *["skipped"] * 10, *["interrupted"] * 3, *["unknown"] * 17)
_REASONS = {"failed": "output_failed", "skipped": "too_late", "interrupted": "power_cut", "unknown": "no_answer"}
_OUTCOMES = tuple(map(str, Outcome))
_BLOCK = 20_000
Line = tuple[object, ...]


@dataclass(slots=True)
class World:
    """What is there, and some of it by name; `sample`: broadcasts whose tallies can be counted anew."""

    devices: int
    communes: int
    days: int = DAYS
    receipts: int = 0
    province: str = "tinh"
    region: str = "vung-0"
    commune: str = "xa-00000"
    device: str = "loa-000000"
    wide: str = ""
    narrow: str = ""
    day: str = ""
    sample: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Air:
    """One broadcast: to the province (`commune` None) or a commune; `closed`: everybody has answered."""

    id: str
    start: datetime
    commune: int | None
    closed: bool


def fill(url: str, *, scale: float, chance: random.Random, now: datetime) -> World:
    """Fill a database that has today's schema and nothing else."""
    world = World(devices=max(20, int(DEVICES * scale)), communes=max(2, int(COMMUNES * scale)))
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as link:
        link.execute("SET session_replication_role = replica")
        link.execute("SET synchronous_commit = off")
        _units(link, world)
        _devices(link, world, chance, now)
        air = list(_broadcasts(world, now))
        _put_broadcasts(link, air, now)
        _put_ledger(link, world, [one for one in air if one.start <= now], chance, now)
        link.execute("ANALYZE")
        link.execute("CHECKPOINT")
    closed = [one for one in air if one.closed]
    wide = [one for one in closed if one.commune is None]
    narrow = [one for one in closed if one.commune == 0]
    world.wide, world.narrow, world.day = wide[-2].id, narrow[-1].id, f"{wide[-8].start:%Y-%m-%d}"
    world.sample = [wide[-3].id, *(one.id for one in narrow[-5:])]
    return world


def _units(link: psycopg.Connection[object], world: World) -> None:
    rows: list[Line] = [("tinh", "Tỉnh Thử", "province", None)]
    rows += [(f"vung-{number}", f"Vùng {number}", "region", "tinh") for number in range(REGIONS)]
    for number in range(world.communes):
        rows.append((_commune(number), f"Xã Thử Nghiệm {number}", "commune", f"vung-{number % REGIONS}"))
        rows += [(f"thon-{number}-{one}", f"Thôn {one}", "village", _commune(number)) for one in range(5)]
    named = ((*row, names.searched(str(row[1])), names.sort_key(str(row[1]))) for row in rows)
    _copy(link, "units (id, name, kind, parent_id, folded, sort_key)", named)


def _devices(link: psycopg.Connection[object], world: World, chance: random.Random, now: datetime) -> None:
    """Half of them at communes, half in villages; one in fifty is silent, one in fifty never came, some have alarms."""
    rows: list[Line] = []
    reports: list[Line] = []
    for number in range(world.devices):
        commune = number % world.communes
        turn = number // world.communes
        unit = _commune(commune) if turn % 2 else f"thon-{commune}-{turn % 5}"
        name = f"Cụm loa {number}"
        place = (
            20.5 + commune % 32 * 0.03 + chance.random() * 0.02,
            105 + commune // 32 * 0.03 + chance.random() * 0.02,
        )
        kind = "board" if number % 20 == 19 else "speaker"
        rows.append(
            (_device(number), name, kind, unit, "A" * 43 + "=", names.searched(name), names.sort_key(name), *place, now)
        )
        if chance.random() < 0.98:
            online = chance.random() < 0.98
            alarms = 4 if chance.random() < 0.01 else 0
            seen = now + timedelta(days=1) if online else now - timedelta(hours=5)
            reports.append((_device(number), online, seen, '{"ready": true, "have": {"plan/u-tinh": 3}}', "{}", alarms))
    columns = "id, name, kind, unit_id, public_key, folded, sort_key, latitude, longitude, created_at"
    more = ", profile, languages, stagger_ms"
    _copy(link, f"devices ({columns}{more})", ((*row, "default", "[]", 0) for row in rows))
    _copy(link, "device_reports (device_id, online, seen_at, state, health, alarms)", reports)


def _broadcasts(world: World, now: datetime) -> Iterator[_Air]:
    """In the order of their starts; the newest that have begun are open still."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[_Air] = []
    for day in range(-DAYS, AHEAD):
        at = midnight + timedelta(days=day + 1)
        found += [_Air("", at + timedelta(hours=hour), None, closed=False) for hour in WIDE_HOURS]
        found += [
            _Air("", at + timedelta(hours=hour, seconds=commune), commune, closed=False)
            for hour in NARROW_HOURS
            for commune in range(world.communes)
        ]
    found.sort(key=lambda one: one.start)
    begun = sum(one.start <= now for one in found)
    open_from = begun - min(_OPEN, begun // 50)
    for number, one in enumerate(found):
        one.id, one.closed = f"b-{number:08}", number < open_from
        yield one


def _put_broadcasts(link: psycopg.Connection[object], air: Sequence[_Air], now: datetime) -> None:
    rows = (
        (
            *(one.id, 0, f"Bản tin {one.id}", "normal", 100, one.start, one.start + timedelta(minutes=5), 600_000),
            *("[]", 1, "resume", 70, True, one.start - timedelta(days=14)),
            *(one.start if one.start <= now else None, one.start + timedelta(days=1)),
            *((one.start + timedelta(minutes=15),) * 2 if one.closed else (None, None)),
        )
        for one in air
    )
    columns = (
        "id, rev, title, level, authority, start, latest_start, duration_ms, segments, repeats, on_preempt, volume"
    )
    more = "stagger, created_at, expected_at, deadline, closed_at, tallied_at"
    _copy(link, f"broadcasts ({columns}, {more})", rows)
    scopes = ((one.id, unit_scope("tinh" if one.commune is None else _commune(one.commune))) for one in air)
    _copy(link, "broadcast_scopes (broadcast_id, scope)", scopes)


def _put_ledger(
    link: psycopg.Connection[object], world: World, begun: Sequence[_Air], chance: random.Random, now: datetime
) -> None:
    tallies: list[Line] = []
    entries: list[Line] = []

    def rows() -> Iterator[Line]:
        for one in begun:
            counted: dict[str, Counter[str]] = {}
            heard = range(world.devices) if one.commune is None else range(one.commune, world.devices, world.communes)
            for number in sorted(heard, key=_device):
                outcome = chance.choice(_ANSWERS) if one.closed or chance.random() < 0.5 else None
                world.receipts += 1
                yield from (_answer(one, number, outcome, now, entries),)
                commune = number % world.communes
                for unit in (_commune(commune), f"vung-{commune % REGIONS}", "tinh"):
                    counted.setdefault(unit, Counter())[str(outcome)] += 1
            if one.closed:
                tallies.extend(_tally(one, unit, outcomes) for unit, outcomes in sorted(counted.items()))

    columns = "broadcast_id, device_id, outcome, reason, started, played_ms, answered_at, journal_id, sequence"
    _copy(link, f"ledger ({columns})", rows())
    _copy(link, f"tallies (broadcast_id, unit_id, start, expected, {', '.join(_OUTCOMES)})", tallies)
    _copy(link, "journal_entries (device_id, journal_id, sequence, hash, kind, raw, received_at)", entries)


def _answer(one: _Air, number: int, outcome: str | None, now: datetime, entries: list[Line]) -> Line:
    """Receipts themselves stand there for the newest days only: nothing reads those of others here."""
    device, sequence = _device(number), int(one.id[2:]) + 1
    started = one.start if outcome == "played" else None
    told = outcome is not None and outcome != "unknown"
    if told and one.start > now - _ENTRIES:
        raw = _receipt(one, str(outcome))
        entries.append((device, "j", sequence, GENESIS, "receipt", "\\x" + raw.hex(), one.start))
    answered = None if outcome is None else one.start + timedelta(minutes=11)
    kept = ("j", sequence) if told else (None, None)
    played_ms = 600_000 if started is not None else None
    return (one.id, device, outcome, _REASONS.get(outcome or ""), started, played_ms, answered, *kept)


def _receipt(one: _Air, outcome: str) -> bytes:
    receipt = Receipt(
        occurrence=Occurrence(id=one.id),
        outcome=Outcome(outcome),
        planned=one.start,
        started=one.start if outcome == "played" else None,
        played_ms=600_000 if outcome == "played" else 0,
        volume=70,
        rms_dbfs=-20.0,
        evidence=Evidence.DEVICE,
        clock=ClockReport(state=ClockState.TRUSTED),
    )
    return encode_entry(Entry(sequence=int(one.id[2:]) + 1, previous=GENESIS, at=one.start, body=receipt))


def _tally(one: _Air, unit: str, outcomes: Counter[str]) -> Line:
    return (one.id, unit, one.start, outcomes.total(), *(outcomes[name] for name in _OUTCOMES))


def _commune(number: int) -> str:
    return f"xa-{number:05}"


def _device(number: int) -> str:
    return f"loa-{number:06}"


def _copy(link: psycopg.Connection[object], where: str, rows: Iterable[Line]) -> None:
    """COPY in blocks of text; no value here holds a tab or a line's end."""
    with link.cursor() as cursor, cursor.copy(f"COPY {where} FROM STDIN") as copy:
        block: list[str] = []
        for row in rows:
            block.append("\t".join([_text(value) for value in row]))
            if len(block) == _BLOCK:
                copy.write("\n".join(block) + "\n")
                block.clear()
        if block:
            copy.write("\n".join(block) + "\n")


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, datetime):
        return value.isoformat()[:19]
    return str(value).replace("\\", "\\\\")
