"""Which units a changed row concerns: those it names, those of its scopes, or those of the thing it belongs to."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from controller.audit.scope import ABOVE, SCOPES, UNITS
from controller.runtime.database import Base

_HOLDERS: Mapping[str, str] = {"u": "units", "g": "groups", "d": "devices"}
_BESIDE: Mapping[str, tuple[str, str]] = {
    "broadcasts": ("broadcast_scopes", "broadcast_id"),
    "assets": ("asset_units", "asset_id"),
}
"""Tables whose units stand in another, and by which column they are named there."""
_DEEPEST = 3


class Owners:
    """Finds units; remembers what it found for the rest of the transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def of(self, table: Table, values: Mapping[str, Any], depth: int = 0) -> tuple[str, ...]:
        """The units of a row with these values, by id."""
        if table.name == "units":
            return _sorted([values.get("id"), values.get("parent_id")])
        named = [values.get(column) for column in UNITS if values.get(column)]
        for column in SCOPES:
            value = values.get(column)
            for scope in [value] if isinstance(value, str) else value or ():
                named += self._of_scope(str(scope))
        if named or depth == _DEEPEST:
            return _sorted(named)
        return self._elsewhere(table, values, depth)

    def _elsewhere(self, table: Table, values: Mapping[str, Any], depth: int) -> tuple[str, ...]:
        if table.name in _BESIDE and isinstance(values.get("id"), str):
            return self._beside(table.name, values["id"])
        if table.name == "quiet_zones":
            return self._of_thing("groups", str(values.get("id")), depth)
        for column, above in ABOVE.items():
            if isinstance(values.get(column), str):
                return self._of_thing(above, values[column], depth)
        return ()

    def _of_scope(self, scope: str) -> tuple[str, ...]:
        kind, _, key = scope.partition("-")
        if kind == "u":
            return (key,)
        return self._of_thing(_HOLDERS[kind], key, 0) if kind in _HOLDERS else ()

    def _of_thing(self, name: str, key: str, depth: int) -> tuple[str, ...]:
        if (name, key) not in self._known:
            table = Base.metadata.tables[name]
            found = self._session.connection().execute(select(table).where(table.columns["id"] == key)).first()
            values = {} if found is None else dict(found._mapping)  # noqa: SLF001 - its public name
            self._known[name, key] = self.of(table, values, depth + 1)
        return self._known[name, key]

    def _beside(self, name: str, key: str) -> tuple[str, ...]:
        other, column = _BESIDE[name]
        if (other, key) not in self._known:
            table = Base.metadata.tables[other]
            found = self._session.connection().execute(select(table).where(table.columns[column] == key)).all()
            units = [unit for one in found for unit in self.of(table, dict(one._mapping), _DEEPEST)]  # noqa: SLF001
            self._known[other, key] = _sorted(units)
        return self._known[other, key]


def _sorted(units: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({unit for unit in units if unit}))
