"""What a programme must be to be saved: well formed, without contradictions, and naming only what there is.

Every fault is told at once, each with its field, a stable code and what to do, in Vietnamese and in English.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import acting_in
from controller.access.rules import Permission
from controller.broadcasts import store as broadcasts
from controller.broadcasts.service import targets_unknown
from controller.handwritten import structure
from controller.handwritten.faults import Fault
from controller.media.known import among
from controller.schedules import programme as written
from controller.schedules import rules
from controller.schedules.checks import url_faults
from controller.schedules.fault_texts import fault
from controller.schedules.programme import Change, ProgrammeFile
from controller.schedules.recurrence import FIRST_DAY, LAST_DAY
from controller.schedules.sessions import wall_of
from controller.units import store as units
from loa_protocol.errors import LoaError
from loa_protocol.ids import unit_scope

_TOLD = 3


class ProgrammeInvalid(LoaError):
    """A programme, or a change of it, cannot be saved; `faults` of the details has everything that is wrong."""

    code = "programme_invalid"


def read_programme(data: Any, programme_id: str) -> ProgrammeFile:
    """Read a programme out of plain data.

    Raises:
        ProgrammeInvalid: with all faults that need nothing looked up.
    """
    _refuse(structure.faults(data, ProgrammeFile))
    document = msgspec.convert(data, ProgrammeFile)
    found: list[Fault] = [*rules.faults(document)]
    if document.id != programme_id:
        vi, en = f"mã chương trình ở địa chỉ là {programme_id}", f"the address names {programme_id}; write the same id"
        found.append(Fault("id", "id_differs", vi, en))
    _refuse(found)
    return document


def read_change(data: Any) -> Change:
    """Read a change out of plain data.

    Raises:
        ProgrammeInvalid: it is malformed, or relays from where no device does.
    """
    _refuse(structure.faults(data, Change), "change.")
    change = msgspec.convert(data, Change)
    _refuse([*url_faults("segments", change.segments or ())], "change.")
    return change


def require_times(change: Change) -> None:
    """The times a change names exist, within the days a programme may have.

    Raises:
        ProgrammeInvalid: one does not.
    """
    found = []
    for name, text in (("occurrence", change.occurrence), ("start", change.start)):
        wall = None if text is None else wall_of(text)
        if text is not None and (wall is None or not FIRST_DAY < wall.date() < LAST_DAY):
            found.append(fault(f"change.{name}", "change_time_invalid", time=text))
    _refuse(found)


def require_sound(document: ProgrammeFile) -> None:
    """A document put together of several saves must still be without contradictions.

    Raises:
        ProgrammeInvalid: with all faults.
    """
    _refuse(rules.faults(document, standing=True))


async def require_known(session: AsyncSession, document: ProgrammeFile, standing: Iterable[ProgrammeFile] = ()) -> None:
    """Everything the programme names must be there, and known to who saves it unless it is `standing` in it already.

    Raises:
        ProgrammeInvalid: with a fault for each field that names nothing.
    """
    named = list(_named(document))
    scopes = targets(document) | {unit_scope(id_) for _, kind, id_ in named if kind == "unit"}
    missing = set(await units.missing_scopes(session, sorted(scopes)))
    assets = {id_ for _, kind, id_ in named if kind == "asset"}
    unheard = assets - set(await broadcasts.sounds(session, sorted(assets)))
    before = [(kind, id_) for one in standing for _, kind, id_ in _named(one)]
    unheard |= assets - {id_ for kind, id_ in before if kind == "asset"} - await among(session, assets)
    may = acting_in(session)
    if may is not None:
        told = {unit_scope(id_) for kind, id_ in before if kind == "unit"}
        missing |= set(await may.unknown_scopes(sorted(scopes - told)))
    _refuse([*_unknown_targets(document, missing), *_unknown_parts(named, missing, unheard)])


async def require_permitted(session: AsyncSession, document: ProgrammeFile) -> None:
    """Whoever saves the programme places things at its unit and at everything it speaks to.

    Raises:
        NotAllowed, SecondFactorNeeded: they do not.
    """
    may = acting_in(session)
    if may is not None:
        await may.require_scopes(Permission.PLACE, sorted(targets(document)), targets_unknown)


def targets(document: ProgrammeFile) -> set[str]:
    """The scopes that a programme speaks to, its unit's included."""
    return {scope for one in document.sessions for scope in one.to} | {unit_scope(document.unit)}


def _named(document: ProgrammeFile) -> Iterator[tuple[str, str, str]]:
    """(field, `asset` or `unit`, id) of everything segments name."""
    lists: list[tuple[str, Sequence[written.Segment]]] = []
    lists += [(f"sessions[{at}].segments", one.segments) for at, one in enumerate(document.sessions)]
    lists += [(f"changes[{at}].segments", one.segments or ()) for at, one in enumerate(document.changes)]
    for prefix, segments in lists:
        for at, segment in enumerate(segments):
            match segment:
                case written.ContentSegment(asset=asset, variants=variants):
                    yield f"{prefix}[{at}].asset", "asset", asset
                    for language, spoken in variants.items():
                        yield f"{prefix}[{at}].variants.{language}", "asset", spoken
                case written.BulletinsSegment(of=unit):
                    yield f"{prefix}[{at}].of", "unit", unit
            if isinstance(segment, written.RelaySegment | written.BulletinsSegment) and segment.fallback is not None:
                yield f"{prefix}[{at}].fallback", "asset", segment.fallback


def _unknown_targets(document: ProgrammeFile, missing: set[str]) -> Iterator[Fault]:
    if unit_scope(document.unit) in missing:
        yield _unit_unknown("unit", document.unit)
    for index, one in enumerate(document.sessions):
        for at, scope in enumerate(one.to):
            if scope in missing:
                vi = f"không có đơn vị, nhóm hay thiết bị {scope}; hãy chọn đích đang có"
                en = f"no unit, group or device is named {scope}; choose one that there is"
                yield Fault(f"sessions[{index}].to[{at}]", "target_unknown", vi, en)


def _unknown_parts(named: Iterable[tuple[str, str, str]], missing: set[str], unheard: set[str]) -> Iterator[Fault]:
    for field, kind, id_ in named:
        if kind == "unit" and unit_scope(id_) in missing:
            yield _unit_unknown(field, id_)
        elif kind == "asset" and id_ in unheard:
            vi = f"kho không có âm thanh {id_}; hãy tải tệp lên trước"
            yield Fault(field, "asset_unknown", vi, f"there is no sound {id_}; upload the file first")


def _unit_unknown(field: str, unit: str) -> Fault:
    vi, en = f"không có đơn vị {unit}", f"there is no unit {unit}; list the units to find the right id"
    return Fault(field, "unit_unknown", vi, en)


def _refuse(found: Sequence[Fault], prefix: str = "") -> None:
    """Raise if there are any."""
    if not found:
        return
    faults: list[Mapping[str, str]] = [{**asdict(one), "field": prefix + one.field} for one in found]
    told = "; ".join(f"{one['field']}: {one['en']}" for one in faults[:_TOLD])
    more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    raise ProgrammeInvalid(f"the programme cannot be saved: {told}{more}", faults=faults)
