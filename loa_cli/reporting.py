"""How the command line shows data: tables for people, JSON for programs, errors with their stable code.

Whatever is in a name, a title or what a device says: on the terminal it is text and gives no orders.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import typer
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from loa_cli.instants import ZONE
from loa_protocol.errors import LoaError
from loa_protocol.lines import ORDERS

_STANDS_FOR_IT = "\ufffd"


def harmless(text: str) -> str:
    """The text with a sign in place of each order to a terminal."""
    return ORDERS.sub(_STANDS_FOR_IT, text)


class PlainConsole(Console):
    """A console on which orders come from ourselves only, never from what is shown."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Before it is measured, so that tables stay straight."""
        return super().render_str(harmless(text), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Also what is a text already."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=harmless(segment.text))


console = PlainConsole(markup=False)  # titles and names hold square brackets; `styled` is the one way to colour
errors = PlainConsole(stderr=True, markup=False)

_HALF_TENTH = timedelta(milliseconds=50)
_REASON_WIDTH = 15  # nearly every code in one piece
EXIT_ERROR = 1
EXIT_NOT_PLAYED = 3
OUTCOME_STYLE = {
    "played": "green",
    "unknown": "magenta",
    "skipped": "yellow",
    "partial": "yellow",
    "preempted": "yellow",
}
OUTCOME_WORDS = {
    "played": "đã phát",
    "partial": "phát một phần",
    "preempted": "bị tin ưu tiên cắt",
    "skipped": "bỏ qua",
    "failed": "lỗi",
    "interrupted": "bị gián đoạn",
    "unknown": "chưa rõ",
    None: "đang chờ",
}
REASON_WORDS = {
    "stopped": "có lệnh dừng",
    "withdrawn": "đã thu hồi",
    "conflict": "lượt khác phát trước",
    "too_late": "muộn quá giờ",
    "policy": "quy định giờ phát",
    "clock": "đồng hồ sai",
    "content_missing": "chưa có âm thanh",
    "content_bad": "tệp hỏng",
    "output_failed": "lỗi ngõ ra",
    "relay_failed": "lỗi tiếp sóng",
    "silent": "không nghe thấy gì",
    "power_cut": "mất điện",
    "player_died": "lỗi trình phát",
    "preempted": "bị cắt ngang",
    "no_answer": "không trả lời",
    "not_for_device": "không có phần cho thiết bị này",
    "expired": "kế hoạch hết hạn",
}


def print_json(value: Any) -> None:
    """One JSON document on standard output, in which orders to a terminal are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write(ORDERS.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n")


def print_file(content: str | bytes) -> None:
    """A file on standard output: byte by byte for a program, without orders on a terminal."""
    raw = content.encode() if isinstance(content, str) else content
    on_terminal = sys.stdout.isatty()
    typer.echo(harmless(raw.decode(errors="replace").replace("\r\n", "\n")) if on_terminal else raw, nl=False)


@contextmanager
def told() -> Iterator[None]:
    """Errors we foresaw end the command with their message instead of a traceback."""
    try:
        yield
    except LoaError as error:
        errors.print(Text.assemble((error.code, "red"), f": {_message(error)}"), highlight=False)
        raise typer.Exit(EXIT_ERROR) from error


def _message(error: LoaError) -> str:
    """What the error says, in Vietnamese where it says so besides; the stable code of a refusal stays in front."""
    inner = error.details.get("details", error.details)
    details: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    faults = [f"{_where(one)}{one['field']}: {one['vi']}" for one in details.get("faults", []) if one.get("vi")]
    said = "\n".join([*([str(details["vi"])] if details.get("vi") else []), *faults])
    if not said:
        return str(error)
    code = error.details.get("code")
    return f"{code}: {said}" if code else said


def _where(fault: Mapping[str, Any]) -> str:
    return f"{fault['file']}, dòng {fault['line']}, " if "file" in fault else ""


def styled(text: str, style: str) -> Text:
    """A text in one colour, as it is: nothing in it is read as markup."""
    return Text(text, style=style)


def ledger_table(title: str, rows: list[dict[str, Any]], playing: dict[str, str] | None = None) -> Table:
    """The answers of one broadcast, a row a device."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("Thiết bị", "Kết quả", "Lý do", "Bắt đầu", "Lệch ms", "Giây", "dBFS", "Bằng chứng"):
        least = _REASON_WIDTH if column == "Lý do" else None
        table.add_column(column, no_wrap=column in {"Thiết bị", "Bắt đầu"}, overflow="fold", min_width=least)
    for row in rows:
        receipt = row.get("receipt") or {}
        outcome = row.get("outcome")
        style = OUTCOME_STYLE.get(outcome or "", "red" if outcome else "dim")
        words = OUTCOME_WORDS[outcome] if outcome else (playing or {}).get(row["device_id"], OUTCOME_WORDS[None])
        table.add_row(
            row["device_id"],
            styled(words, style),
            _reason(row.get("reason") or ""),
            local_time(receipt.get("started")),
            _number(receipt.get("skew_ms")),
            _number((row.get("played_ms") or 0) / 1000 if row.get("played_ms") else None),
            _number(receipt.get("rms_dbfs")),
            _evidence(receipt),
        )
    return table


def local_time(instant: str | None) -> str:
    """Time of day in Vietnam of an RFC 3339 instant, to the tenth of a second."""
    if not instant:
        return ""
    rounded = datetime.fromisoformat(instant).astimezone(ZONE) + _HALF_TENTH
    return f"{rounded:%H:%M:%S.%f}"[:10]


def local(instant: str) -> str:
    """Date and time in Vietnam of an RFC 3339 instant."""
    return f"{datetime.fromisoformat(instant).astimezone(ZONE):%d/%m/%Y %H:%M:%S}"


def _reason(code: str) -> Text:
    """A reason in words, and below it the code that docs/operations.md explains."""
    words = REASON_WORDS.get(code)
    return Text.assemble(words, "\n", (code, "dim")) if words else Text(code)


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 1) + 0.0:.1f}"


def _evidence(receipt: dict[str, Any]) -> str:
    board = receipt.get("board")
    return f"{board['frames']} khung hình" if board else str(receipt.get("evidence", ""))
