"""Searching the library: every word of the query must begin a word of title or text; the newest first.

All of it is decided in the database; only the rows of one page come here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controller.library.errors import CursorBad
from controller.library.folding import words
from controller.library.labels import Origin
from controller.library.tables import AssetUnit
from controller.media.known import known
from controller.media.tables import Asset, Rendition
from controller.units.store import below

MOST_WORDS = 8
PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search; every field narrows it. `within` is a unit with all below it; `sha256` is of a file or its content."""

    q: str = ""
    kind: str | None = None
    unit_id: str | None = None
    within: str | None = None
    language: str | None = None
    origin: Origin | None = None
    since: datetime | None = None
    until: datetime | None = None
    sha256: str | None = None
    gone: bool = False
    after: str | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """Found rows, newest first; `after` is where the next page begins, None at the end."""

    rows: Sequence[Row[Any]]
    after: str | None


COLUMNS = (
    Asset.id,
    Asset.kind,
    Asset.title,
    Asset.unit_id,
    Asset.language,
    Asset.origin,
    Asset.duration_ms,
    Asset.created_at,
    Asset.purged_at,
)


def _selected() -> Any:
    return select(*COLUMNS)


async def search(session: AsyncSession, wanted: Wanted) -> Page:
    """One page, of what whoever acts in this session may know of.

    Raises:
        CursorBad: `after` is no asset.
    """
    query = _selected().where(*await _conditions(session, wanted), await known(session))
    if wanted.after is not None:
        query = await _after(session, query, wanted.after)
    query = query.order_by(Asset.created_at.desc(), Asset.id.desc()).limit(wanted.limit + 1)
    rows: Sequence[Row[Any]] = (await session.execute(query)).all()
    shown = rows[: wanted.limit]
    return Page(shown, shown[-1].id if len(rows) > wanted.limit else None)


def holds(column: Any, word: str, dialect: str) -> ColumnElement[bool]:
    """Whether a folded text, which has a space before each of its words, has one that begins like this."""
    find = func.strpos if dialect == "postgresql" else func.instr
    return find(column, f" {word}") > 0


async def _conditions(session: AsyncSession, wanted: Wanted) -> list[ColumnElement[bool]]:
    dialect = session.get_bind().dialect.name
    found = [holds(Asset.folded, word, dialect) for word in words(wanted.q)[:MOST_WORDS]]
    exact = (
        (Asset.kind, wanted.kind),
        (Asset.language, wanted.language),
        (Asset.origin, None if wanted.origin is None else str(wanted.origin)),
    )
    found += [column == value for column, value in exact if value is not None]
    if wanted.since is not None:
        found.append(Asset.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Asset.created_at < wanted.until)
    if not wanted.gone:
        found.append(Asset.purged_at.is_(None))
    if wanted.sha256 is not None:
        made = select(Rendition.asset_id).where(Rendition.sha256 == wanted.sha256)
        found.append(or_(Asset.source_sha256 == wanted.sha256, Asset.id.in_(made)))
    return found + await _owners(session, wanted)


async def _owners(session: AsyncSession, wanted: Wanted) -> list[ColumnElement[bool]]:
    if wanted.unit_id is None and wanted.within is None:
        return []
    units = [wanted.unit_id] if wanted.unit_id is not None else sorted(await below(session, [wanted.within or ""]))
    held = select(AssetUnit.asset_id).where(AssetUnit.unit_id.in_(units))
    return [Asset.id.in_(held)]


async def _after(session: AsyncSession, query: Any, after: str) -> Any:
    at = await session.scalar(select(Asset.created_at).where(Asset.id == after))
    if at is None:
        raise CursorBad(f"the list cannot go on after {after}, which is not in it; begin it anew", after=after)
    return query.where(tuple_(Asset.created_at, Asset.id) < tuple_(at, after))
