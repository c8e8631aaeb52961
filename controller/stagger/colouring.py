"""Turn groups: neighbours in a graph get different numbers, as few as can be found quickly. Pure.

DSATUR (Brélaz, New methods to color the vertices of a graph, 1979): next is always the vertex whose neighbours have the
most different colours. Each gets the least colour that its neighbours do not have, hence never more than the largest
degree + 1 colours. Ids break all ties: the same graph gives the same groups, in whatever order it was told.
"""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from heapq import heapify, heappop, heappush

Graph = Mapping[str, AbstractSet[str]]
_TRIED = 200


def graph_of(vertices: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Neighbours of each vertex."""
    graph: dict[str, set[str]] = {vertex: set() for vertex in vertices}
    for one, other in edges:
        graph[one].add(other)
        graph[other].add(one)
    return graph


def components(graph: Graph) -> list[list[str]]:
    """What hangs together, each sorted, by their first ids."""
    seen: set[str] = set()
    found = []
    for start in sorted(graph):
        if start in seen:
            continue
        seen.add(start)
        part, waiting = [start], [start]
        while waiting:
            fresh = [one for one in graph[waiting.pop()] if one not in seen]
            seen.update(fresh)
            part.extend(fresh)
            waiting.extend(fresh)
        found.append(sorted(part))
    return found


def colours(graph: Graph, vertices: Collection[str]) -> dict[str, int]:
    """A colour for each vertex of a part of the graph that has no edges to the rest. The most frequent colour is 0."""
    found: dict[str, int] = {}
    taken: dict[str, set[int]] = {vertex: set() for vertex in vertices}
    heap = [(0, -len(graph[vertex]), vertex) for vertex in vertices]
    heapify(heap)
    while heap:
        _, _, vertex = heappop(heap)
        if vertex in found:
            continue  # it was pushed again with more colours around it, and so came earlier
        colour = _least_free(taken[vertex])
        found[vertex] = colour
        for other in graph[vertex]:
            if other not in found and colour not in taken[other]:
                taken[other].add(colour)
                heappush(heap, (-len(taken[other]), -len(graph[other]), other))
    return _renumbered(found)


def at_least(graph: Graph, vertices: Collection[str]) -> int:
    """So many colours are needed: the size of a set of vertices that are all neighbours, found greedily."""
    best = min(1, len(vertices))
    for start in sorted(vertices, key=lambda one: (-len(graph[one]), one))[:_TRIED]:
        clique, candidates = 1, set(graph[start])
        while candidates:
            chosen = min(candidates, key=lambda one: (-len(graph[one] & candidates), one))
            candidates &= graph[chosen]
            clique += 1
        best = max(best, clique)
    return best


def at_most(graph: Graph, vertices: Collection[str]) -> int:
    """Never more colours than the largest degree + 1."""
    return max((len(graph[vertex]) for vertex in vertices), default=-1) + 1


def _least_free(taken: AbstractSet[int]) -> int:
    colour = 0
    while colour in taken:
        colour += 1
    return colour


def _renumbered(found: Mapping[str, int]) -> dict[str, int]:
    """The first turn is that of most devices."""
    members: dict[int, list[str]] = {}
    for vertex, colour in found.items():
        members.setdefault(colour, []).append(vertex)
    order = sorted(members, key=lambda colour: (-len(members[colour]), min(members[colour])))
    turn = {colour: number for number, colour in enumerate(order)}
    return {vertex: turn[colour] for vertex, colour in found.items()}
