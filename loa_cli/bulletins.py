"""`loa bulletin`: write, submit, decide, place, take back. Whoever writes or decides names himself with `--as`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from loa_cli.instants import parse_instant
from loa_cli.intake import take_in
from loa_cli.line import Line, on_line
from loa_cli.reporting import console, local, print_json, styled

bulletins = typer.Typer(help="Bulletins: write, submit, approve, place, withdraw.", no_args_is_help=True)
Bulletin = Annotated[str, typer.Argument(help="Id of a bulletin.")]
Person = Annotated[str, typer.Option("--as", envvar="LOA_PERSON", help="Id of the person who does it.")]
Why = Annotated[str, typer.Option(help="Why.")]
_MOST_CHARACTERS = 500_000
_POINT_STYLES = {"stop": "red", "warning": "yellow"}


@bulletins.command("list")
@on_line
def list_bulletins(
    line: Line,
    unit: Annotated[str | None, typer.Option(help="A unit, with all below it.")] = None,
    state: Annotated[str | None, typer.Option(help="draft, in_review, approved, withdrawn or expired.")] = None,
    field: Annotated[str | None, typer.Option(help="health, weather, security, …")] = None,
    language: Annotated[str | None, typer.Option(help="vi, hmn, km, …")] = None,
    source: Annotated[str | None, typer.Option(help="own, province, ministry or cap.")] = None,
    query: Annotated[str | None, typer.Option("--q", help="Words of it, with or without accents.")] = None,
) -> None:
    """Bulletins, the last changed first."""
    from controller.bulletins.words import FIELDS, SOURCES, STATES

    asked = {"unit": unit, "state": state, "field": field, "language": language, "source": source, "q": query}
    rows = line.client.get("/bulletins", {name: value for name, value in asked.items() if value is not None})
    if line.as_json:
        print_json(rows)
        return
    table = Table("Mã", "Tiêu đề", "Lĩnh vực", "Tình trạng", "Bản", "Tiếng", "Sửa lúc")
    for row in rows:
        words = STATES[row["state"]]
        words += "" if row["author_id"] else f" ({SOURCES[row['source']]})"
        table.add_row(
            row["id"],
            row["title"],
            FIELDS[row["field"]],
            styled(words, "green" if row["approved_revision"] else "dim"),
            str(row["revision"]),
            " ".join(row["languages"]),
            local(row["changed_at"]),
        )
    console.print(table)


@bulletins.command("show")
@on_line
def show(line: Line, bulletin: Bulletin) -> None:
    """One bulletin: what it says, its steps, where it goes, and what to know before it goes on air."""
    row = line.client.get(f"/bulletins/{bulletin}")
    history = line.client.get(f"/bulletins/{bulletin}/history")
    ready = line.client.get(f"/bulletins/{bulletin}/readiness")
    if line.as_json:
        print_json({**row, "steps": history["steps"], "readiness": ready})
        return
    _tell_document(row)
    _tell_steps(history["steps"])
    _tell_placements(row["placements"])
    for point in ready["points"]:
        console.print(styled(f"• {point['vi']}", _POINT_STYLES[point["weight"]]), highlight=False)


@bulletins.command("new")
@on_line
def new(
    line: Line,
    unit: Annotated[str, typer.Option(help="Whose bulletin it is.")],
    person: Person,
    title: Annotated[str | None, typer.Option(help="Needed without --file.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="The whole bulletin as YAML or JSON, for several languages.", exists=True)
    ] = None,
    text: Annotated[str, typer.Option(help="What is said.")] = "",
    sound: Annotated[Path | None, typer.Option(help="A recording, as a sound file.", exists=True)] = None,
    asset: Annotated[str | None, typer.Option(help="Or a sound of the library: its id.")] = None,
    machine: Annotated[bool, typer.Option("--machine", help="The sound of --asset is machine speech.")] = False,
    language: Annotated[str, typer.Option(help="Of text and sound.")] = "vi",
    board: Annotated[str, typer.Option(help="What boards show.")] = "",
    level: Annotated[str, typer.Option(help="normal or priority.")] = "normal",
    field: Annotated[str, typer.Option(help="health, weather, security, …")] = "other",
    essential: Annotated[bool, typer.Option("--essential", help="Essential information.")] = False,
) -> None:
    """Write a draft."""
    client = line.client
    client.act_for(person)
    if file is not None:
        document = _written(file)
    elif title is None:
        raise typer.BadParameter("give a --title, or the whole bulletin with --file")
    else:
        kind = "recording" if sound else "machine" if machine else "upload"
        audio = take_in(client, sound, title, quiet=line.as_json) if sound else asset
        variant: dict[str, Any] = {"language": language, "text": text}
        variant |= {"audio": audio, "audio_kind": kind} if audio else {}
        variant |= {"board": {"long": board}} if board else {}
        facts = {"title": title, "level": level, "field": field, "essential": essential}
        document = {**facts, "variants": [variant]}
    _tell(line, client.post("/bulletins", {"unit": unit, "document": document}))


@bulletins.command("edit")
@on_line
def edit(
    line: Line,
    bulletin: Bulletin,
    file: Annotated[Path, typer.Argument(help="The whole bulletin as YAML or JSON.", exists=True)],
    revision: Annotated[int, typer.Option(help="The revision it was made from.")],
    person: Person,
    note: Annotated[str, typer.Option(help="What changed.")] = "",
) -> None:
    """Make a new revision; what is approved stays on the air until this one is approved."""
    client = line.client
    client.act_for(person)
    body = {"document": _written(file), "expected_revision": revision, "note": note}
    _tell(line, client.put(f"/bulletins/{bulletin}", body))


@bulletins.command("submit")
@on_line
def submit(line: Line, bulletin: Bulletin, person: Person, why: Why = "") -> None:
    """Send it to review."""
    _decide(line, bulletin, "submit", person, {"why": why})


@bulletins.command("approve")
@on_line
def approve(
    line: Line,
    bulletin: Bulletin,
    revision: Annotated[int, typer.Option(help="The revision that was read.")],
    person: Person,
    why: Why = "",
) -> None:
    """Let the revision that was read go on the air."""
    _decide(line, bulletin, "approve", person, {"revision": revision, "why": why})


@bulletins.command("return")
@on_line
def give_back(
    line: Line, bulletin: Bulletin, why: Annotated[str, typer.Option(help="What to change.")], person: Person
) -> None:
    """Give it back to its author."""
    _decide(line, bulletin, "return", person, {"why": why})


@bulletins.command("withdraw")
@on_line
def withdraw(
    line: Line, bulletin: Bulletin, why: Annotated[str, typer.Option(help="Why it comes off the air.")], person: Person
) -> None:
    """Take it off the air at once."""
    _decide(line, bulletin, "withdraw", person, {"why": why})
    if not line.as_json:
        _tell_withdrawal(line.client.get(f"/bulletins/{bulletin}/withdrawal"))


@bulletins.command("withdrawal")
@on_line
def withdrawal(line: Line, bulletin: Bulletin) -> None:
    """Which devices have not said that they let go of a withdrawn bulletin."""
    found = line.client.get(f"/bulletins/{bulletin}/withdrawal")
    if line.as_json:
        print_json(found)
    else:
        _tell_withdrawal(found)


@bulletins.command("place")
@on_line
def place(
    line: Line,
    bulletin: Bulletin,
    person: Person,
    slot: Annotated[str | None, typer.Option(help="In the slots of this unit.")] = None,
    to: Annotated[list[str] | None, typer.Option("--to", help="Or to u-<unit>, g-<group>, d-<device>.")] = None,
    at: Annotated[str | None, typer.Option(help="+30s, 17h30, “21/11/2026 17:00”; default: when approved.")] = None,
    volume: Annotated[int, typer.Option(min=0, max=100)] = 70,
    repeats: Annotated[int, typer.Option(min=1, max=20)] = 1,
    chime: Annotated[bool, typer.Option(help="A chime before it.")] = True,
    board_s: Annotated[int, typer.Option(help="How long boards show it, in seconds.")] = 60,
    fallback: Annotated[
        str | None, typer.Option(help="What plays if it is not approved in time: a sound's id.")
    ] = None,
) -> None:
    """Say where it goes on air; it does so as soon as it is approved."""
    client = line.client
    client.act_for(person)
    start = parse_instant(at, datetime.now(UTC)) if at else None  # noqa: TID251 - the person's own clock
    body = {
        "slot": slot,
        "to": to or [],
        "start": start.isoformat() if start else None,
        "volume": volume,
        "repeats": repeats,
        "chime": chime,
        "board_s": board_s,
        "fallback_asset": fallback,
    }
    made = client.post(f"/bulletins/{bulletin}/placements", body)
    if line.as_json:
        print_json(made)
    else:
        _tell_placements([made])


def _written(file: Path) -> dict[str, Any]:
    """A bulletin as a person wrote it; what is wrong within is told by the controller."""
    from controller.bulletins.document import BulletinInvalid
    from loa_protocol import hand_written

    try:
        found = hand_written.parse(file.read_text(encoding="utf-8-sig"), most_characters=_MOST_CHARACTERS)
    except (OSError, UnicodeDecodeError, hand_written.HandWrittenInvalid) as error:
        raise BulletinInvalid(f"{file} cannot be read as YAML: {error}") from error
    if found.refused or not isinstance(found.data, dict):
        reason = found.refused[0] if found.refused else "fields with their values are expected"
        raise BulletinInvalid(f"{file} is no bulletin: {reason}")
    return found.data


def _decide(line: Line, bulletin: str, step: str, person: str, body: dict[str, Any]) -> None:
    line.client.act_for(person)
    _tell(line, line.client.post(f"/bulletins/{bulletin}/{step}", body))


def _tell(line: Line, row: dict[str, Any]) -> None:
    from controller.bulletins.words import STATES

    if line.as_json:
        print_json(row)
        return
    console.print(f"{row['id']} “{row['title']}”: bản {row['revision']}, {STATES[row['state']]}", highlight=False)


def _tell_document(row: dict[str, Any]) -> None:
    from controller.bulletins.words import AUDIO_KINDS, FIELDS, LEVELS, SOURCES, STATES

    document = row["document"]
    console.print(styled(row["title"], "bold"))
    facts = [FIELDS[row["field"]], LEVELS[row["level"]], STATES[row["state"]], f"bản {row['revision']}"]
    facts += [f"nguồn {SOURCES[row['source']]}: {row['source_ref']}"] if row["author_id"] is None else []
    facts += ["thông tin thiết yếu"] if row["essential"] else []
    console.print(" · ".join(facts), highlight=False)
    for one in document.get("variants", []):
        sound = f" [{AUDIO_KINDS[one['audio_kind']]}: {one['audio']}]" if one.get("audio") else ""
        console.print(f"{one['language']}{sound}: {one.get('text', '')}", highlight=False)


def _tell_steps(steps: list[dict[str, Any]]) -> None:
    from controller.bulletins.words import STEPS

    table = Table("Lúc", "Việc", "Bản", "Người", "Lý do")
    for one in steps:
        who = one["person"] or ("hệ thống" if one["person_id"] is None else one["person_id"])
        who += f" (thay {one['for_person']})" if one["for_person"] else ""
        who += " (tự duyệt theo quy định của đơn vị)" if one["by_rule"] else ""
        table.add_row(local(one["at"]), STEPS[one["step"]], str(one["revision"]), who, one["why"])
    console.print(table)


def _tell_placements(placements: list[dict[str, Any]]) -> None:
    from controller.bulletins.words import PLACEMENTS

    for one in placements:
        where = f"buổi phát của {one['slot_unit_id']}" if one["slot_unit_id"] else ", ".join(one["scopes"])
        when = local(one["start"]) if one["start"] else ("" if one["slot_unit_id"] else "ngay khi duyệt")
        said = f"{one['id']}: {where} {when}".rstrip()
        console.print(f"{said}: {PLACEMENTS[one['state']]}", highlight=False)


def _tell_withdrawal(found: dict[str, Any]) -> None:
    style = "yellow" if found["unconfirmed"] else "green"
    console.print(styled(found["vi"], style), highlight=False)
    for one in found["doubtful"]:
        state = "đang kết nối" if one["online"] else "mất kết nối"
        console.print(f"  {one['device_id']} {one['name']} ({state})", highlight=False)
