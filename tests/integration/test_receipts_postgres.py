"""PostgreSQL finds the rows of a group by their keys, whatever its statistics believe of the table."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from controller.receipts import bulk_postgres
from tests.fakes.postgres import PostgresServer

_ROWS = """\
INSERT INTO ledger (broadcast_id, device_id, outcome)
SELECT 'b-' || b, 'd-' || d, %s FROM generate_series(%s::int, %s::int) b, generate_series(1, 100) d
"""


@pytest.fixture
def answered(postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """Statistics of a time when everything was answered and the journal was empty; as many rows have come since."""
    url = postgres.database()
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # rows without their broadcasts and devices
        connection.execute(_ROWS, ("played", 1, 100))
        connection.execute("VACUUM ANALYZE ledger")
        connection.execute("VACUUM ANALYZE journal_entries")  # known to be empty
        connection.execute(_ROWS, (None, 101, 200))
        yield connection
    postgres.drop(url)


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", ["answer", "begin", "awaiting", "standing"])
def test_no_statement_of_a_group_reads_the_ledger_from_end_to_end(
    answered: psycopg.Connection[Any], name: str, plans: str
) -> None:
    pairs = [(f"b-{b}", f"d-{d}") for b in range(101, 201) for d in range(1, 21)]
    keys = [",".join(column) for column in zip(*pairs, strict=True)]
    blank, zeros = "," * (len(pairs) - 1), ",".join("0" * len(pairs))
    statements: dict[str, tuple[str, Sequence[str]]] = {
        "answer": (bulk_postgres._ANSWER, ["2026-01-01", *keys, blank, blank, blank, zeros, blank, zeros]),
        "begin": (bulk_postgres._BEGIN, [*keys, blank]),
        "awaiting": (bulk_postgres._AWAITING, keys),
        "standing": (bulk_postgres._STANDING, keys),
    }
    statement, values = statements[name]
    with answered.transaction(force_rollback=True):
        answered.execute(bulk_postgres._BY_KEY)
        answered.execute(f"SET LOCAL plan_cache_mode = {plans}")  # type: ignore[arg-type]
        told = answered.execute("EXPLAIN (FORMAT JSON) " + statement, values, prepare=True).fetchone()  # type: ignore[arg-type]

    assert told is not None
    looked_up = [
        node.get("Index Cond", "") for node in _nodes(told[0][0]["Plan"]) if node.get("Node Type") == "Index Scan"
    ]
    assert all("device" in condition for condition in looked_up)
    assert looked_up


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
