"""Entries of the audit without any request; a process of its own that is killed between an entry and its commit."""

import asyncio
import sys
from datetime import UTC, datetime

from controller.audit import recording
from controller.people.tables import Person
from controller.runtime.database import Database
from controller.units.tables import Unit
from loa_protocol import failpoints

T0 = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


async def furnish(db: Database) -> None:
    """A commune."""
    async with db.transaction() as session:
        session.add(Unit(id="xa", name="Xã", kind="commune", code="", parent_id=None, languages=["vi"]))


async def wrote(db: Database, name: str, unit: str = "xa") -> None:
    """One change of a row, with its entry."""
    async with db.transaction() as session:
        recording.as_loa(session, f"make {name}", T0)
        session.add(Person(id=name, unit_id=unit, name=f"Tên {name}", email=None, webhook=False, created_at=T0))


async def _die(url: str) -> None:
    db = Database(url)
    await wrote(db, "truoc")
    failpoints.arm("controller.audit.before_commit")
    await wrote(db, "sau")


if __name__ == "__main__":
    asyncio.run(_die(sys.argv[1]))
