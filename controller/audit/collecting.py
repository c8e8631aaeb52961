"""What a transaction changed, gathered from SQLAlchemy while it happens: old and new values of every told row.

Flushes are looked at afterwards, statements in bulk (`update`, `delete`, `insert`) before and after. A savepoint that
is rolled back takes along what was gathered in it. Past `MOST_ROWS` rows are only counted.
"""

import copy
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Table, and_, inspect, select, tuple_
from sqlalchemy.orm import ORMExecuteState, Session

from controller.audit import rules
from controller.audit.marks import DERIVED, PRIVATE, SECRET
from controller.audit.scope import LEFT_OUT, NOT_TOLD, SILENT
from controller.audit.values import plain

MOST_ROWS = 100
_LOOKED_AT = 2 * MOST_ROWS
_SECRET = "(secret)"  # noqa: S105 - what stands for one
_Key = tuple[str, tuple[Any, ...]]


@dataclass(slots=True)
class Row:
    """One changed row; `seen` are all values known of it, for finding its unit. None: there was (is) no such row."""

    table: Table
    key: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    seen: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Private:
    """An erasable value."""

    commitment: str
    salt: bytes
    value: Any
    subject: str | None

    @classmethod
    def of(cls, value: Any, subject: str | None) -> Self:
        """With a fresh salt."""
        salt = secrets.token_bytes(rules.SALT_BYTES)
        return cls(rules.commitment(salt, value), salt, value, subject)


@dataclass(slots=True)
class Gathered:
    """The changes of one transaction so far; `wrote`: whether anything was written that counts as a change."""

    rows: dict[_Key, Row] = field(default_factory=dict)
    more: Counter[str] = field(default_factory=Counter)
    wrote: bool = False

    def copied(self) -> "Gathered":
        """As it is now: what is gathered later does not reach it."""
        rows = {key: copy.copy(row) for key, row in self.rows.items()}
        return Gathered(rows, self.more.copy(), self.wrote)

    def flushed(self, session: Session) -> None:
        """A flush was done; its objects still say what they were."""
        for made in session.new:
            self._note(_table(made), None, _values(made))
        for gone in session.deleted:
            self._note(_table(gone), _values(gone), None)
        for one in session.dirty:
            if session.is_modified(one):
                before, after = _difference(one)
                self._note(_table(one), before, after, _values(one))

    def executed(self, state: ORMExecuteState) -> Any:
        """Do a statement that writes rows itself, and note them."""
        table: Table = state.statement.table  # type: ignore[attr-defined]  # insert, update and delete have one
        if table.name in NOT_TOLD:
            self.wrote = self.wrote or table.name not in SILENT
            return state.invoke_statement()
        state.session.flush()
        wanted = _condition(state, table)
        if wanted is None:
            made = state.invoke_statement()
            self._inserted(state, table)
            return made
        session = state.session
        before = _rows(session, table, wanted)
        result: Any = state.invoke_statement()
        if not state.is_insert and getattr(result, "rowcount", 0) > len(before):
            self.more[str(table.name)] += result.rowcount - len(before)
        keys = before if not state.is_insert else None
        condition = wanted if keys is None else _having(table, [_key(table, one) for one in before])
        after = {_identity(table, one): one for one in _rows(session, table, condition)}
        for one in before:
            now = after.pop(_identity(table, one), None)
            if now != one:
                self._note(table, one, now)
        for now in after.values():
            self._note(table, None, now)
        return result

    def _inserted(self, state: ORMExecuteState, table: Table) -> None:
        for values in _inserts(state):
            self._note(table, None, values)

    def _note(
        self,
        table: Table,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
        seen: Mapping[str, Any] | None = None,
    ) -> None:
        if before == after or _only_derived(table, before, after):
            return
        self.wrote = self.wrote or table.name not in SILENT
        if table.name in NOT_TOLD:
            return
        every = {**(before or {}), **(after or {}), **(seen or {})}
        known = table.name, _identity(table, every)
        held = self.rows.get(known)
        if held is not None:
            _merge(held, before, after, every)
            if held.before == held.after:
                del self.rows[known]
        elif len(self.rows) < MOST_ROWS:
            self.rows[known] = Row(table, _key(table, every), before, after, every)
        else:
            self.more[table.name] += 1


def told(row: Row, units: tuple[str, ...], kept: list[Private]) -> rules.Changed:
    """A row as an entry has it; what may be erased goes to `kept`."""
    subject = row.seen.get("id") if row.table.name == "people" else row.seen.get("person_id")
    before, after = row.before, row.after
    if before is not None and after is not None:
        before, after = _differing(before, after)
    before, after = (_told(row.table, values, subject, kept) for values in (before, after))
    return rules.Changed(
        table=str(row.table.name),
        key={str(name): plain(value) for name, value in row.key.items()},
        units=units,
        before=before,
        after=after,
    )


def _told(table: Table, values: Mapping[str, Any] | None, subject: str | None, kept: list[Private]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column, value in (values or {}).items():
        name = str(column)
        mark = _mark(table, name)
        if mark == DERIVED["audit"] or (value is None and values is not None and len(values) == len(table.columns)):
            continue
        if mark == SECRET["audit"]:
            found[name] = None if value is None else _SECRET
        elif mark == PRIVATE["audit"] and value is not None and value != "":
            kept.append(Private.of(plain(value), subject))
            found[name] = rules.withheld(kept[-1].commitment)
        else:
            found[name] = plain(value)
    return found


def _differing(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the columns that are not the same."""
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    return tuple({name: value for name, value in one.items() if name not in same} for one in (before, after))  # type: ignore[return-value]


def _only_derived(table: Table, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    """Whether what differs is told by nobody, as when a session was last seen."""
    if before is None or after is None:
        return False
    differs = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return all(_mark(table, name) == DERIVED["audit"] for name in differs)


def _mark(table: Table, name: str) -> str | None:
    mark: str | None = table.columns[name].info.get("audit")
    return DERIVED["audit"] if (str(table.name), str(name)) in LEFT_OUT else mark


def _merge(held: Row, before: dict[str, Any] | None, after: dict[str, Any] | None, seen: dict[str, Any]) -> None:
    """Two changes of one row become one: what it was before the first, what it is after the second."""
    if held.before is not None and before is not None and held.after is not None:
        held.before = {**before, **held.before}
    if held.after is not None and after is not None:
        held.after = {**held.after, **after}
    else:
        held.after = after
    held.seen |= seen


def _table(one: object) -> Table:
    table: Table = inspect(one).mapper.local_table
    return table


def _values(one: object) -> dict[str, Any]:
    """What is loaded of an object, by column."""
    state: Any = inspect(one)
    return {
        attribute.columns[0].name: state.dict[attribute.key]
        for attribute in state.mapper.column_attrs
        if attribute.key in state.dict
    }


def _difference(one: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an object's changed columns said before, as far as it was loaded, and what they say now."""
    state: Any = inspect(one)
    before, after = {}, {}
    for attribute in state.mapper.column_attrs:
        added, _, deleted = state.attrs[attribute.key].history
        if added:
            name = attribute.columns[0].name
            after[name] = added[0]
            if deleted:
                before[name] = deleted[0]
    return before, after


def _condition(state: ORMExecuteState, table: Table) -> Any:
    """Which rows a statement may change; None for an insert that can only make new ones."""
    statement: Any = state.statement
    if not state.is_insert:
        if isinstance(state.parameters, list):
            return _having(table, [_key(table, one) for one in state.parameters])
        return and_(True, *([statement.whereclause] if statement.whereclause is not None else []))
    if getattr(statement, "_post_values_clause", None) is None:
        return None
    return _having(table, [_key(table, one) for one in _inserts(state)])


def _inserts(state: ORMExecuteState) -> list[dict[str, Any]]:
    """The rows of an insert, by column."""
    given: Any = state.parameters
    if given:
        return [dict(one) for one in (given if isinstance(given, list) else [given])]
    statement: Any = state.statement
    many, single = statement._multi_values, statement._values or {}  # noqa: SLF001 - nothing else tells them
    rows = [row for part in many for row in part] if many else [single]
    return [{_name(name): _bound(value) for name, value in row.items()} for row in rows]


def _name(column: Any) -> str:
    return column if isinstance(column, str) else str(column.name)


def _bound(value: Any) -> Any:
    """A parameter's value; a made-up one (a function of the database) is told as its words."""
    if hasattr(value, "effective_value"):
        return value.effective_value
    return str(value) if hasattr(value, "compile") else value


def _rows(session: Session, table: Table, wanted: Any) -> list[dict[str, Any]]:
    found = session.connection().execute(select(*table.columns).where(wanted).limit(_LOOKED_AT))
    return [dict(one._mapping) for one in found]  # noqa: SLF001 - its public name


def _having(table: Table, keys: list[dict[str, Any]]) -> Any:
    columns = list(table.primary_key.columns)
    values = [tuple(key[column.name] for column in columns) for key in keys[:_LOOKED_AT]]
    if len(columns) == 1:
        return columns[0].in_([value for (value,) in values])
    return tuple_(*columns).in_(values)


def _key(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: values.get(column.name) for column in table.primary_key.columns}


def _identity(table: Table, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(_key(table, values).values())
