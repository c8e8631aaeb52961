"""Receipts that the ledger once repeated are found again in the devices' journals, on both databases."""

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, select

from controller.receipts import service
from controller.runtime import migration
from controller.runtime.database import Database
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import Note, Occurrence, Receipt
from tests.fakes.databases import sqlite_url
from tests.fakes.postgres import PostgresServer
from tests.fakes.wire_device import WireJournal, skipped

AT = datetime(2026, 11, 21, 5, 30, 0, 123456, tzinfo=UTC).replace(tzinfo=None)
MANY = [f"b-{number:04d}" for number in range(1_100)]
"""More than a page of the migration."""
_INSTANTS = ("start", "latest_start", "created_at", "deadline")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any schema."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.empty()
    yield url
    server.drop(url)


def _played(broadcast: str, **changes: Any) -> Receipt:
    return skipped(broadcast, outcome=Outcome.PLAYED, started=AT.replace(tzinfo=UTC), **changes)


def _as_it_was(connection: Connection, ledger: Sequence[tuple[str, Any]], journals: Sequence[WireJournal]) -> None:
    """The schema before, with one device, its journals, and the receipts of its ledger."""
    migration.upgrade(connection, "0004")
    with connection.begin():
        tables = MetaData()
        tables.reflect(connection)
        into = {name: table.insert() for name, table in tables.tables.items()}
        connection.execute(into["units"], {"id": "xa", "name": "Xã", "kind": "commune"})
        device = {"name": "loa-1", "kind": "speaker", "unit_id": "xa", "public_key": "", "profile": "", "languages": []}
        connection.execute(into["devices"], {"id": "loa-1", "stagger_ms": 0, "created_at": AT, **device})
        connection.execute(into["broadcasts"], [_broadcast(one) for one, _ in ledger])
        key = {"device_id": "loa-1"}
        answered = [key | {"broadcast_id": one, "receipt": said} for one, said in ledger if said is not None]
        connection.execute(into["ledger"], answered)
        connection.execute(into["ledger"], [key | {"broadcast_id": one} for one, said in ledger if said is None])
        connection.execute(into["journal_entries"], [_entry(one, n) for one in journals for n in range(len(one.raws))])


def _broadcast(broadcast_id: str) -> dict[str, Any]:
    texts = {"title": "t", "level": "normal", "on_preempt": "drop", "segments": [], "stagger": False}
    numbers = dict.fromkeys(("rev", "authority", "duration_ms", "repeats", "volume"), 1)
    return {"id": broadcast_id, **texts, **numbers, **dict.fromkeys(_INSTANTS, AT)}


def _entry(journal: WireJournal, number: int) -> dict[str, Any]:
    raw = journal.raws[number]
    key = {"device_id": "loa-1", "journal_id": journal.id, "sequence": number + 1}
    kind = json.loads(raw)["body"]["type"]
    return {**key, "hash": journal.hash_at(number + 1), "kind": kind, "raw": raw, "received_at": AT}


async def test_every_row_refers_to_the_entry_that_says_what_it_repeated(
    empty: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of entries that say the same, the first; never one of another answer; a row without an entry is told of."""
    told = {one: _played(one, played_ms=number) for number, one in enumerate(MANY)}
    told["nul"] = _played("nul", detail="nu\0l")
    early, late = WireJournal("a-0"), WireJournal("b-0")
    alert = _played("x", occurrence=Occurrence(kind="alert", id=MANY[8]))
    early.write(_played(MANY[7], played_ms=999), Note(code="n"), alert)
    late.write(*told.values(), told[MANY[9]])
    ledger: list[tuple[str, Any]] = [(one, msgspec.to_builtins(receipt)) for one, receipt in told.items()]
    ledger[-1] = ("nul", json.loads(json.dumps(ledger[-1][1]).replace("\\u0000", "\ufffd")))
    ledger += [("waiting", None), ("lost", msgspec.to_builtins(_played("lost")))]

    def walk(connection: Connection) -> dict[str, tuple[str | None, int | None]]:
        _as_it_was(connection, ledger, [early, late])
        with caplog.at_level(logging.WARNING):
            migration.upgrade(connection)
        return {row[0]: (row[1], row[2]) for row in _ledger(connection, "broadcast_id", "journal_id", "sequence")}

    found = await _reached(empty, walk)

    expected: dict[str, Any] = {one: ("b-0", number + 1) for number, one in enumerate(told)}
    assert found == expected | {"waiting": (None, None), "lost": (None, None)}
    assert await _receipts(empty, MANY[7]) == {"loa-1": told[MANY[7]]}
    assert await _receipts(empty, "lost") == {}
    messages = [record.getMessage() for record in caplog.records if "receipts_by_reference" in record.name]
    assert len(messages) == 2
    assert messages[0].startswith("broadcast lost, device loa-1: {")
    assert messages[1].startswith("1 receipts of the ledger stand in no journal")

    def back(connection: Connection) -> dict[str, Any]:
        with migration.without_foreign_keys(connection), connection.begin():
            command.downgrade(migration.configuration(connection), "0004")
        return {row[0]: row[1] for row in _ledger(connection, "broadcast_id", "receipt")}

    kept = await _reached(empty, back)
    assert kept[MANY[7]] == msgspec.to_builtins(told[MANY[7]])
    assert kept["waiting"] is None


def _ledger(connection: Connection, *names: str) -> Sequence[Any]:
    with connection.begin():
        tables = MetaData()
        tables.reflect(connection)
        columns = tables.tables["ledger"].c
        return connection.execute(select(*(columns[name] for name in names))).all()


async def _receipts(url: str, broadcast: str) -> dict[str, Receipt]:
    db = Database(url)
    try:
        async with db.reading() as session:
            return await service.receipts(session, broadcast)
    finally:
        await db.close()


async def _reached(url: str, work: Any) -> Any:
    db = Database(url)
    try:
        async with db.engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await db.close()
