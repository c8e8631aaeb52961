"""What a database of the tests is brought back to between two tests: its schema, and the rows it begins with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import sql

_CATALOGUE = """
SELECT 'relation', oid::text, relname::text, relkind::text FROM pg_class WHERE oid >= 16384
UNION ALL SELECT 'column', attrelid::text, attname::text, attnotnull::text FROM pg_attribute WHERE attrelid >= 16384
UNION ALL SELECT 'constraint', oid::text, conname::text, convalidated::text FROM pg_constraint WHERE oid >= 16384
UNION ALL SELECT 'trigger', oid::text, tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', oid::text, proname::text, md5(prosrc) FROM pg_proc WHERE oid >= 16384
UNION ALL SELECT 'schema', oid::text, nspname::text, '' FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'
ORDER BY 1, 2, 3, 4
"""
"""What a test may change of a schema."""


@dataclass(frozen=True, slots=True)
class Template:
    """What a fresh database holds: its schema as the catalogue tells it, and the rows that the migrations put in."""

    catalogue: list[tuple[Any, ...]]
    tables: tuple[str, ...]
    rows: dict[str, bytes]

    @classmethod
    def read(cls, connection: psycopg.Connection[Any]) -> Self:
        """Of a database that nobody has written to."""
        named = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        tables = tuple(name for (name,) in named)
        rows = {name: _copied(connection, name) for name in _filled(connection, tables)}
        return cls(connection.execute(_CATALOGUE).fetchall(), tables, rows)

    def restore(self, connection: psycopg.Connection[Any]) -> bool:
        """Bring a copy back to this; False where its schema was changed, which nothing here mends."""
        if connection.execute(_CATALOGUE).fetchall() != self.catalogue:
            return False
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # neither triggers nor foreign keys
            for name in _filled(connection, self.tables):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for name, rows in self.rows.items():
                statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
                with connection.cursor().copy(statement) as copy:
                    copy.write(rows)
            used = "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
            for (name,) in connection.execute(used).fetchall():
                connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(name)))
        return True


def _filled(connection: psycopg.Connection[Any], tables: Sequence[str]) -> list[str]:
    """Those with any row, in one question."""
    ask = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    asked = sql.SQL(" UNION ALL ").join(ask.format(sql.Literal(name), sql.Identifier(name)) for name in tables)
    return [name for (name,) in connection.execute(asked).fetchall()]


def _copied(connection: psycopg.Connection[Any], table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(part) for part in copy)
