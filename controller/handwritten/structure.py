"""What is wrong with the shape of a document, all of it at once, in words a person can act on.

msgspec stops at the first mistake; this walks the same models and goes on. Rules: what msgspec accepts has no fault
and what it refuses has one (the last word is msgspec's own); every fault names its field, a stable code, and in
Vietnamese and English what to write instead. Pure.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, get_args

import msgspec
from msgspec import inspect

from controller.handwritten.faults import Fault
from loa_protocol.ids import Id, Language, Scope

_SHOWN = 60
_MOST = 200
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_AT = re.compile(r" - at `(?P<path>[^`]+)`$")


def _pattern(annotated: Any) -> str:
    return str(get_args(annotated)[1].pattern)


_FORMS = {
    _pattern(Id): (
        "chỉ dùng a-z, 0-9 và dấu -, nhiều nhất 40 ký tự, ví dụ buoi-sang",
        "use a-z, 0-9 and - only, at most 40 characters, such as buoi-sang",
    ),
    _pattern(Scope): (
        "viết u-<đơn vị>, g-<nhóm> hoặc d-<thiết bị>, ví dụ u-xa-an-binh",
        "write u-<unit>, g-<group> or d-<device>, such as u-xa-an-binh",
    ),
    _pattern(Language): ("viết mã ngôn ngữ, ví dụ vi, hmn", "write a language code, such as vi or hmn"),
}
_NAMES = {
    inspect.StrType: ("một dòng chữ", "a text"),
    inspect.IntType: ("một số nguyên", "a whole number"),
    inspect.BoolType: ("true hoặc false", "true or false"),
    inspect.VarTupleType: ("một danh sách", "a list"),
    inspect.DictType: ("các trường, mỗi trường một dòng", "fields, one a line"),
    inspect.StructType: ("các trường, mỗi trường một dòng", "fields, one a line"),
    inspect.DateType: ("một ngày, ví dụ 2026-11-21", "a date, such as 2026-11-21"),
    inspect.EnumType: ("một từ trong danh sách", "one of the words"),
}


def faults(data: object, model: type) -> list[Fault]:
    """What is wrong with plain data (of YAML or JSON) as a document of this model; none where msgspec takes it."""
    found = []
    for fault in _check(data, inspect.type_info(model), "$"):
        found.append(fault)
        if len(found) == _MOST:
            return found
    return found or list(_last_word(data, model))


def _last_word(data: object, model: type) -> Iterator[Fault]:
    try:
        msgspec.convert(data, model)
    except msgspec.ValidationError as error:
        at = _AT.search(str(error))
        reason = str(error)[: at.start()] if at else str(error)
        yield _fault(at["path"] if at else "$", "value_wrong", f"giá trị sai: {reason}", f"wrong value: {reason}")


def _check(value: Any, kind: inspect.Type, path: str) -> Iterator[Fault]:
    """Faults of a value and of what is in it."""
    match kind:
        case inspect.Metadata():
            yield from _check_text(value, kind.type, path, kind.extra)
        case inspect.UnionType():
            yield from _check_union(value, kind, path)
        case inspect.StructType():
            yield from _check_struct(value, kind, path) if isinstance(value, dict) else _wrong_type(kind, path)
        case inspect.VarTupleType():
            yield from _check_list(value, kind, path) if isinstance(value, list | tuple) else _wrong_type(kind, path)
        case inspect.DictType():
            yield from _check_mapping(value, kind, path) if isinstance(value, dict) else _wrong_type(kind, path)
        case _:
            yield from _check_word(value, kind, path)


def _check_word(value: Any, kind: inspect.Type, path: str) -> Iterator[Fault]:
    """What holds nothing further."""
    match kind:
        case inspect.StrType():
            yield from _check_text(value, kind, path)
        case inspect.IntType():
            yield from _check_number(value, kind, path)
        case inspect.EnumType():
            yield from _check_choice(value, [str(one.value) for one in kind.cls], path)
        case inspect.DateType():
            yield from _check_date(value, path)
        case inspect.BoolType() if not isinstance(value, bool):
            yield from _wrong_type(kind, path)


def _check_union(value: Any, kind: inspect.UnionType, path: str) -> Iterator[Fault]:
    """`X | None`, or structs told apart by their tag."""
    options = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    if value is None and kind.includes_none:
        return
    if len(options) == 1:
        yield from _check(value, options[0], path)
        return
    tagged = {one.tag: one for one in options if isinstance(one, inspect.StructType)}
    field = next(str(one.tag_field) for one in tagged.values())
    if not isinstance(value, dict):
        yield from _wrong_type(next(iter(tagged.values())), path)
    elif field not in value:
        yield from _missing(path, field)
    elif not isinstance(value[field], str) or value[field] not in tagged:
        yield from _check_choice(value[field], [str(tag) for tag in tagged], f"{path}.{field}")
    else:
        yield from _check_struct(value, tagged[value[field]], path)


def _check_struct(value: dict[Any, Any], kind: inspect.StructType, path: str) -> Iterator[Fault]:
    fields = {one.encode_name: one for one in kind.fields}
    for name in value:
        if name not in fields and name != kind.tag_field:
            yield _unknown(f"{path}.{name}", str(name), list(fields))
    for name, field in fields.items():
        if name in value:
            yield from _check(value[name], field.type, f"{path}.{name}")
        elif field.required:
            yield from _missing(path, name)


def _check_list(value: list[Any] | tuple[Any, ...], kind: inspect.VarTupleType, path: str) -> Iterator[Fault]:
    yield from _check_length(len(value), kind.min_length, kind.max_length, path, ("mục", "items"))
    for index, item in enumerate(value[: kind.max_length]):
        yield from _check(item, kind.item_type, f"{path}[{index}]")


def _check_mapping(value: dict[Any, Any], kind: inspect.DictType, path: str) -> Iterator[Fault]:
    yield from _check_length(len(value), kind.min_length, kind.max_length, path, ("mục", "items"))
    for name, item in value.items():
        yield from _check(name, kind.key_type, f"{path}.{name}")
        yield from _check(item, kind.value_type, f"{path}.{name}")


def _check_text(value: Any, kind: inspect.Type, path: str, form: Mapping[str, str] | None = None) -> Iterator[Fault]:
    """A text; `form` tells in both languages how it is to be written."""
    if not isinstance(value, str) or not isinstance(kind, inspect.StrType):
        yield from _wrong_type(kind, path)
        return
    yield from _check_length(len(value), kind.min_length, kind.max_length, path, ("ký tự", "characters"))
    if kind.pattern is not None and not re.search(kind.pattern, value):
        words = (form["vi"], form["en"]) if form else _FORMS.get(kind.pattern)
        vi, en = words or (f"không đúng dạng {kind.pattern}", f"must match {kind.pattern}")
        yield _fault(path, "form_wrong", f"“{_short(value)}” không đúng dạng; {vi}", f"“{_short(value)}”: {en}")


def _check_number(value: Any, kind: inspect.IntType, path: str) -> Iterator[Fault]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield from _wrong_type(kind, path)
    elif (kind.ge is not None and value < kind.ge) or (kind.le is not None and value > kind.le):
        low, high = kind.ge, kind.le
        yield _fault(
            path,
            "number_out_of_range",
            f"{value} không nằm trong khoảng {low}–{high}",
            f"{value} is not {low} to {high}",
        )


def _check_choice(value: Any, choices: list[str], path: str) -> Iterator[Fault]:
    if isinstance(value, str) and value in choices:
        return
    vi, en = _meant(str(value), choices)
    shown = ", ".join(choices)
    yield _fault(
        path,
        "choice_unknown",
        f"“{_short(value)}” không có{vi}; chọn một trong: {shown}",
        f"there is no “{_short(value)}”{en}; choose one of: {shown}",
    )


def _check_date(value: Any, path: str) -> Iterator[Fault]:
    try:
        if isinstance(value, str) and _DATE.match(value):
            date.fromisoformat(value)
            return
    except ValueError:
        pass
    yield _fault(
        path,
        "date_wrong",
        f"“{_short(value)}” không phải là ngày; viết năm-tháng-ngày có thật, ví dụ 2026-11-21",
        f"“{_short(value)}” is no date; write year-month-day that exists, such as 2026-11-21",
    )


def _check_length(
    length: int, least: int | None, most: int | None, path: str, words: tuple[str, str]
) -> Iterator[Fault]:
    vi, en = words
    if least is not None and length < least:
        yield _fault(path, "too_few", f"cần ít nhất {least} {vi}", f"needs at least {least} {en}")
    if most is not None and length > most:
        yield _fault(path, "too_many", f"có {length} {vi}, nhiều nhất {most}", f"has {length} {en}; at most {most}")


def _unknown(path: str, name: str, known: list[str]) -> Fault:
    vi, en = _meant(name, known)
    shown = ", ".join(known)
    return _fault(
        path,
        "field_unknown",
        f"không có trường “{_short(name)}”{vi}; các trường: {shown}",
        f"there is no field “{_short(name)}”{en}; fields: {shown}",
    )


def _missing(path: str, name: str) -> Iterator[Fault]:
    yield _fault(f"{path}.{name}", "field_missing", f"thiếu trường “{name}”", f"the field “{name}” is missing")


def _wrong_type(kind: inspect.Type, path: str) -> Iterator[Fault]:
    vi, en = _NAMES[type(kind)]
    yield _fault(path, "type_wrong", f"ở đây phải là {vi}", f"must be {en}")


def _meant(written: str, known: list[str]) -> tuple[str, str]:
    """Did you mean: a guess where one word is near."""
    near = difflib.get_close_matches(written[:_SHOWN].lower(), known, 1)
    return (f" (có phải “{near[0]}”?)", f" (did you mean “{near[0]}”?)") if near else ("", "")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _fault(path: str, code: str, vi: str, en: str) -> Fault:
    return Fault(path.removeprefix("$.") or "$", code, vi, en)
