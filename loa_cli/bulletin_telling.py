"""How bulletins look on a terminal of 80 columns: ids whole, names instead of ids, local times, words in Vietnamese."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from loa_cli.reporting import console, local, print_json, styled

_POINT_STYLES = {"stop": "red", "warning": "yellow"}
_VOICE_WORDS = {"engine": "bộ đọc", "voice": "giọng", "speed": "tốc độ"}


def key_of(words: Mapping[Any, str], text: str) -> str:
    """The stable key of a word as people read it, with or without accents, or of the key itself.

    Raises:
        typer.BadParameter: it is none of them.
    """
    from controller.library.folding import fold

    wanted = fold(text).strip()
    for key, shown in words.items():
        if text.strip() == key or wanted == fold(shown):
            return str(key)
    listed = ", ".join(f"{shown} ({key})" for key, shown in words.items())
    raise typer.BadParameter(f"“{text}” is none of: {listed}")


def state_of(text: str) -> str:
    """A state as `key_of`."""
    from controller.bulletins.words import STATES

    return key_of(STATES, text)


def field_of(text: str) -> str:
    """A field as `key_of`."""
    from controller.bulletins.words import FIELDS

    return key_of(FIELDS, text)


def level_of(text: str) -> str:
    """A level as `key_of`."""
    from controller.bulletins.words import LEVELS

    return key_of(LEVELS, text)


def tell_list(rows: Sequence[Mapping[str, Any]]) -> None:
    """A row a bulletin: its whole id, what it is, how it stands."""
    from controller.bulletins.words import FIELDS, SOURCES, STATES

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Mã", no_wrap=True)
    table.add_column("Bản tin", overflow="fold")
    table.add_column("Tình trạng", overflow="fold")
    for row in rows:
        facts = [FIELDS[row["field"]], f"bản {row['revision']}", " ".join(row["languages"])]
        facts.append(f"sửa {local(row['changed_at'])}")
        state = STATES[row["state"]] + ("" if row["author_id"] else f" ({SOURCES[row['source']]})")
        what = Text.assemble(row["title"], "\n", (" · ".join(filter(None, facts)), "dim"))
        table.add_row(row["id"], what, styled(state, "green" if row["approved_revision"] else "dim"))
    console.print(table)


def tell_changed(row: Mapping[str, Any], *, as_json: bool) -> None:
    """One line on a bulletin that was just changed."""
    from controller.bulletins.words import STATES

    if as_json:
        print_json(row)
        return
    console.print(f"{row['id']} “{row['title']}”: bản {row['revision']}, {STATES[row['state']]}", highlight=False)


def tell_whole(row: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], ready: Mapping[str, Any]) -> None:
    """Everything an approver decides on: what is said, spoken and shown, where, who did what, what to look at."""
    _tell_head(row)
    _tell_document(row["document"])
    number = row["approved_revision"]
    if number is not None and number != row["revision"]:
        console.print(styled(f"\nĐang trên sóng là bản {number}:", "bold"))
        _tell_document(row["approved_document"])
    if row["placements"]:
        console.print(styled("\nNơi phát", "bold"))
        tell_placements(row["placements"])
    _tell_steps(steps, row["placements"])
    for point in ready["points"]:
        code = f" [{point['code']}]" if point["weight"] == "stop" else ""  # what `approve --despite` takes
        console.print(styled(f"• {point['vi']}{code}", _POINT_STYLES[point["weight"]]), highlight=False)


def tell_placements(placements: Sequence[Mapping[str, Any]]) -> None:
    """Where it goes, and each start that it missed."""
    from controller.bulletins.words import PLACEMENTS

    for one in placements:
        console.print(f"{one['id']}: {_place(one)}: {PLACEMENTS[one['state']]}", highlight=False)
        for miss in one["misses"]:
            instead = "có nội dung thay thế" if _stood_in(miss) else "không có gì phát thay"
            console.print(styled(f"  {local(miss['start'])} không phát vì chưa duyệt; {instead}", "yellow"))


def tell_withdrawal(found: Mapping[str, Any]) -> None:
    """On how many devices it may still play, and on which."""
    console.print(styled(found["vi"], "yellow" if found["unconfirmed"] else "green"), highlight=False)
    for one in found["doubtful"]:
        state = "đang kết nối" if one["online"] else "mất kết nối"
        console.print(f"  {one['device_id']} {one['name']} ({state})", highlight=False)
    for one in found["stopped"]:
        console.print(f"  Đã dừng hẳn buổi phát “{one['title']}” lúc {local(one['start'])}.", highlight=False)


def confirm_stops(sessions: Sequence[Mapping[str, Any]]) -> None:
    """Name the sessions that stop whole if a bulletin is taken back now, and ask whether they may."""
    for one in sessions:
        said = f"Buổi phát “{one['title']}” lúc {local(one['start'])} có bản tin này và sẽ dừng hẳn, cả phần còn lại."
        console.print(styled(said, "yellow"), highlight=False)
    if sessions:
        typer.confirm("Thu hồi?", abort=True)


def _tell_head(row: Mapping[str, Any]) -> None:
    from controller.bulletins.words import FIELDS, LEVELS, SOURCES, STATES

    console.print(styled(row["title"], "bold"))
    facts = [FIELDS[row["field"]], LEVELS[row["level"]], STATES[row["state"]], f"bản {row['revision']}", row["unit_id"]]
    facts += [f"nguồn {SOURCES[row['source']]}: {row['source_ref']}"] if row["author_id"] is None else []
    facts += ["thông tin thiết yếu"] if row["essential"] else []
    console.print(" · ".join(facts), highlight=False)
    begin, end = row["valid_from"], row["valid_until"]
    if begin or end:
        since = f"từ {local(begin)}" if begin else "từ khi duyệt"
        console.print(f"Có hiệu lực {since} {f'đến {local(end)}' if end else 'không thời hạn'}", highlight=False)


def _tell_document(document: Mapping[str, Any]) -> None:
    if document.get("agency"):
        console.print(f"Cơ quan: {document['agency']}", highlight=False)
    for one in document.get("variants", []):
        for line in _variant(one):
            console.print(line, highlight=False)


def _variant(one: Mapping[str, Any]) -> Iterator[str]:
    from controller.bulletins.words import AUDIO_KINDS
    from controller.units.languages import BY_CODE

    name = f"Tiếng {BY_CODE[one['language']].vi}" if one["language"] in BY_CODE else one["language"]
    yield f"{name}: {one.get('text') or '(không có văn bản)'}"
    reading = one.get("reading")
    if reading and reading != one.get("text"):
        yield f"  lời đọc: {reading}"
    if one.get("audio"):
        yield f"  âm thanh ({AUDIO_KINDS[one['audio_kind']]}{_voice(one.get('voice', {}))}): {one['audio']}"
    yield from _board(one.get("board") or {})


def _voice(facts: Mapping[str, Any]) -> str:
    told = [f"{word} {facts[key]}" for key, word in _VOICE_WORDS.items() if facts.get(key)]
    return f", {', '.join(told)}" if told else ""


def _board(board: Mapping[str, Any]) -> Iterator[str]:
    layout = "chạy chữ" if board.get("layout") == "scroll" else "từng trang"
    for key, words in (("long", f"bảng tin ({layout})"), ("short", "bảng tin, lời ngắn")):
        if board.get(key):
            yield f"  {words}: {board[key]}"
    for key, words in (("image", "ảnh trên bảng"), ("video", "video trên bảng")):
        if board.get(key):
            yield f"  {words}: {board[key]}"


def _place(one: Mapping[str, Any]) -> str:
    where = f"buổi phát của {one['slot_unit_id']}" if one["slot_unit_id"] else ", ".join(one["scopes"])
    when = local(one["start"]) if one["start"] else ("" if one["slot_unit_id"] else "ngay khi duyệt")
    return f"{where} {when}".rstrip()


def _stood_in(miss: Mapping[str, Any]) -> bool:
    return bool(miss["fallback_broadcast_id"] or miss["fallback_slot_item_id"])


def _tell_steps(steps: Sequence[Mapping[str, Any]], placements: Sequence[Mapping[str, Any]]) -> None:
    from controller.bulletins.words import STEPS

    places = {one["id"]: _place(one) for one in placements}
    table = Table("Lúc", "Việc", "Bản", "Người", "Lý do", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for one in steps:
        who = one["person"] or ("hệ thống" if one["person_id"] is None else one["person_id"])
        who += f" (thay {one['for_person']})" if one["for_person"] else ""
        who += " (tự duyệt theo quy định của đơn vị)" if one["by_rule"] else ""
        who += f" (dù: {', '.join(one['despite'])})" if one["despite"] else ""
        table.add_row(local(one["at"]), STEPS[one["step"]], str(one["revision"]), who, _reason(one["why"], places))
    console.print(table)


def _reason(why: str, places: Mapping[str, str]) -> str:
    """What a step keeps as its reason: a place by where it is, a start as a local time, else as somebody wrote it."""
    if why in places:
        return places[why]
    try:
        instant = datetime.fromisoformat(why)
    except ValueError:
        return why
    return local(why) if instant.tzinfo is not None else why
