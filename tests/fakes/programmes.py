"""Small programmes for tests: a document of the fields that matter, the rest as a commune has it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from controller.schedules.programme import Change, ProgrammeFile
from controller.schedules.rules import Occurrence, Revision, Series, changes_of

MINUTE = {"kind": "pause", "duration_ms": 60_000}


def session(name: str = "sang", at: str = "05:00", **fields: Any) -> dict[str, Any]:
    return {"id": name, "title": f"Buổi {name}", "at": at, "segments": [MINUTE], **fields}


def programme(*sessions: Mapping[str, Any], **fields: Any) -> ProgrammeFile:
    document = {
        "format": "loa.programme.v1",
        "id": "p-xa",
        "title": "Chương trình",
        "unit": "xa-an-binh",
        "valid_from": "2026-01-01",
        "sessions": sessions or [session()],
    }
    return msgspec.convert({**document, **fields}, ProgrammeFile)


def change(occurrence: str, name: str = "sang", **fields: Any) -> Change:
    return msgspec.convert({"session": name, "occurrence": occurrence, **fields}, Change)


def series(*revisions: tuple[int, str, ProgrammeFile], changes: tuple[Change, ...] = ()) -> Series:
    made = (Revision(number, date.fromisoformat(day), document) for number, day, document in revisions)
    return Series("p-xa", tuple(made), changes_of(changes))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(occurrences: list[Occurrence]) -> list[str]:
    """`original local begin → start in UTC` of each, in order."""
    return [f"{one.key[1]} {one.key[2]} {one.start:%Y-%m-%dT%H:%M}" for one in occurrences]
