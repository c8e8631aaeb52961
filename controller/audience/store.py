"""All queries about who can be spoken to: the tree below a unit, its groups, and how many devices listen there.

Devices are counted in the database; a tree of a whole country is cut to what one page can show, the nearest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.names import searched
from controller.devices.tables import Device, GroupMember
from controller.library.folding import words
from controller.policies.tables import QuietZone
from controller.units import store as units
from controller.units.tables import Group, Unit
from loa_protocol.documents.device import DeviceKind

MOST_UNITS = 200
MOST_GROUPS = 50
_NAMED = 500
"""More units than these are not named one by one in a query."""


class _Node(Protocol):
    """A row of the tree."""

    id: str
    name: str
    kind: str
    parent_id: str | None
    folded: str
    sort_key: str


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
    """Units in the order of the tree, each before what is below it, and groups by name; `left_out` are too many.

    `placed`: whether anybody wrote down where any device is, found or not.
    """

    units: tuple[Place, ...]
    groups: tuple[Place, ...]
    left_out: int
    placed: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """Devices that listen to any of some scopes; `units`: kind → how many units they stand in."""

    speakers: int
    boards: int
    units: Mapping[str, int]


async def tree(session: AsyncSession, unit_id: str, query: str, mine: Iterable[ColumnElement[bool]]) -> Tree:
    """Where a unit's word may be heard; `mine` holds of units (`Unit.id`) that the reader may speak to.

    `query`: beginnings of words of a name, with or without accents; what is found stands by its name, outside the
    tree. Closed units are not there.
    """
    area = await units.area(session, unit_id)
    asked = select(Unit.id, Unit.name, Unit.kind, Unit.parent_id, Unit.folded, Unit.sort_key)
    asked = asked.where(Unit.id.in_(units.subtree([area])), Unit.closed_at.is_(None), *mine)
    rows = (await session.execute(asked)).all()
    seen = frozenset(row.id for row in rows)
    nodes = {row.id: row for row in rows if row.kind != units.AGENCY}
    wanted = words(query)
    kept, count = _found(nodes, wanted) if wanted else _nearest(nodes)
    own, placed = await _devices(session, seen)
    sums = _summed(nodes, own)
    groups = [one for one in await _groups(session, seen) if _holds(searched(one.name), wanted)]
    shown = tuple(_place(node, depth, sums) for node, depth in kept)
    return Tree(shown, tuple(groups[:MOST_GROUPS]), count - len(shown), placed)


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


async def _devices(session: AsyncSession, seen: frozenset[str]) -> tuple[dict[str, tuple[int, int]], bool]:
    """Unit → speakers and boards that stand in it, and whether any of them has a place.

    Of many units all are counted, which is quicker than naming them.
    """
    asked = select(Device.unit_id, Device.kind, func.count(), func.count(Device.latitude))
    asked = asked.where(Device.retired_at.is_(None))
    if len(seen) <= _NAMED:
        asked = asked.where(Device.unit_id.in_(sorted(seen)))
    found: dict[str, tuple[int, int]] = {}
    placed = False
    for unit_id, kind, count, with_place in await session.execute(asked.group_by(Device.unit_id, Device.kind)):
        speakers, boards = found.get(unit_id, (0, 0))
        found[unit_id] = (speakers + count, boards) if kind == DeviceKind.SPEAKER else (speakers, boards + count)
        placed = placed or (with_place > 0 and unit_id in seen)
    return found, placed


async def _groups(session: AsyncSession, seen: frozenset[str]) -> list[Place]:
    """Groups that people made, by name; quiet zones are groups, too, and nobody speaks to them."""
    asked = (
        select(Group.id, Group.name, Group.unit_id, Device.kind, func.count(Device.id))
        .outerjoin(GroupMember, GroupMember.group_id == Group.id)
        .outerjoin(Device, (Device.id == GroupMember.device_id) & Device.retired_at.is_(None))
        .where(Group.id.not_in(select(QuietZone.id)), Group.retired_at.is_(None))
        .group_by(Group.id, Group.name, Group.unit_id, Device.kind)
        .order_by(Group.name, Group.id)
    )
    if len(seen) <= _NAMED:
        asked = asked.where(Group.unit_id.in_(sorted(seen)))
    found: dict[str, Place] = {}
    for key, name, unit_id, kind, count in await session.execute(asked):
        if unit_id in seen:
            known = found.get(key, Place(f"g-{key}", name, "group", unit_id, 0, 0, 0))
            speakers = known.speakers + (count if kind == DeviceKind.SPEAKER else 0)
            boards = known.boards + (count if kind == DeviceKind.BOARD else 0)
            found[key] = Place(known.scope, name, "group", unit_id, 0, speakers, boards)
    return list(found.values())


def _holds(folded: str, wanted: Iterable[str]) -> bool:
    return all(f" {word}" in folded for word in wanted)


def _found(nodes: Mapping[str, _Node], wanted: Iterable[str]) -> tuple[list[tuple[_Node, int]], int]:
    """Those whose names hold all words, by name, and how many there are."""
    held = [node for node in nodes.values() if _holds(node.folded, wanted)]
    return [(node, 0) for node in _by_name(held)[:MOST_UNITS]], len(held)


def _nearest(nodes: Mapping[str, _Node]) -> tuple[list[tuple[_Node, int]], int]:
    """The least deep ones, each before what is below it and beside each other by name; and how many there are."""
    children: dict[str | None, list[_Node]] = {}
    for node in nodes.values():
        children.setdefault(node.parent_id if node.parent_id in nodes else None, []).append(node)
    kept: dict[str, int] = {}
    level, depth = _by_name(children.get(None, [])), 0
    while level and len(kept) < MOST_UNITS:
        kept |= dict.fromkeys((node.id for node in level[: MOST_UNITS - len(kept)]), depth)
        level, depth = [one for node in level for one in _by_name(children.get(node.id, []))], depth + 1
    left = [node for node in reversed(_by_name(children.get(None, []))) if node.id in kept]
    found: list[tuple[_Node, int]] = []
    while left:
        node = left.pop()
        found.append((node, kept[node.id]))
        left += [one for one in reversed(_by_name(children.get(node.id, []))) if one.id in kept]
    return found, len(nodes)


def _by_name(nodes: Iterable[_Node]) -> list[_Node]:
    return sorted(nodes, key=lambda one: (one.sort_key, one.id))


def _summed(nodes: Mapping[str, _Node], own: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """With everything below."""
    found = dict.fromkeys(nodes, (0, 0))
    for unit_id, (speakers, boards) in own.items():
        at: str | None = unit_id
        while at is not None and at in nodes:
            known = found[at]
            found[at] = known[0] + speakers, known[1] + boards
            at = nodes[at].parent_id
    return found


def _place(node: _Node, depth: int, counts: Mapping[str, tuple[int, int]]) -> Place:
    parent = None if node.parent_id is None else f"u-{node.parent_id}"
    return Place(f"u-{node.id}", node.name, node.kind, parent, depth, *counts[node.id])
