"""Programmes as files: read with every mistake told at once, written so that reading gives the same programme again.

Rules: a file is taken whole or refused whole; each fault has file, line, field, a stable code and what to write instead
in Vietnamese and English; files are bounded before they are looked at; the fields of a written file stand in the order
of the models, so that two versions can be compared line by line. No clock and no database is asked here.
"""

import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import yaml

from controller.handwritten import files
from controller.handwritten.faults import FileFault, FileInvalid
from controller.schedules import rules
from controller.schedules.programme import ProgrammeFile
from loa_protocol import hand_written

_WIDTH = 120
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?\Z")


def load_programme(path: Path) -> ProgrammeFile:
    """Read and check a programme file.

    Raises:
        FileInvalid: not there, not readable, or wrong: with every fault and its line.
    """
    return read_programme(files.text_of(path), str(path))


def read_programme(text: str, name: str = "programme.yaml") -> ProgrammeFile:
    """Read and check the text of a programme file; `name` stands in messages.

    Raises:
        FileInvalid: with every fault and its line.
    """
    written, programme = files.shaped(text, name, ProgrammeFile)
    found = rules.faults(programme)
    if found:
        raise FileInvalid(sorted((files.located(name, written, fault) for fault in found), key=lambda one: one.line))
    return programme


def says_changes(path: Path) -> bool:
    """Whether a good file speaks of single days at all; `changes: []` does, and means that there are none."""
    data = hand_written.parse(path.read_text(encoding="utf-8-sig"), most_characters=files.MAX_CHARACTERS).data
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
