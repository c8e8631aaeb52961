"""Programmes as files: read with every mistake told at once, written so that reading gives the same programme again.

Rules: a file is taken whole or refused whole; each fault has file, line, field, a stable code and what to write instead
in Vietnamese and English; files are bounded before they are looked at; the fields of a written file stand in the order
of the models, so that two versions can be compared line by line. No clock and no database is asked here.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from controller.schedules import rules, structure
from controller.schedules.fault_texts import Fault
from controller.schedules.programme import ProgrammeFile
from loa_protocol import hand_written
from loa_protocol.errors import LoaError

MAX_CHARACTERS = 1024 * 1024
T = TypeVar("T", bound=msgspec.Struct)
_WIDTH = 120
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?\Z")

_VI = {
    "too_large": f"tệp có hơn {MAX_CHARACTERS} ký tự; chia thành nhiều chương trình",
    "not_yaml": "không phải YAML: xem lại dấu hai chấm, dấu ngoặc và khoảng trắng đầu dòng",
    "alias": "không dùng & và *; hãy viết đầy đủ",
    "too_deep": "các trường lồng nhau quá sâu",
    "tag": "không dùng thẻ bắt đầu bằng dấu !",
    "no_word": "tên trường phải là một từ",
    "twice": "trường này viết hai lần; bỏ một",
    "value": "giá trị sai",
}


@dataclass(frozen=True, slots=True)
class FileFault:
    """One mistake of a file; `line` counts from 1."""

    file: str
    line: int
    field: str
    code: str
    vi: str
    en: str

    def told(self, lang: str = "en") -> str:
        """The fault as one line for people."""
        where = f"{self.file}, dòng {self.line}" if lang == "vi" else f"{self.file}, line {self.line}"
        return f"{where}, {self.field}: {self.vi if lang == 'vi' else self.en} [{self.code}]"


class ScheduleInvalid(LoaError):
    """A programme file cannot be used; `faults` has every reason, `details` the first one and all of them as data."""

    code = "schedule_invalid"

    def __init__(self, faults: Sequence[FileFault]) -> None:
        first = faults[0]
        super().__init__(
            "\n".join(fault.told() for fault in faults),
            file=first.file,
            line=first.line,
            field=first.field,
            faults=[asdict(fault) for fault in faults],
        )
        self.faults = tuple(faults)


def load_programme(path: Path) -> ProgrammeFile:
    """Read and check a programme file.

    Raises:
        ScheduleInvalid: not there, not readable, or wrong: with every fault and its line.
    """
    return read_programme(_load(path), str(path))


def load_shaped(path: Path, model: type[T]) -> T:
    """Read a file of another model, as far as its shape goes; faults are told in the same words.

    Raises:
        ScheduleInvalid: not there, not readable, or of another shape: with every fault and its line.
    """
    return _shaped(_load(path), str(path), model)[1]


def _load(path: Path) -> str:
    name = str(path)
    try:
        with path.open("rb") as opened:
            raw = opened.read(4 * MAX_CHARACTERS + 1)
        text = raw.decode("utf-8-sig") if len(raw) <= 4 * MAX_CHARACTERS else " " * (MAX_CHARACTERS + 1)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        vi, en = "không phải UTF-8; hãy lưu lại dạng UTF-8", "not UTF-8; save it again as UTF-8"
        raise ScheduleInvalid([FileFault(name, line, "$", "not_utf8", vi, en)]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        vi, en = f"không đọc được tệp ({reason}); xem lại tên tệp", f"cannot be read ({reason}); check its name"
        raise ScheduleInvalid([FileFault(name, 1, "$", "file_unreadable", vi, en)]) from error
    return text


def read_programme(text: str, name: str = "programme.yaml") -> ProgrammeFile:
    """Read and check the text of a programme file; `name` stands in messages.

    Raises:
        ScheduleInvalid: with every fault and its line.
    """
    written, programme = _shaped(text, name, ProgrammeFile)
    found = rules.faults(programme)
    if found:
        raise ScheduleInvalid(sorted((_located(name, written, fault) for fault in found), key=lambda one: one.line))
    return programme


def _shaped(text: str, name: str, model: type[T]) -> tuple[hand_written.Written, T]:
    try:
        written = hand_written.parse(text, most_characters=MAX_CHARACTERS)
    except hand_written.HandWrittenInvalid as error:
        raise ScheduleInvalid([_unread(name, error)]) from error
    found = [_unread(name, error) for error in written.refused]
    shape = structure.faults(written.data, model)
    if not found and not shape:
        return written, msgspec.convert(written.data, model)
    found += [_located(name, written, fault) for fault in shape if fault.field not in {one.field for one in found}]
    raise ScheduleInvalid(sorted(found, key=lambda fault: fault.line))


def says_changes(path: Path) -> bool:
    """Whether a good file speaks of single days at all; `changes: []` does, and means that there are none."""
    data = hand_written.parse(path.read_text(encoding="utf-8-sig"), most_characters=MAX_CHARACTERS).data
    return isinstance(data, dict) and "changes" in data


def same_id_twice(loaded: Iterable[tuple[str, ProgrammeFile]]) -> list[FileFault]:
    """Faults of files that are good one by one: two programmes with one id."""
    first: dict[str, str] = {}
    found = []
    for name, programme in loaded:
        before = first.setdefault(programme.id, name)
        if before != name:
            vi, en = f"mã này đã dùng trong {before}", f"this id is used in {before} too"
            found.append(FileFault(name, 1, "id", "id_twice", vi, en))
    return found


def write_programme(programme: ProgrammeFile, heading: str = "") -> str:
    """The programme as the text of a file; `heading` becomes comment lines above it."""
    data = msgspec.to_builtins(programme, builtin_types=(date,))
    body = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None)
    return "".join(f"# {line}\n" for line in heading.splitlines()) + body


def programme_schema() -> dict[str, Any]:
    """The JSON schema of a programme file, as `schedules/programme.schema.json` holds it."""
    schema: dict[str, Any] = json.loads(msgspec.json.encode(msgspec.json.schema(ProgrammeFile)))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


class _Dumper(yaml.SafeDumper):
    """Lists stand further right than what holds them, and times are quoted, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - equal parts are written out
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _TIME.match(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def _unread(name: str, error: hand_written.HandWrittenInvalid) -> FileFault:
    return FileFault(name, error.line, error.field, error.what, _VI[error.what], error.reason)


def _located(name: str, written: hand_written.Written, fault: Fault) -> FileFault:
    path = "$" if fault.field == "$" else f"$.{fault.field}"
    return FileFault(name, written.line_of(path), fault.field, fault.code, fault.vi, fault.en)
