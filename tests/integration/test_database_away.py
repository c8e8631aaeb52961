"""PostgreSQL dies, restarts or cuts connections: the controller says so, waits, and goes on by itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import text

from controller.api.app import create_app
from controller.delivery import store
from controller.runtime.database import Database
from controller.runtime.database_faults import DatabaseBusy
from controller.runtime.migration import DatabaseUnfit
from controller.runtime.server import Controller
from controller.runtime.settings import Settings, SettingsInvalid
from loa_cli.provisioning import Bundle, make_key
from tests.fakes.postgres import PostgresServer
from tests.fakes.running_controller import eventually

pytestmark = pytest.mark.broker


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    made = postgres.database()
    yield made
    postgres.drop(made)


@pytest.fixture
async def controller(url: str, tmp_path: Path) -> AsyncIterator[Controller]:
    settings = Settings(data_dir=tmp_path / "controller", database_url=url)
    running = await asyncio.to_thread(Controller, settings)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def api(controller: Controller, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        await client.post("/units", json={"id": "xa-1", "name": "Xã Một", "kind": "commune"})
        key = await asyncio.to_thread(make_key, Bundle(tmp_path / "loa-1"))
        body = {"id": "loa-1", "name": "Loa 1", "kind": "speaker", "unit_id": "xa-1", "public_key": key}
        assert (await client.post("/devices", json=body)).status_code == 201
        yield client


def _notice() -> dict[str, object]:
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {"title": "Họp thôn", "to": ["u-xa-1"], "board_text": "Họp thôn lúc 19 giờ 30", "at": at}


async def test_while_the_database_is_away_the_api_says_503_and_then_all_goes_on(
    api: httpx.AsyncClient, controller: Controller, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    kept = (await api.post("/broadcasts", json=_notice())).json()
    caplog.clear()
    postgres.kill()
    try:
        answers = [await api.get("/broadcasts"), await api.post("/broadcasts", json=_notice())]
    finally:
        postgres.start()
    again = await api.post("/broadcasts", json=_notice())

    assert [answer.status_code for answer in answers] == [503, 503]
    assert {answer.json()["code"] for answer in answers} == {"database_unavailable"}
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert again.status_code == 201
    listed = {row["id"] for row in (await api.get("/broadcasts")).json()}
    assert listed == {kept["id"], again.json()["id"]}
    await eventually(lambda: _nothing_waits(controller), "the planner and the publisher went on")
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert {record.getMessage().count("the API answers 503") for record in faults} == {1}
    assert len(faults) <= 2  # not for every try; one that began meanwhile may fail when another has come through
    assert [record for record in caplog.records if record.exc_info] == []
    assert caplog.text.count("the database serves again") == 1
    assert postgres.password not in caplog.text


async def _nothing_waits(controller: Controller) -> bool:
    async with controller.db.reading() as session:
        return not await store.pending(session) and not await store.unpublished(session, controller.clock.now())


async def test_connections_that_were_cut_are_replaced_without_an_error(url: str, postgres: PostgresServer) -> None:
    db = Database(url)
    try:
        for _ in range(3):
            async with db.reading() as session:
                assert await session.scalar(text("SELECT 1")) == 1
            with psycopg.connect(postgres.url("postgres", driver="postgresql")) as admin:
                cut = admin.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'loa'"
                ).fetchone()
            assert cut is not None
            assert cut[0] >= 1
    finally:
        await db.close()


async def test_a_lock_that_is_held_too_long_is_told_as_busy(url: str) -> None:
    db, other = Database(url), Database(f"{url}?options=-c%20lock_timeout%3D50ms")
    try:
        async with db.transaction() as session:
            await session.execute(text("LOCK TABLE units"))
            with pytest.raises(DatabaseBusy, match="lock timeout"):
                await other.attempt(lambda session: session.execute(text("SELECT * FROM units")))
    finally:
        await db.close()
        await other.close()


async def test_a_process_opens_no_more_connections_than_it_may(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db = Database(url, connections=5)
    monkeypatch.setattr(db.engine.sync_engine.pool, "_timeout", 0.05)
    try:
        async with db.reading(), db.reading(), db.reading(), db.reading(), db.reading():
            with pytest.raises(DatabaseBusy, match="all connections"):
                async with db.reading():
                    pass
    finally:
        await db.close()


async def test_a_database_of_another_encoding_is_refused_with_what_to_do(postgres: PostgresServer) -> None:
    url = postgres.empty("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    db = Database(url)
    try:
        with pytest.raises(DatabaseUnfit, match="ENCODING 'UTF8'"):
            await db.migrate()
    finally:
        await db.close()
        postgres.drop(url)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://loa@db/loa", "postgresql+psycopg://loa:a%40b@db/loa"),
        ("postgres://loa@db:5433/loa?sslmode=require", "postgresql+psycopg://loa:a%40b@db:5433/loa?sslmode=require"),
    ],
)
def test_the_url_takes_its_driver_and_the_password_of_a_file(given: str, used: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a@b\n")

    settings = Settings(database_url=given, database_password_file=tmp_path / "password")

    assert settings.database == used


@pytest.mark.parametrize("url", ["mysql://loa:bi-mat@db/loa", "loa:bi-mat", "postgresql://loa:bi-mat@db:x/loa"])
def test_another_kind_of_database_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="postgresql://") as refused:
        Settings(database_url=url)

    assert "bi-mat" not in str(refused.value)
