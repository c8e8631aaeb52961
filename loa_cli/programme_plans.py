"""A programme on its way to the controller: what it would change, as a plan people can read, and putting it in place.

Rules: what was read is named when it is saved, so that nobody overwrites what they have not seen; changes of single
days stay unless the file speaks of them; the same programme again changes nothing.
"""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import typer
from rich.table import Column, Table

from controller.handwritten.faults import FileInvalid
from controller.handwritten.files import MAX_CHARACTERS
from controller.schedules.files import load_programme, says_changes, write_programme
from controller.schedules.programme import ProgrammeFile
from loa_cli.client import ApiRefused, Client
from loa_cli.reporting import EXIT_ERROR, console, errors, local, print_json
from loa_protocol import hand_written

_WORDS = {"added": "thêm", "changed": "đổi", "withdrawn": "bỏ"}
_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """A programme as it should be, from a day on; `keep_changes`: those of single days stay as they are.

    `file` is the programme file it was read from, if it was: faults are told by its lines.
    """

    document: ProgrammeFile
    begin: date | None = None
    note: str = ""
    keep_changes: bool = True
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is wanted beside what there is; `revision` None: the programme is new."""

    wanted: Wanted
    document: ProgrammeFile
    before: ProgrammeFile | None
    revision: int | None
    retired: bool

    @property
    def path(self) -> str:
        """Where it is saved."""
        return f"/programmes/{quote(self.document.id, safe='')}"

    def body(self, expect: int | None = None) -> dict[str, Any]:
        """The request that saves it; `expect`: the revision it was decided upon, if that is another."""
        return {
            "document": msgspec.to_builtins(self.document),
            "from": self.wanted.begin.isoformat() if self.wanted.begin else None,
            "expected_revision": self.revision if expect is None else expect,
            "note": self.wanted.note,
        }

    def preview(self, client: Client) -> dict[str, Any]:
        """What saving it would do: the controller's preview with the lines that differ."""
        with _refusals_told(self.wanted):
            answer: dict[str, Any] = client.post(f"{self.path}/preview", self.body())
        return {
            "programme": self.document.id,
            "was": None if self.retired else self.revision,
            "new": self.revision is None,
            "lines": list(self.lines()),
            **answer,
        }

    def lines(self) -> Iterator[str]:
        """The lines of the file that differ from what is in force, as a unified diff."""
        before = "" if self.before is None or self.retired else write_programme(self.before)
        yield from difflib.unified_diff(
            before.splitlines(), write_programme(self.document).splitlines(), "bộ điều khiển", "tệp", lineterm="", n=2
        )


def wanted_of(file: Path, begin: date | None, note: str = "") -> Wanted:
    """A file, ready to be put in place; a wrong one is told in Vietnamese and ends the command with 1."""
    try:
        return Wanted(load_programme(file), begin, note, keep_changes=not says_changes(file), file=file)
    except FileInvalid as error:
        for fault in error.faults:
            errors.print(fault.told("vi"), highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(EXIT_ERROR) from error


def standing(client: Client, wanted: Wanted) -> Standing:
    """Look at what there is of the programme.

    Raises:
        ApiRefused, ApiUnreachable: it cannot be looked at.
    """
    document = wanted.document
    path = f"/programmes/{quote(document.id, safe='')}"
    try:
        found = client.get(path, {"on": wanted.begin.isoformat()} if wanted.begin else None)
    except ApiRefused as error:
        if error.problem_code != "programme_unknown":
            raise
        return Standing(wanted, document, None, None, retired=False)
    before = msgspec.convert(found["document"], ProgrammeFile)
    if wanted.keep_changes:
        sessions = {session.id for session in document.sessions}
        kept = tuple(change for change in before.changes if change.session in sessions)
        document = msgspec.structs.replace(document, changes=kept)
    return Standing(wanted, document, before, found["revision"], retired=found["retired_at"] is not None)


def current(client: Client, programme: str, day: date | None) -> ProgrammeFile:
    """A programme as of a day, today if none is named.

    Raises:
        ApiRefused, ApiUnreachable: it cannot be read.
    """
    answer = client.get(f"/programmes/{quote(programme, safe='')}", {"on": day.isoformat()} if day else None)
    return msgspec.convert(answer["document"], ProgrammeFile)


def put_in_place(client: Client, wanted: Wanted, *, expect: int | None = None, as_json: bool = False) -> None:
    """Save it and say what came of it; somebody else's newer revision ends the command with 1.

    Raises:
        ApiRefused, ApiUnreachable: it was not saved.
    """
    there = standing(client, wanted)
    try:
        with _refusals_told(wanted):
            answer: dict[str, Any] = client.put(there.path, there.body(expect))
    except ApiRefused as error:
        if error.problem_code != "programme_moved_on":
            raise
        errors.print(
            f"programme_moved_on: người khác vừa sửa chương trình {there.document.id}; chưa thay đổi gì. "
            "Xem lại bằng “loa schedule diff”, rồi làm lại.\n"
            f"{error}",
            highlight=False,
        )
        raise typer.Exit(EXIT_ERROR) from error
    changed = answer["revision"] != there.revision or there.retired
    if as_json:
        print_json({"programme": there.document.id, "was": there.revision, "changed": changed, **answer})
        return
    if not changed:
        console.print(f"{there.document.id}: không có gì thay đổi (bản {answer['revision']})", highlight=False)
    else:
        console.print(f"{there.document.id}: đã áp dụng, bản {answer['revision']}", highlight=False)
        _tell_effect(answer)
    _tell_objections(answer)
    _tell_conflicts(client.get(f"{there.path}/conflicts"))
    _tell_notes(answer)


@contextmanager
def _refusals_told(wanted: Wanted) -> Iterator[None]:
    """What only the controller knows to be wrong is told in Vietnamese, by the lines of the file, and ends with 1."""
    try:
        yield
    except ApiRefused as error:
        told = error.details.get("details")
        details: dict[str, Any] = told if isinstance(told, dict) else {}
        if not details.get("faults") and not details.get("vi"):
            raise
        errors.print(f"{error.problem_code}: chưa thay đổi gì.", highlight=False)
        for line in [*_faults(wanted, details.get("faults", [])), *filter(None, [details.get("vi")])]:
            errors.print(line, highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(EXIT_ERROR) from error


def _faults(wanted: Wanted, faults: list[dict[str, Any]]) -> Iterator[str]:
    written = hand_written.Written()
    if wanted.file is not None:
        text = wanted.file.read_text(encoding="utf-8-sig")
        written = hand_written.parse(text, most_characters=MAX_CHARACTERS)
    located = [(written.line_of(f"$.{fault['field']}"), fault) for fault in faults]
    for line, fault in sorted(located, key=lambda one: one[0]):
        where = f"{wanted.file}, dòng {line}, " if wanted.file else ""
        yield f"{where}{fault['field']}: {fault['vi']} [{fault.get('code', '')}]"


def tell_plan(plan: dict[str, Any]) -> None:
    """A preview for people."""
    if plan["new"]:
        console.print(f"{plan['programme']}: chương trình mới", highlight=False, markup=False)
    else:
        console.print(f"{plan['programme']}: đang ở bản {plan['was']}", highlight=False, markup=False)
    for line in plan["lines"]:
        style = _STYLES.get(line[:1])
        console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
    if not plan["lines"]:
        console.print("Không có gì thay đổi.", highlight=False)
    _tell_effect(plan)
    _tell_touches(plan["touches"])
    _tell_objections(plan)
    _tell_conflicts(plan["displaced"])
    _tell_lengths(plan["occurrences"])
    _tell_notes(plan)


def _tell_effect(answer: dict[str, Any]) -> None:
    effect = answer["effect"]
    counted = ", ".join(f"{words} {effect[name]}" for name, words in _WORDS.items())
    console.print(f"Lượt phát: {counted}; {effect['devices']} thiết bị", highlight=False)
    urgent = answer.get("urgent")
    if urgent:
        reached = f"{urgent['connected']} thiết bị kịp nhận, {urgent['away']} thiết bị đang mất kết nối thì không"
        said = f"{len(urgent['occurrences'])} lượt bắt đầu trong vòng một phút: {reached}."
        console.print(said, style="yellow", highlight=False)


def _tell_touches(touches: list[dict[str, Any]]) -> None:
    if not touches:
        return
    table = Table(Column("", no_wrap=True), Column("Bắt đầu", no_wrap=True), "Buổi", "Trước đây", "Nơi phát")
    for one in touches[:_SHOWN]:
        before = local(one["before"]) if one["before"] and one["before"] != one["start"] else ""
        what = _WORDS.get(one["what"], one["what"])
        table.add_row(what, local(one["start"]), one["title"], before, ", ".join(one["scopes"]))
    console.print(table)
    if len(touches) > _SHOWN:
        console.print(f"… và {len(touches) - _SHOWN} lượt nữa (--json để xem)", highlight=False)


def _tell_objections(plan: dict[str, Any]) -> None:
    for one, more in _once(plan.get("violations", [])):
        others = f" (và {more} lượt khác của chương trình cũng vậy)" if more else ""
        console.print(f"Quy định phát: {one['vi']}{others}", style="yellow", highlight=False, markup=False)


def _tell_conflicts(displaced: list[dict[str, Any]]) -> None:
    """What loses to what, once for each sentence."""
    alike: dict[tuple[bool, str], list[dict[str, Any]]] = {}
    for one in displaced:
        alike.setdefault((one["own"], one["vi"]), []).append(one)
    for (own, said), found in alike.items():
        heading = "Trùng giờ" if own else "Thay chỗ"
        others = f", và {len(found) - 1} lượt khác trong tuần" if len(found) > 1 else ""
        when = f"({local(found[0]['begin'])}{others})"
        console.print(f"{heading}: {said} {when}", style="yellow", highlight=False, markup=False, soft_wrap=True)


def _once(objections: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """The first of those that differ in their day only, with how many follow; only of what plays all the same."""
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for number, one in enumerate(objections):
        name = (one["title"], one["rule"], one["scope"], one["lowered"], one["devices"])
        alike.setdefault(name if one["effect"] == "noted" else (number,), []).append(one)
    yield from ((found[0], len(found) - 1) for found in alike.values())


def _tell_lengths(occurrences: list[dict[str, Any]]) -> None:
    """What is over or empty, once a session."""
    seen: set[str] = set()
    for one in occurrences:
        if one["session"] in seen or not (one["over_ms"] or one["missing"]):
            continue
        seen.add(one["session"])
        over = f"dài hơn dự kiến {one['over_ms'] / 1000:.0f} giây" if one["over_ms"] else ""
        missing = f"thiếu âm thanh {', '.join(one['missing'])}" if one["missing"] else ""
        said = "; ".join(part for part in (over, missing) if part)
        console.print(f"Buổi {one['session']}: {said}", style="yellow", highlight=False, markup=False)


def _tell_notes(answer: dict[str, Any]) -> None:
    for note in answer["notes"]:
        console.print(f"Lưu ý: {note['vi']}", highlight=False, markup=False)
