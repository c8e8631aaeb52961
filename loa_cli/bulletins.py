"""`loa bulletin`: write, submit, decide, place, take back. Whoever writes or decides names himself with `--as`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from loa_cli.bulletin_rules import rules
from loa_cli.bulletin_speaking import spoken
from loa_cli.bulletin_telling import (
    confirm_stops,
    field_of,
    level_of,
    state_of,
    tell_changed,
    tell_list,
    tell_placements,
    tell_whole,
    tell_withdrawal,
)
from loa_cli.instants import parse_instant
from loa_cli.intake import take_in
from loa_cli.line import Line, on_line
from loa_cli.reporting import print_json

bulletins = typer.Typer(help="Bulletins: write, submit, approve, place, withdraw.", no_args_is_help=True)
Bulletin = Annotated[str, typer.Argument(help="Id of a bulletin.")]
Person = Annotated[str, typer.Option("--as", envvar="LOA_PERSON", help="Id of the person who does it.")]
Why = Annotated[str, typer.Option(help="Why.")]
Speak = Annotated[
    bool, typer.Option("--speak", help="The unit's machine voice says what has a text and no sound; shown first.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Speak without asking whether the reading is right.")]
_MOST_CHARACTERS = 500_000


@bulletins.command("list")
@on_line
def list_bulletins(
    line: Line,
    unit: Annotated[str | None, typer.Option(help="A unit, with all below it.")] = None,
    state: Annotated[
        str | None, typer.Option(parser=state_of, metavar="STATE", help="“chờ duyệt” or in_review, “đã duyệt”, …")
    ] = None,
    field: Annotated[str | None, typer.Option(parser=field_of, metavar="FIELD", help="“Y tế” or health, …")] = None,
    language: Annotated[str | None, typer.Option(help="vi, hmn, km, …")] = None,
    source: Annotated[str | None, typer.Option(help="own, province, ministry or cap.")] = None,
    query: Annotated[str | None, typer.Option("--q", help="Words of it, with or without accents.")] = None,
) -> None:
    """Bulletins, the last changed first."""
    asked = {"unit": unit, "state": state, "field": field, "language": language, "source": source, "q": query}
    rows = line.client.get("/bulletins", {name: value for name, value in asked.items() if value is not None})
    if line.as_json:
        print_json(rows)
    else:
        tell_list(rows)


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
    tell_whole(row, history["steps"], ready)


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
    level: Annotated[
        str, typer.Option(parser=level_of, metavar="LEVEL", help="“ưu tiên” or priority, “thông thường” or normal.")
    ] = "normal",
    field: Annotated[str, typer.Option(parser=field_of, metavar="FIELD", help="“Y tế” or health, …")] = "other",
    essential: Annotated[bool, typer.Option("--essential", help="Essential information.")] = False,
    speak: Speak = False,
    yes: Yes = False,
) -> None:
    """Write a draft."""
    if speak and (sound or asset):
        raise typer.BadParameter("--speak makes the sound; leave --sound and --asset out")
    if machine and not asset:
        raise typer.BadParameter("--machine is about the sound of --asset; --speak has the text spoken")
    client = line.client
    client.act_for(person)
    if file is not None:
        document = _written(file)
    elif title is None:
        raise typer.BadParameter("give a --title, or the whole bulletin with --file")
    else:
        kind = "recording" if sound else "machine" if machine else "upload"
        said = {"unit": unit, "language": language, "origin": kind} | ({"text": text} if text else {})
        audio = take_in(client, sound, title, quiet=line.as_json, said=said) if sound else asset
        variant: dict[str, Any] = {"language": language, "text": text}
        variant |= {"audio": audio, "audio_kind": kind} if audio else {}
        variant |= {"board": {"long": board}} if board else {}
        facts = {"title": title, "level": level, "field": field, "essential": essential}
        document = {**facts, "variants": [variant]}
    if speak:
        document = spoken(line, unit, document, yes=yes)
    tell_changed(client.post("/bulletins", {"unit": unit, "document": document}), as_json=line.as_json)


@bulletins.command("edit")
@on_line
def edit(
    line: Line,
    bulletin: Bulletin,
    file: Annotated[Path, typer.Argument(help="The whole bulletin as YAML or JSON.", exists=True)],
    revision: Annotated[int, typer.Option(help="The revision it was made from.")],
    person: Person,
    note: Annotated[str, typer.Option(help="What changed.")] = "",
    speak: Speak = False,
    yes: Yes = False,
) -> None:
    """Make a new revision; what is approved stays on the air until this one is approved."""
    client = line.client
    client.act_for(person)
    document = _written(file)
    if speak:
        document = spoken(line, client.get(f"/bulletins/{bulletin}")["unit_id"], document, yes=yes)
    body = {"document": document, "expected_revision": revision, "note": note}
    tell_changed(client.put(f"/bulletins/{bulletin}", body), as_json=line.as_json)


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
    despite: Annotated[
        list[str] | None, typer.Option("--despite", help="A stop of its readiness, by its code, that may stand.")
    ] = None,
) -> None:
    """Let the revision that was read go on the air."""
    _decide(line, bulletin, "approve", person, {"revision": revision, "why": why, "despite": despite or []})


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
    line: Line,
    bulletin: Bulletin,
    why: Annotated[str, typer.Option(help="Why it comes off the air.")],
    person: Person,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, even where a session stops whole.")] = False,
) -> None:
    """Take it off the air at once; asks first where a session that sounds stops whole by it."""
    if not (yes or line.as_json):
        confirm_stops(line.client.get(f"/bulletins/{bulletin}/withdrawal")["would_stop"])
    _decide(line, bulletin, "withdraw", person, {"why": why})
    if not line.as_json:
        tell_withdrawal(line.client.get(f"/bulletins/{bulletin}/withdrawal"))


@bulletins.command("withdrawal")
@on_line
def withdrawal(line: Line, bulletin: Bulletin) -> None:
    """Which devices have not said that they let go of a withdrawn bulletin."""
    found = line.client.get(f"/bulletins/{bulletin}/withdrawal")
    if line.as_json:
        print_json(found)
    else:
        tell_withdrawal(found)


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
        tell_placements([made])


@bulletins.command("unplace")
@on_line
def unplace(
    line: Line, bulletin: Bulletin, placement: Annotated[str, typer.Argument(help="Id of the place.")], person: Person
) -> None:
    """Take one place back; what sounds there stops."""
    line.client.act_for(person)
    gone = line.client.delete(f"/bulletins/{bulletin}/placements/{placement}")
    if line.as_json:
        print_json(gone)
    else:
        tell_placements([gone])


bulletins.command("rules")(rules)


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
    tell_changed(line.client.post(f"/bulletins/{bulletin}/{step}", body), as_json=line.as_json)
