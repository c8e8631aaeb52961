"""All queries about who can be spoken to: the tree below a unit, its groups, and how many devices listen there.

Devices are counted in the database; a tree of a whole country is cut to what one page can show, the nearest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, GroupMember
from controller.library.folding import fold, words
from controller.policies.tables import QuietZone
from controller.units import store as units
from controller.units.tables import Group, Unit
from loa_protocol.documents.device import DeviceKind

MOST_UNITS = 200
MOST_GROUPS = 50
_folded = lru_cache(maxsize=20_000)(fold)


@dataclass(frozen=True, slots=True)
class Place:
    """A unit or a group to speak to; `depth` below the unit that was asked about; devices with all below it."""

    scope: str
    name: str
    kind: str
    parent: str | None
    depth: int
    speakers: int
    boards: int


@dataclass(frozen=True, slots=True)
class Tree:
    """Units in the order of the tree, each before what is below it, and groups by name; `left_out` are too many."""

    units: tuple[Place, ...]
    groups: tuple[Place, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Devices that listen to any of some scopes; `units`: kind → how many units they stand in."""

    speakers: int
    boards: int
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Node:
    id: str
    name: str
    kind: str
    parent_id: str | None


async def tree(session: AsyncSession, unit_id: str, query: str, mine: Iterable[ColumnElement[bool]]) -> Tree:
    """Where a unit's word may be heard; `mine` holds of units (`Unit.id`) that the reader may speak to.

    `query`: words of a name, with or without accents.
    """
    area = await units.area(session, unit_id)
    below = units.subtree([area])
    conditions = tuple(mine)
    asked = select(Unit.id, Unit.name, Unit.kind, Unit.parent_id)
    rows = await session.execute(asked.where(Unit.id.in_(below), Unit.kind != units.AGENCY, *conditions))
    nodes = {row.id: _Node(*row) for row in rows}
    wanted = words(query)
    ordered = _ordered(nodes)
    found = [one for one in ordered if _holds(one[0].name, wanted)]
    kept = found if len(found) <= MOST_UNITS else _nearest(found)
    counts = _summed(nodes, await _devices(session, area))
    seen = select(Unit.id).where(Unit.id.in_(below), *conditions)
    return Tree(
        tuple(_place(node, depth, counts) for node, depth in kept),
        tuple(one for one in await _groups(session, seen) if _holds(one.name, wanted)),
        len(found) - len(kept),
    )


async def counted(session: AsyncSession, scopes: Sequence[str]) -> Counted:
    """Every device once, however many of the scopes it listens to."""
    asked = select(Device.kind, Unit.kind, func.count(Device.id)).join(Unit, Unit.id == Device.unit_id)
    rows = await session.execute(asked.where(units.listens_to(scopes)).group_by(Device.kind, Unit.kind))
    devices: dict[str, int] = {}
    for kind, _, count in rows:
        devices[kind] = devices.get(kind, 0) + count
    standing = select(Unit.kind, func.count(Device.unit_id.distinct())).join(Unit, Unit.id == Device.unit_id)
    rows_of_units = await session.execute(standing.where(units.listens_to(scopes)).group_by(Unit.kind))
    places = {kind: count for kind, count in rows_of_units}  # noqa: C416 - rows are no pairs to a type checker
    return Counted(devices.get(DeviceKind.SPEAKER, 0), devices.get(DeviceKind.BOARD, 0), places)


async def _devices(session: AsyncSession, area: str) -> dict[str, tuple[int, int]]:
    """Unit → speakers and boards that stand in it."""
    asked = select(Device.unit_id, Device.kind, func.count()).where(
        Device.unit_id.in_(units.subtree([area])), Device.retired_at.is_(None)
    )
    found: dict[str, tuple[int, int]] = {}
    for unit_id, kind, count in await session.execute(asked.group_by(Device.unit_id, Device.kind)):
        speakers, boards = found.get(unit_id, (0, 0))
        found[unit_id] = (speakers + count, boards) if kind == DeviceKind.SPEAKER else (speakers, boards + count)
    return found


async def _groups(session: AsyncSession, seen: ColumnElement[str] | object) -> list[Place]:
    """Groups that people made; quiet zones are groups, too, and nobody speaks to them."""
    asked = (
        select(Group.id, Group.name, Group.unit_id, Device.kind, func.count(Device.id))
        .outerjoin(GroupMember, GroupMember.group_id == Group.id)
        .outerjoin(Device, (Device.id == GroupMember.device_id) & Device.retired_at.is_(None))
        .where(Group.unit_id.in_(seen), Group.id.not_in(select(QuietZone.id)))  # type: ignore[arg-type]
        .group_by(Group.id, Group.name, Group.unit_id, Device.kind)
        .order_by(Group.name, Group.id)
        .limit(2 * MOST_GROUPS)
    )
    found: dict[str, Place] = {}
    for key, name, unit_id, kind, count in await session.execute(asked):
        known = found.get(key, Place(f"g-{key}", name, "group", unit_id, 0, 0, 0))
        speakers = known.speakers + (count if kind == DeviceKind.SPEAKER else 0)
        boards = known.boards + (count if kind == DeviceKind.BOARD else 0)
        found[key] = Place(known.scope, name, "group", unit_id, 0, speakers, boards)
    return list(found.values())[:MOST_GROUPS]


def _holds(name: str, wanted: Iterable[str]) -> bool:
    text = _folded(name)
    return all(word in text for word in wanted)


def _ordered(nodes: Mapping[str, _Node]) -> list[tuple[_Node, int]]:
    """Each with its depth, before what is below it; beside each other by name."""
    children: dict[str | None, list[_Node]] = {}
    for node in nodes.values():
        children.setdefault(node.parent_id if node.parent_id in nodes else None, []).append(node)
    left = [(node, 0) for node in _by_name(children.get(None, []))]
    found: list[tuple[_Node, int]] = []
    while left:
        node, depth = left.pop()
        found.append((node, depth))
        left += [(one, depth + 1) for one in _by_name(children.get(node.id, []))]
    return found


def _by_name(nodes: Iterable[_Node]) -> list[_Node]:
    """The last name first: they are taken from the end."""
    return sorted(nodes, key=lambda one: (_folded(one.name), one.id), reverse=True)


def _nearest(found: Sequence[tuple[_Node, int]]) -> list[tuple[_Node, int]]:
    """The least deep ones, in the order of the tree."""
    near = {node.id for node, _ in sorted(found, key=lambda one: one[1])[:MOST_UNITS]}
    return [one for one in found if one[0].id in near]


def _summed(nodes: Mapping[str, _Node], own: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """With everything below."""
    found = {key: own.get(key, (0, 0)) for key in nodes}
    for node, _ in reversed(_ordered(nodes)):
        if node.parent_id in found:
            speakers, boards = found[node.parent_id]
            more = found[node.id]
            found[node.parent_id] = speakers + more[0], boards + more[1]
    return found


def _place(node: _Node, depth: int, counts: Mapping[str, tuple[int, int]]) -> Place:
    parent = None if node.parent_id is None else f"u-{node.parent_id}"
    return Place(f"u-{node.id}", node.name, node.kind, parent, depth, *counts[node.id])
