"""Whatever the database keeps about people is listed for them in docs/personal-data.md."""

import re
from pathlib import Path

from controller.notices.tables import Notice, PushSubscription
from controller.people.tables import Leave, Person
from controller.runtime.schema import metadata

LISTED = (Path(__file__).parents[2] / "docs" / "personal-data.md").read_text()
NAMED = set(re.findall(r"`([a-z_.]+)`", LISTED))
SAYS_WHO = {"made_by", "requested_by", "author", "person", "email", "phone"}


def test_every_table_that_names_people_is_listed() -> None:
    tables = {
        table.name
        for table in metadata.sorted_tables
        if any(key.column.table.name == "people" for key in table.foreign_keys)
        or SAYS_WHO & {column.name for column in table.columns}
    }

    listed = {name.partition(".")[0] for name in NAMED}

    assert tables - listed - {"people"} == set()
    assert {"grants", "notices", "policies"} <= tables


def test_every_column_about_a_person_is_listed() -> None:
    columns = {column.name for column in Person.__table__.columns} - {"id"}

    assert columns - {name.removeprefix("people.") for name in NAMED} == set()


def test_nothing_was_added_to_the_listed_tables_without_looking_at_the_list() -> None:
    kept = {
        Leave: {"id", "person_id", "first_day", "last_day", "deputy_id", "made_at", "made_by", "cancelled_at"},
        PushSubscription: {"id", "person_id", "endpoint_sha256", "endpoint", "p256dh", "auth", "created_at"},
        Notice: {"id", "person_id", "dedupe", "kind", "about", "subject", "text", "path", "created_at", "useful_until"},
    }

    assert {table: {column.name for column in table.__table__.columns} for table in kept} == kept
