"""`loa audit` against a controller on a port: what it shows, and what it finds in the database and in a copy."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from loa_cli.audit import EXIT_NOT_WHOLE
from loa_cli.client import Client
from tests.fakes.served import loa, served


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path]]:
    """A controller with a commune and somebody in it; its database."""
    folder = tmp_path_factory.mktemp("audit")
    with served(folder) as client:
        client.post("/units", {"id": "xa", "name": "Xã An Bình", "kind": "commune"})
        client.post("/people", {"name": "Nguyễn Thị Lan", "unit_id": "xa"})
        yield client, folder / "loa.db"


def test_the_list_tells_who_did_what(line: tuple[Client, Path]) -> None:
    shown = loa(line[0], "audit", "list", "--action", "POST /people")

    assert "host" in shown
    assert "POST /people" in shown
    assert "xong" in shown


def test_a_whole_chain_verifies_over_the_line_and_from_a_copy_and_from_a_head_on(
    line: tuple[Client, Path], tmp_path: Path
) -> None:
    client, _ = line
    copy = tmp_path / "nhat-ky.jsonl"
    head = loa(client, "audit", "head").strip()

    exported = loa(client, "audit", "export", str(copy))
    over_the_line, of_the_copy = loa(client, "audit", "verify"), loa(client, "audit", "verify", str(copy))
    later = json.loads(loa(client, "audit", "verify", "--since", head, "--json"))

    assert "Đã chép" in exported
    assert "Nhật ký toàn vẹn" in over_the_line
    assert "Nhật ký toàn vẹn" in of_the_copy
    assert (later["whole"], later["from"]) == (True, head)
    assert copy.stat().st_mode & 0o077 == 0
    assert "Nguyễn Thị Lan" not in copy.read_text()


def test_a_copy_that_was_touched_or_cut_off_is_found_without_the_controller(
    line: tuple[Client, Path], tmp_path: Path
) -> None:
    client, _ = line
    copy, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    loa(client, "audit", "export", str(copy))
    lines = copy.read_text().splitlines(keepends=True)
    touched = [one.replace("POST /people", "POST /poeple") for one in lines]

    for name, kept in {
        "changed": touched,
        "one gone": [*lines[:2], *lines[3:]],
        "the end gone": lines[:-1],
        "the tail gone": [*lines[:-2], lines[-1]],
    }.items():
        other.write_text("".join(kept))
        assert "KHÔNG toàn vẹn" in loa(client, "audit", "verify", str(other), code=EXIT_NOT_WHOLE), name
    other.write_text("gì đó\n")
    assert "audit_export_invalid" in loa(client, "audit", "verify", str(other), code=1)


def test_a_copy_from_the_middle_needs_the_head_it_begins_at(line: tuple[Client, Path], tmp_path: Path) -> None:
    client, _ = line
    copy = tmp_path / "sau.jsonl"
    head = loa(client, "audit", "head").strip()
    loa(client, "audit", "export", str(copy), "--after", head.partition(":")[0])

    refused = loa(client, "audit", "verify", str(copy), code=1)
    whole = loa(client, "audit", "verify", str(copy), "--since", head)
    wrong = loa(
        client, "audit", "verify", str(copy), "--since", f"{head.partition(':')[0]}:{'ab' * 32}", code=EXIT_NOT_WHOLE
    )

    assert "--since" in refused
    assert "toàn vẹn" in whole
    assert "không nối với mục trước" in wrong


def test_what_was_done_to_the_database_ends_the_check_with_its_own_exit_code(line: tuple[Client, Path]) -> None:
    client, database = line
    with closing(connect(database)) as opened:
        opened.execute("UPDATE audit_entries SET action = 'GET /people' WHERE sequence = 2")
        opened.commit()

        told = loa(client, "audit", "verify", code=EXIT_NOT_WHOLE)

        opened.execute("UPDATE audit_entries SET action = 'POST /people' WHERE sequence = 2")
        opened.commit()
    assert "mục 2: đã bị sửa" in told
    assert "Nhật ký toàn vẹn" in loa(client, "audit", "verify")
