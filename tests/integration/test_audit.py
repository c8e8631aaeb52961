"""The audit on real databases: every change has its entry, and whatever is done to the rows behind it is found."""

import asyncio
import base64
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import event, insert, select, text, update

from controller.api.app import create_app
from controller.audit import appending, recording, service, store
from controller.audit.collecting import MOST_ROWS
from controller.audit.denials import FOLDED, MOST_KINDS, Denials
from controller.audit.rules import Entry, Fault, Who
from controller.audit.scope import LEFT_OUT, NOT_TOLD, TOLD
from controller.audit.tables import AuditEntry, AuditPrivate
from controller.audit.verifying import Report, verified
from controller.people.tables import Person
from controller.runtime import schema
from controller.runtime.database import Database
from controller.runtime.server import Controller
from controller.runtime.settings import Role as Process
from controller.runtime.settings import Settings
from controller.units.tables import Unit
from loa_protocol.audit_head import NOTHING, Head
from tests.fakes.audit_chain import T0, furnish, wrote
from tests.fakes.commune import SetClock
from tests.fakes.databases import fresh_database
from tests.fakes.job_house import NOWHERE
from tests.fakes.postgres import PostgresServer

TOKEN = "bi-mat"  # noqa: S105 - of tests alone
FOREVER = datetime(2026, 1, 1, tzinfo=UTC).date()


@asynccontextmanager
async def serving(folder: Path, url: str, **settings: Any) -> AsyncIterator[tuple[Controller, httpx.AsyncClient]]:
    """A controller that only answers, with a client that has the host's token."""
    given: dict[str, Any] = {"roles": frozenset({Process.API}), "brokers": NOWHERE, "host_acts_for_people": True}
    controller = Controller(Settings(data_dir=folder, database_url=url, **{**given, **settings}))
    transport = httpx.ASGITransport(app=create_app(controller, TOKEN))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        await controller.start()
        try:
            for unit, kind, parent in (
                ("tinh", "province", None),
                ("xa", "commune", "tinh"),
                ("xb", "commune", "tinh"),
            ):
                body = {"id": unit, "name": unit, "kind": kind, **({"parent_id": parent} if parent else {})}
                assert (await client.post("/units", json=body)).status_code == 201
            yield controller, client
        finally:
            await controller.stop()


@pytest.fixture
async def served(database: str, tmp_path: Path) -> AsyncIterator[tuple[Controller, httpx.AsyncClient]]:
    """On both databases."""
    async with serving(tmp_path / "data", database) as made:
        yield made


@pytest.fixture
async def here(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Controller, httpx.AsyncClient]]:
    """On SQLite, for what asks nothing of the database that others do not."""
    with fresh_database("sqlite", tmp_path, request) as url:
        async with serving(tmp_path / "data", url) as made:
            yield made


@pytest.fixture
async def api(served: tuple[Controller, httpx.AsyncClient]) -> httpx.AsyncClient:
    return served[1]


@pytest.fixture
async def db(database: str) -> AsyncIterator[Database]:
    """A bare database with a commune."""
    made = Database(database)
    await furnish(made)
    yield made
    await made.close()


async def newest(api: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await api.get("/audit", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


async def sent(api: httpx.AsyncClient, method: str, path: str, **options: Any) -> dict[str, Any]:
    answer = await api.request(method, path, **options)
    assert answer.is_success, answer.text
    return dict(answer.json()) if answer.content and answer.content.startswith(b"{") else {}


async def person(api: httpx.AsyncClient, name: str, *roles: tuple[str, str]) -> str:
    made = await sent(api, "POST", "/people", json={"name": name, "unit_id": "xa"})
    for role, unit in roles:
        await sent(api, "POST", f"/people/{made['id']}/grants", json={"role": role, "unit_id": unit})
    return str(made["id"])


async def checked(db: Database) -> Report:
    async with db.reading() as session:
        return verified([line async for line in service.exported(session, T0, private=True)])


# What is recorded.


async def test_a_change_has_one_entry_with_who_what_where_before_and_after(api: httpx.AsyncClient) -> None:
    who = await person(api, "Quản trị", ("administrator", "xa"))
    made = await sent(api, "POST", "/people", json={"name": "Lan", "unit_id": "xa", "email": "lan@xa.example"})
    before = len(await newest(api))

    answer = await api.patch(f"/people/{made['id']}", json={"name": "Hoa"}, headers={"X-Loa-Person": who})

    [entry, *_] = rows = await newest(api)
    assert len(rows) == before + 1
    assert entry["request"] == answer.headers["X-Request-Id"]
    assert entry["action"] == "PATCH /people/{person_id}"
    assert entry["about"] == {"person_id": made["id"]}
    assert (entry["who"]["person"], entry["who"]["name"], entry["who"]["via"]) == (who, "Quản trị", "host")
    assert (entry["units"], entry["outcome"]) == (["xa"], "done")
    [change] = entry["changes"]
    assert (change["table"], change["key"]) == ("people", {"id": made["id"]})
    assert (change["before"], change["after"]) == ({"name": "Lan"}, {"name": "Hoa"})


async def test_what_changes_nothing_has_no_entry(here: tuple[Controller, httpx.AsyncClient]) -> None:
    api = here[1]
    key = {"Idempotency-Key": "một lần".encode().hex()}
    await sent(api, "POST", "/people", json={"name": "Lan", "unit_id": "xa"}, headers=key)
    before = await newest(api)

    again = await api.post("/people", json={"name": "Lan", "unit_id": "xa"}, headers=key)
    wrong = await api.post("/people", json={"name": "Lan", "unit_id": "khong-co"})
    looked = await api.get("/people")

    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert (wrong.is_success, looked.is_success) == (False, True)
    assert await newest(api) == before


async def test_routes_that_open_their_own_transactions_are_recorded_as_well(
    here: tuple[Controller, httpx.AsyncClient],
) -> None:
    api = here[1]
    await sent(api, "PUT", "/units/xa/library-quota", json={"most_bytes": 5_000})
    await sent(api, "PUT", "/units/xa/library-quota", json={"most_bytes": 7_000})

    entry = (await newest(api))[0]

    assert entry["action"] == "PUT /units/{unit_id}/library-quota"
    [change] = entry["changes"]
    assert (change["before"]["most_bytes"], change["after"]["most_bytes"]) == (5_000, 7_000)


async def test_an_auditor_sees_what_concerns_their_units_and_no_more(api: httpx.AsyncClient) -> None:
    auditor = await person(api, "Kiểm tra", ("auditor", "xa"))
    operator = await person(api, "Vận hành", ("operator", "xa"))
    await sent(api, "POST", "/groups", json={"id": "nhom-a", "name": "Nhóm", "unit_id": "xa", "devices": []})
    await sent(api, "POST", "/groups", json={"id": "nhom-b", "name": "Nhóm", "unit_id": "xb", "devices": []})
    everything = await newest(api, limit=200)

    mine = (await api.get("/audit", headers={"X-Loa-Person": auditor})).json()
    refused = await api.get("/audit", headers={"X-Loa-Person": operator})

    assert {unit for entry in mine for unit in entry["units"]} == {"xa"}
    assert {one["key"]["id"] for entry in mine for one in entry["changes"] if one["table"] == "groups"} == {"nhom-a"}
    assert {entry["sequence"] for entry in mine} < {entry["sequence"] for entry in everything}
    assert refused.status_code == 403


async def exported(api: httpx.AsyncClient, reader: str, **query: Any) -> tuple[list[dict[str, Any]], Report]:
    """The lines of entries as somebody exports them, and what verifying says of them."""
    answer = await api.get("/audit/export", headers={"X-Loa-Person": reader}, params=query)
    assert answer.status_code == 200, answer.text
    lines = answer.content.splitlines()
    return [msgspec.json.decode(line) for line in lines[1:-1]], verified(lines)


async def test_a_copy_shows_an_auditor_no_more_than_the_list_and_the_chain_still_holds(api: httpx.AsyncClient) -> None:
    auditor = await person(api, "Kiểm tra", ("auditor", "xa"))
    kept = [
        {"public_key": base64.b64encode(bytes(32)).decode(), "kind": "speaker", "name": f"Loa ở {unit}"}
        for unit in "ab"
    ]
    both = [{**one, "id": f"loa-x{unit}", "unit_id": f"x{unit}"} for one, unit in zip(kept, "ab", strict=True)]
    await sent(api, "POST", "/devices/batch", json={"devices": both})
    await sent(api, "POST", "/groups", json={"id": "nhom-a", "name": "Nhóm a", "unit_id": "xa", "devices": []})
    await sent(api, "POST", "/groups", json={"id": "nhom-b", "name": "Nhóm b", "unit_id": "xb", "devices": []})

    listed = {one["sequence"]: one for one in await newest(api, limit=200)}
    mine = {one["sequence"]: one for one in (await api.get("/audit", headers={"X-Loa-Person": auditor})).json()}
    lines, report = await exported(api, auditor, private=True)

    text = msgspec.json.encode(lines).decode()
    assert ("loa-xb" in text, "Loa ở b" in text, "nhom-b" in text) == (False, False, False)
    assert ("loa-xa" in text, "nhom-a" in text) == (True, True)
    of = {listed[line["sequence"]]["changes"][0]["key"].get("id"): line for line in lines if line["sequence"] in listed}
    assert set(of["nhom-b"]) == {"kind", "sequence", "previous", "hash"}
    assert "part" not in of["nhom-a"]
    assert "nhom-a" in of["nhom-a"]["entry"]
    [partly] = [line for line in lines if line.get("part", {}).get("action") == "POST /devices/batch"]
    assert [one["key"] for one in partly["part"]["changes"]] == [{"id": "loa-xa"}]
    assert partly["part"]["units"] == mine[partly["sequence"]]["units"] == ["xa"]
    assert {line["sequence"] for line in lines if "entry" in line or "part" in line} - mine.keys() == set()
    assert report.found == []
    assert report.checked == len(lines)
    assert 0 < report.hidden < report.checked


async def test_a_copy_has_values_of_people_where_the_auditor_may_look_only(api: httpx.AsyncClient) -> None:
    auditor = await person(api, "Kiểm tra", ("auditor", "xa"))
    at_home = {"name": "Người trong xã", "unit_id": "xa", "email": "trong@xa.example"}
    moving = {"name": "Người chuyển đi", "unit_id": "xa", "email": "di@xa.example"}
    elsewhere = {"name": "Người xã bên", "unit_id": "xb", "email": "ben@xb.example"}
    ids = [(await sent(api, "POST", "/people", json=one))["id"] for one in (at_home, moving, elsewhere)]
    await sent(api, "PATCH", f"/people/{ids[1]}", json={"unit_id": "xb", "email": "moi@xb.example"})

    lines, report = await exported(api, auditor, private=True)
    bare, _ = await exported(api, auditor)

    values = {one["value"] for line in lines for one in line.get("beside", {}).values()}
    assert {"Người trong xã", "trong@xa.example"} <= values
    assert values.isdisjoint({*elsewhere.values(), *moving.values(), "moi@xb.example"} - {"xa"})
    assert report.found == []
    assert not any(line.get("beside") for line in bare)


async def test_pages_go_on_where_the_last_one_ended(here: tuple[Controller, httpx.AsyncClient]) -> None:
    api = here[1]
    every = [entry["sequence"] for entry in await newest(api, limit=200)]

    first = [entry["sequence"] for entry in await newest(api, limit=2)]
    second = [entry["sequence"] for entry in await newest(api, limit=200, before=first[-1])]

    assert first + second == every == sorted(every, reverse=True)


async def test_a_savepoint_that_was_taken_back_leaves_nothing_in_the_entry(db: Database) -> None:
    await wrote(db, "lan")

    async with db.transaction() as session:
        recording.as_loa(session, "rename", T0)
        row = await session.get_one(Person, "lan")
        row.language = "en"
        attempted = await session.begin_nested()
        row.webhook = True
        await session.flush()
        await attempted.rollback()
        await session.execute(update(Unit).where(Unit.id == "xa").values(name="Xã Mới"))

    entry = await last(db)
    assert {one.table: (one.before, one.after) for one in entry.changes} == {
        "people": ({"language": "vi"}, {"language": "en"}),
        "units": ({"name": "Xã"}, {"name": "Xã Mới"}),
    }


async def test_rows_changed_in_bulk_are_told_up_to_a_bound_and_counted_beyond(db: Database) -> None:
    many = [
        {"id": f"p{n:03}", "unit_id": "xa", "name": "", "webhook": False, "language": "vi", "created_at": T0}
        for n in range(3 * MOST_ROWS)
    ]

    async with db.transaction() as session:
        recording.as_loa(session, "many", T0)
        await session.execute(insert(Person), many)
    made = await last(db)
    async with db.transaction() as session:
        recording.as_loa(session, "many", T0)
        await session.execute(update(Person).where(Person.id < "p002").values(language="en"))
    changed = await last(db)
    async with db.transaction() as session:
        recording.as_loa(session, "many", T0)
        await session.execute(update(Person).values(webhook=True))
    everybody = await last(db)

    assert (len(made.changes), made.more, made.units) == (MOST_ROWS, {"people": 2 * MOST_ROWS}, ("xa",))
    assert (len(everybody.changes), everybody.more) == (MOST_ROWS, {"people": 2 * MOST_ROWS})
    assert [(one.key["id"], one.before, one.after) for one in changed.changes] == [
        (f"p00{n}", {"language": "vi"}, {"language": "en"}) for n in range(2)
    ]


async def test_nothing_is_stored_when_the_entry_cannot_be(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM audit_head"))

    with pytest.raises(appending.AuditBroken):
        await wrote(db, "lan")

    async with db.reading() as session:
        assert await session.get(Person, "lan") is None
    assert {one.fault for one in (await checked(db)).found} == {Fault.CUT_SHORT}


async def last(db: Database) -> Entry:
    async with db.reading() as session:
        row = (await session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(1))).one()
    return msgspec.json.decode(row.raw, type=Entry)


def test_every_table_is_told_or_says_why_not() -> None:
    tables = set(schema.metadata.tables)

    assert tables - TOLD - NOT_TOLD.keys() == set()
    assert (TOLD | NOT_TOLD.keys()) - tables == set()
    assert TOLD & NOT_TOLD.keys() == set()
    assert {
        (table, column) for table, column in LEFT_OUT if column in schema.metadata.tables[table].columns
    } == LEFT_OUT


def test_no_column_that_sounds_secret_is_told() -> None:
    told = [
        f"{table}.{column.name}"
        for table in TOLD
        for column in schema.metadata.tables[table].columns
        if any(part in column.name for part in ("secret", "hash", "sealed", "code_sha", "password", "auth", "p256dh"))
        and column.info.get("audit") is None
        and (table, column.name)
        not in {("broadcasts", "authority"), ("slot_items", "authority"), ("bulletins", "author_id")}
    ]

    assert told == []


# Refusals.


async def test_a_flood_of_refusals_is_counted_not_kept(db: Database) -> None:
    clock = SetClock()
    denials = Denials(db, clock)
    who = Who(via="session", person="lan")
    for _ in range(1_000):
        denials.note(who, "GET /people", "not_allowed")
    await denials.write()
    for number in range(5_000):
        denials.note(who, f"GET /{number}", "not_allowed")
        denials.note(who, "GET /people", "not_allowed")
    await denials.write()
    clock.move(seconds=FOLDED.total_seconds())

    await denials.write()

    async with db.reading() as session:
        rows = [one.entry for one in await service.page(session, store.Sought(), 1_000)]
    assert len(rows) <= MOST_KINDS + 2
    assert sum(row.count for row in rows if row) == 11_000
    assert {row.outcome for row in rows if row} == {"not_allowed", "others"}
    assert (await checked(db)).found == []


async def test_who_is_refused_stands_in_the_audit(here: tuple[Controller, httpx.AsyncClient]) -> None:
    controller, api = here
    operator = await person(api, "Vận hành", ("operator", "xa"))

    refused = await api.post(
        "/units",
        json={"id": "moi", "name": "Mới", "kind": "village", "parent_id": "xa"},
        headers={"X-Loa-Person": operator},
    )
    stranger = await api.get("/people", headers={"Authorization": "Bearer sai"})
    await controller.denials.write()

    found = {(row["outcome"], row["who"]["person"]): row for row in await newest(api) if row["outcome"] != "done"}
    assert (refused.status_code, stranger.status_code) == (403, 401)
    assert found["not_allowed", operator]["action"] == "POST /units"
    assert found["not_allowed", operator]["units"] == ["xa"]
    assert any(code != "not_allowed" and who is None for code, who in found)


async def test_who_asks_for_what_they_may_not_know_of_stands_in_the_audit_though_told_it_is_not_there(
    here: tuple[Controller, httpx.AsyncClient],
) -> None:
    controller, api = here
    away = await person(api, "Người xã khác", ("operator", "xb"))
    hers = await person(api, "Lan")

    answers = [
        await api.get(f"/people/{one}/grants", headers={"X-Loa-Person": away}) for one in (hers, "khong-co", hers)
    ]
    await controller.denials.write()

    rows = [row for row in await newest(api) if row["outcome"] != "done"]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {(row["who"]["person"], row["action"], row["outcome"]) for row in rows} == {
        (away, "GET /people/{person_id}/grants", "person_not_found")
    }
    assert rows[-1]["about"] == {"person_id": hers}
    assert sum(row["count"] for row in rows) in {1, 2}  # the second waits for its minute


async def test_work_of_the_clock_that_changes_no_told_row_says_nothing(db: Database) -> None:
    async with db.transaction() as session:
        recording.as_loa(session, "tick", T0)
        await session.execute(text("DELETE FROM findings"))
        await session.execute(update(Unit).where(Unit.id == "khac").values(name="Khác"))

    assert (await checked(db)).head == NOTHING


# Tampering.

CHAIN = ("lan", "hung", "mai", "tu", "hoa")
HALF = len(CHAIN) // 2 + 1


async def _change(db: Database) -> None:
    await _sql(db, "UPDATE audit_entries SET raw = :raw WHERE sequence = 3", raw=await _forged(db))


async def _forged(db: Database) -> bytes:
    async with db.reading() as session:
        row = await session.get_one(AuditEntry, 3)
    return row.raw.replace(b"make mai", b"make tai")


async def _sql(db: Database, statement: str, **values: Any) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(text(statement), values)


SET_HEAD = (
    "UPDATE audit_head SET sequence = (SELECT max(sequence) FROM audit_entries),"
    " hash = (SELECT hash FROM audit_entries ORDER BY sequence DESC LIMIT 1)"
)
COPY = (
    "INSERT INTO audit_entries (sequence, id, at, person_id, action, raw, previous, hash)"
    " SELECT 6, 'khac', at, person_id, action, raw, hash, previous FROM audit_entries WHERE sequence = 5"
)
TAMPERING = {
    "a column beside the bytes": ["UPDATE audit_entries SET person_id = 'khac' WHERE sequence = 2"],
    "the instant": ["UPDATE audit_entries SET at = '2020-01-01 00:00:00' WHERE sequence = 2"],
    "the hash": ["UPDATE audit_entries SET hash = previous WHERE sequence = 4"],
    "which units see it": ["DELETE FROM audit_units"],
    "the middle gone": ["DELETE FROM audit_entries WHERE sequence = 3"],
    "the beginning gone": ["DELETE FROM audit_entries WHERE sequence < 3"],
    "the tail gone": ["DELETE FROM audit_entries WHERE sequence > 3"],
    "everything gone": ["DELETE FROM audit_entries"],
    "the head gone": ["DELETE FROM audit_head"],
    "one put in": [COPY],
    "one put in with a head to fit": [COPY, SET_HEAD],
    "two swapped": [
        "UPDATE audit_entries SET sequence = 99 WHERE sequence = 2",
        "UPDATE audit_entries SET sequence = 2 WHERE sequence = 4",
        "UPDATE audit_entries SET sequence = 4 WHERE sequence = 99",
    ],
    "a value beside it": ["UPDATE audit_private SET value = :value"],
    "the salt of a value": ["UPDATE audit_private SET salt = :value"],
    "a cut that nobody signed": [
        "INSERT INTO audit_checkpoints (sequence, envelope, made_at) VALUES (2, :envelope, '2026-01-01 00:00:00')",
        "DELETE FROM audit_entries WHERE sequence <= 2",
    ],
}


@pytest.fixture
async def chain(db: Database) -> Database:
    for name in CHAIN:
        await wrote(db, name)
    assert (await checked(db)).found == []
    return db


async def test_whatever_is_done_to_the_rows_is_found(chain: Database) -> None:
    """All of it on one database, each taken back."""
    kept = await _copy(chain)
    values = {"value": b'"Khac"', "envelope": b'{"payloadType":"x","payload":"","signatures":[]}'}
    for name, statements in {**TAMPERING, "an entry's bytes": []}.items():
        for statement in statements:
            await _sql(chain, statement, **{key: value for key, value in values.items() if f":{key}" in statement})
        if not statements:
            await _change(chain)

        report = await checked(chain)

        assert report.found, name
        await _restore(chain, kept)
        assert (await checked(chain)).found == [], name


async def _copy(db: Database) -> dict[Any, list[dict[str, Any]]]:
    async with db.engine.connect() as connection:
        return {
            table: [dict(row._mapping) for row in await connection.execute(select(table))]
            for name, table in schema.metadata.tables.items()
            if name.startswith("audit_")
        }


async def _restore(db: Database, kept: dict[Any, list[dict[str, Any]]]) -> None:
    async with db.engine.begin() as connection:
        for table, rows in kept.items():
            await connection.execute(table.delete())
            if rows:
                await connection.execute(table.insert(), rows)


async def test_a_tail_cut_off_with_its_head_is_found_by_one_device_that_saw_it(chain: Database) -> None:
    async with chain.reading() as session:
        before = await store.head_of(session)
    await _sql(chain, "DELETE FROM audit_entries WHERE sequence > 3")
    await _sql(chain, SET_HEAD)
    unseen = await checked(chain)
    await _report(chain, before)

    seen = await checked(chain)

    assert unseen.found == []
    async with chain.reading() as session:
        explained = verified([line async for line in service.exported(session, T0)], lost=frozenset({before}))
    assert [(one.fault, one.sequence) for one in seen.found] == [(Fault.WITNESS, 5)]
    assert before.text in seen.found[0].told
    assert explained.found == []


async def _report(db: Database, head: Head) -> None:
    """What a device last said of itself."""
    async with db.engine.begin() as connection:
        await connection.execute(
            schema.metadata.tables["devices"].insert(),
            {
                "id": "loa-1",
                "name": "Loa",
                "kind": "speaker",
                "unit_id": "xa",
                "public_key": "",
                "profile": "default",
                "languages": ["vi"],
                "stagger_ms": 0,
                "turn": 0,
                "created_at": T0,
            },
        )
        report = {"device_id": "loa-1", "online": True, "seen_at": T0, "state": {"audit_head": head.text}, "health": {}}
        await connection.execute(schema.metadata.tables["device_reports"].insert(), report)


async def test_the_rest_of_the_chain_holds_when_a_persons_values_are_erased(chain: Database) -> None:
    async with chain.transaction() as session:
        recording.as_loa(session, "erase", T0)
        row = await session.get_one(Person, "mai")
        row.name = ""
        await session.flush()

        gone = await service.forget(session, "mai")

    report = await checked(chain)
    async with chain.reading() as session:
        left = set(await session.scalars(select(AuditPrivate.subject)))
        [newest_one, *_] = shown = [one.entry for one in await service.page(session, store.Sought(), 50)]
    assert (gone, left) == (1, {"lan", "hung", "tu", "hoa"})
    assert (report.found, report.erased) == ([], 2)
    assert newest_one is not None
    assert newest_one.changes[0].before == {"name": "(erased)"}
    assert {one.changes[0].after["name"] for one in shown[1:] if one} == {
        "Tên lan",
        "Tên hung",
        "(erased)",
        "Tên tu",
        "Tên hoa",
    }
    assert b"T\xc3\xaan mai" not in b"".join([line async for line in _raw(chain)])


async def _raw(db: Database) -> AsyncIterator[bytes]:
    async with db.reading() as session:
        for row in await session.scalars(select(AuditEntry.raw)):
            yield row


# Many at once, and no one.


async def test_writers_at_the_same_time_keep_one_chain(database: str, db: Database) -> None:
    others = [Database(database) for _ in range(3)]

    async def write(number: int) -> None:
        async def work(session: Any) -> None:
            recording.as_loa(session, f"make {number}", T0)
            name = f"p{number:03}"
            session.add(Person(id=name, unit_id="xa", name=name, email=None, webhook=False, created_at=T0))
            if number % 7 == 0:
                await session.flush()
                raise LookupError

        with pytest.raises(LookupError) if number % 7 == 0 else _nothing():
            await others[number % 3].attempt(work)

    await asyncio.gather(*(write(number) for number in range(1, 43)))

    report = await checked(db)
    assert (report.found, report.checked, report.head.sequence) == ([], 36, 36)
    for one in others:
        await one.close()


class _nothing:  # noqa: N801 - reads as a word
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


async def test_kill_9_between_the_entry_and_the_commit_leaves_the_chain_whole(database: str, db: Database) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.audit_chain", database, cwd=Path(__file__).parents[2]
    )

    ended = await child.wait()

    assert ended == -signal.SIGKILL
    report = await checked(db)
    assert (report.found, report.checked) == ([], 1)
    async with db.reading() as session:
        assert set(await session.scalars(select(Person.id))) == {"truoc"}
    await wrote(db, "lai")
    assert (await checked(db)).head.sequence == 2


async def test_the_chain_is_locked_last_and_nothing_is_written_after_it(db: Database) -> None:
    said: list[str] = []

    @event.listens_for(db.engine.sync_engine, "before_cursor_execute")
    def _saw(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(" ".join(statement.split()))

    await wrote(db, "lan")

    locked = next(number for number, one in enumerate(said) if one.startswith("SELECT audit_head"))
    assert [one.split("(")[0].split(" SET")[0].strip() for one in said[locked + 1 :]] == [
        "INSERT INTO audit_entries",
        "UPDATE audit_head",
    ]
    if db.engine.dialect.name == "postgresql":
        assert said[locked].endswith("FOR UPDATE")


# Retention.


async def test_retention_cuts_behind_a_signed_checkpoint_and_the_rest_verifies(
    served: tuple[Controller, httpx.AsyncClient],
) -> None:
    controller, api = served
    db = controller.db
    old = datetime.now(UTC) - timedelta(days=3 * 366)
    await _sql(db, "DELETE FROM audit_private")
    await _sql(db, "DELETE FROM audit_units")
    await _sql(db, "DELETE FROM audit_entries")
    await _sql(db, "UPDATE audit_head SET sequence = 0, hash = :zero", zero=NOTHING.hash)
    for number in range(6):
        at = old + timedelta(days=number) if number < 4 else datetime.now(UTC)
        async with db.transaction() as session:
            recording.record(session, f"act {number}", by=None, now=at, units=["xa"], private={"address": "10.0.0.1"})

    gone = await service.retain(db, controller.keys, now=datetime.now(UTC), months=24)
    again = await service.retain(db, controller.keys, now=datetime.now(UTC), months=24)

    report = await checked(db)
    assert (gone, again) == (4, 0)
    assert (report.found, report.start.sequence, report.head.sequence) == ([], 4, 7)
    async with db.reading() as session:
        assert len((await session.scalars(select(AuditPrivate))).all()) == 2
    [entry, *_] = await newest(api)
    assert (entry["action"], entry["facts"], entry["who"]["via"]) == (
        "audit retention",
        {"entries": 4, "up_to": 4},
        "loa",
    )
    await _sql(db, "DELETE FROM audit_entries WHERE sequence = 5")
    assert {one.fault for one in (await checked(db)).found} == {Fault.MISSING, Fault.UNLINKED}


# PostgreSQL.


async def test_a_role_without_the_right_appends_and_cannot_rewrite(postgres: PostgresServer) -> None:
    url = postgres.database()
    db = Database(url)
    await furnish(db)
    async with db.engine.begin() as connection:
        await connection.execute(text("DROP ROLE IF EXISTS loa_app"))
        await connection.execute(text("CREATE ROLE loa_app LOGIN PASSWORD 'loa-app'"))
        for right in APP_RIGHTS:
            await connection.execute(text(right))
    other = db.engine.url.set(username="loa_app", password="loa-app")  # noqa: S106 - of tests alone
    app = Database(other.render_as_string(hide_password=False))

    await wrote(app, "lan")

    for statement in (
        "UPDATE audit_entries SET action = ''",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "DROP TABLE audit_entries",
    ):
        with pytest.raises(Exception, match=r"permission denied|must be owner"):
            await _sql(app, statement)
    await app.close()
    assert (await checked(db)).checked == 1
    async with db.engine.begin() as connection:
        await connection.execute(text("DROP OWNED BY loa_app"))
        await connection.execute(text("DROP ROLE loa_app"))
    await db.close()
    postgres.drop(url)


APP_RIGHTS = [
    line.strip().rstrip(";")
    for line in (Path(__file__).parents[2] / "docs" / "operations.md").read_text().splitlines()
    if line.strip().startswith(("GRANT ", "REVOKE ")) and "loa_app" in line
]
"""As the documentation gives them."""
