"""What a page asks is one look at what is stored, by one actor; what is written is never part of it."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, event, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.subjects import PARENT, UNIT
from controller.accounts.tables import SignedIn
from controller.people.rules import Role
from controller.runtime.database import Database
from controller.runtime.looks import Look
from controller.units import service as units
from controller.units import store
from controller.units.tables import Unit
from tests.fakes.account_house import PAGES, AccountHouse, account_house


@pytest.fixture
async def db(database: str) -> AsyncIterator[Database]:
    """On both databases, with two units."""
    made = Database(database)
    await made.migrate()
    async with made.transaction() as session:
        await units.create(session, unit_id="tinh", name="Tỉnh", kind="province")
        await units.create(session, unit_id="xa", name="Xã", kind="commune", parent_id="tinh")
    yield made
    await made.close()


async def test_the_reads_of_a_look_agree_and_the_next_look_sees_what_came(db: Database) -> None:
    look, next_look = Look(db), Look(db)
    before = await _named(look)
    async with db.transaction() as session:
        (await session.get_one(Unit, "xa")).name = "Xã mới"
    again = await _named(look)
    await look.end()
    after = await _named(next_look)
    await next_look.end()

    assert (before, again, after) == ("Xã", "Xã", "Xã mới")


async def test_the_tree_above_is_read_once_in_a_look_and_anew_by_who_writes(db: Database) -> None:
    look = Look(db)
    async with look.reading() as session:
        first = await store.chain(session, "xa")
    async with db.transaction() as session:
        await units.create(session, unit_id="vung", name="Vùng", kind="region", parent_id="tinh")
        before = await store.chain(session, "xa")
        (await session.get_one(Unit, "xa")).parent_id = "vung"
        await session.flush()
        moved = await store.chain(session, "xa")
    async with look.reading() as session:
        same = await store.chains(session, ["xa", "tinh", "nowhere"])
    await look.end()

    assert first == before == ("xa", "tinh")
    assert moved == ("xa", "vung", "tinh")
    assert same == {"xa": first, "tinh": ("tinh",), "nowhere": ()}


async def test_a_row_is_asked_for_by_its_key_once_in_a_look(db: Database) -> None:
    asked: list[str] = []
    event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    look = Look(db)
    for _ in range(3):
        async with look.reading() as session:
            assert (await session.get_one(Unit, "xa")).name == "Xã"
        gc.collect()
    await look.end()

    assert len([one for one in asked if "FROM units" in one]) == 1


async def test_who_owns_a_thing_and_what_stands_above_it_are_told_apart(db: Database) -> None:
    look = Look(db)
    async with look.reading() as session:
        found = [await subject.find(session, "xa") for subject in (UNIT, PARENT, UNIT, PARENT)]
    await look.end()

    assert found == [("xa",), ("tinh",)] * 2


async def test_after_a_fault_the_next_read_begins_anew(db: Database) -> None:
    look = Look(db)
    with pytest.raises(DBAPIError):
        async with look.reading() as session:
            await session.execute(text("SELECT nothing FROM nowhere"))

    assert await _named(look) == "Xã"
    await look.end()


async def _named(look: Look) -> str:
    async with look.reading() as session:
        return str(await session.scalar(select(Unit.name).where(Unit.id == "xa")))


async def test_a_page_is_one_look_and_a_form_that_is_sent_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[AsyncSession] = []
    reading = Database.reading

    @asynccontextmanager
    async def counted(db: Database) -> AsyncIterator[AsyncSession]:
        async with reading(db) as session:
            opened.append(session)
            yield session

    async with account_house(tmp_path) as house, await _browser(house) as browser:
        monkeypatch.setattr(Database, "reading", counted)
        shown = await browser.get("/account")
        looks = len(opened)
        token = _token(shown)
        ended = await browser.post("/account/sessions-end", data={"csrf": token, "once": "1"})

    assert (shown.status_code, looks) == (200, 1)
    assert ended.status_code == 303
    assert len(opened) > looks + 1


async def test_whose_session_ended_sees_no_further_page(tmp_path: Path) -> None:
    async with account_house(tmp_path) as house, await _browser(house) as browser:
        before = await browser.get("/account")
        await _end_sessions(house)
        after = await browser.get("/account")

    assert before.status_code == 200
    assert (after.status_code, after.headers["location"].partition("?")[0]) == (303, "/sign-in")


async def _end_sessions(house: AccountHouse) -> None:
    async with house.db.transaction() as session:
        await session.execute(delete(SignedIn))


def _token(page: httpx.Response) -> str:
    return page.text.split('name="csrf" value="')[1].split('"')[0]


async def _browser(house: AccountHouse) -> httpx.AsyncClient:
    """Of an operator who is signed in."""
    secret = await house.session(await house.person("Lan", Role.OPERATOR))
    transport = httpx.ASGITransport(app=house.app)
    headers = {"Sec-Fetch-Site": "same-origin"}
    return httpx.AsyncClient(transport=transport, base_url=PAGES, cookies={"loa": secret}, headers=headers)
