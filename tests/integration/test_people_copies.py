"""Whoever asks gets a copy of everything that is kept about them, and nothing of others."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controller.access.table import TABLE
from controller.notices.tables import PushSubscription
from controller.people import copying, leaves, service
from controller.people.rules import Role
from controller.people.tables import Person
from controller.runtime.ids import new_id
from controller.runtime.schema import metadata
from tests.fakes.commune import COMMUNE, Commune, commune

SECRETS = ("p256dh-of-lan", "auth-of-lan")


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database, device_ids=()) as made:
        yield made


async def people(xa: Commune) -> tuple[Person, Person]:
    """Lan, with a role, a browser and a leave on which Minh stands in; and Minh."""
    now = xa.clock.now()
    today = service.local_day(now)
    async with xa.db.transaction() as session:
        lan = await service.create(session, name="Lan", unit_id=COMMUNE, email="lan@example.vn", now=now)
        minh = await service.create(session, name="Minh", unit_id=COMMUNE, email="minh@example.vn", now=now)
        given: dict[str, Any] = {"unit_id": COMMUNE, "begins": today, "by": minh.id, "now": now}
        await service.grant(session, lan.id, role=Role.OPERATOR, **given)
        await leaves.take_leave(session, lan.id, first_day=today, last_day=today, deputy_id=minh.id, by=lan.id, now=now)
        session.add(
            PushSubscription(
                id=new_id(now),
                person_id=lan.id,
                endpoint_sha256="0" * 64,
                endpoint="https://push.example/lan",
                p256dh=SECRETS[0],
                auth=SECRETS[1],
                created_at=now,
            )
        )
    return lan, minh


async def copied(xa: Commune, who: Person) -> list[dict[str, Any]]:
    async with xa.db.reading() as session:
        person = await service.require(session, who.id)
        return [json.loads(line) async for line in copying.lines(session, person, xa.clock.now())]


async def test_a_person_gets_every_row_about_them_whole(xa: Commune) -> None:
    lan, minh = await people(xa)

    head, *rows = await copied(xa, lan)

    told = {one["table"]: one["row"] for one in rows}
    assert head["person"]["name"] == "Lan"
    assert head["person"]["email"] == "lan@example.vn"
    assert told["grants"]["role"] == "operator"
    assert told["leaves"]["deputy_id"] == minh.id
    assert told["push_subscriptions"]["endpoint"] == "https://push.example/lan"


async def test_no_secret_and_nothing_of_others_is_in_a_copy(xa: Commune) -> None:
    lan, minh = await people(xa)

    of_lan, of_minh = await copied(xa, lan), await copied(xa, minh)

    text = json.dumps([of_lan, of_minh])
    assert not [secret for secret in SECRETS if secret in text]
    mentioned = {one["table"]: (one["mentioned_as"], set(one["row"])) for one in of_minh[1:]}
    assert mentioned == {"grants": (["granted_by"], {"id"}), "leaves": (["deputy_id"], {"id"})}


def test_every_table_that_names_people_is_copied() -> None:
    named = {table.name for table, _ in copying.naming(metadata.sorted_tables)}
    beside = {"people", "notice_sendings", "audit_entries", "audit_private"}
    columns = {"person_id", "subject", "deputy_id", "made_by", "granted_by", "author_id"}
    keyed = {
        table.name
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name in columns and not _is_free_text(table.name, column.name)
    }

    assert keyed - named - beside == set()


def _is_free_text(table: str, column: str) -> bool:
    """Words of whoever did it, or of what it is about: no ids of people."""
    return (table, column) == ("notices", "subject") or (
        column == "made_by"
        and table in {"policies", "policy_revisions", "quiet_zones", "programme_changes", "programme_revisions"}
    )


def test_people_get_their_own_copy_without_asking_anybody() -> None:
    assert TABLE["GET", "/people/{person_id}/data"].decides.name == "SELF"
