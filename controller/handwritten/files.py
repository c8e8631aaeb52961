"""Reading files that people write: with every mistake told at once, with its line, and what to write instead.

Rules: a file is taken whole or refused whole; it is bounded before it is looked at; nothing but its shape, which is
that of a model, is judged here.
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from controller.handwritten import structure
from controller.handwritten.faults import Fault, FileFault, FileInvalid
from loa_protocol import hand_written

MAX_CHARACTERS = 1024 * 1024
T = TypeVar("T", bound=msgspec.Struct)
_VI = {
    "too_large": f"tệp có hơn {MAX_CHARACTERS} ký tự; hãy chia nhỏ",
    "not_yaml": "không phải YAML: xem lại dấu hai chấm, dấu ngoặc và khoảng trắng đầu dòng",
    "alias": "không dùng & và *; hãy viết đầy đủ",
    "too_deep": "các trường lồng nhau quá sâu",
    "tag": "không dùng thẻ bắt đầu bằng dấu !",
    "no_word": "tên trường phải là một từ",
    "twice": "trường này viết hai lần; bỏ một",
    "value": "giá trị sai",
}


def load(path: Path, model: type[T]) -> T:
    """Read a file of this model, as far as its shape goes.

    Raises:
        FileInvalid: not there, not readable, or of another shape: with every fault and its line.
    """
    return shaped(text_of(path), str(path), model)[1]


def text_of(path: Path) -> str:
    """What a file says.

    Raises:
        FileInvalid: not there, not readable, not text, or far too large.
    """
    name = str(path)
    try:
        with path.open("rb") as opened:
            raw = opened.read(4 * MAX_CHARACTERS + 1)
        text = raw.decode("utf-8-sig") if len(raw) <= 4 * MAX_CHARACTERS else " " * (MAX_CHARACTERS + 1)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        vi, en = "không phải UTF-8; hãy lưu lại dạng UTF-8", "not UTF-8; save it again as UTF-8"
        raise FileInvalid([FileFault(name, line, "$", "not_utf8", vi, en)]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        vi, en = f"không đọc được tệp ({reason}); xem lại tên tệp", f"cannot be read ({reason}); check its name"
        raise FileInvalid([FileFault(name, 1, "$", "file_unreadable", vi, en)]) from error
    return text


def shaped(text: str, name: str, model: type[T]) -> tuple[hand_written.Written, T]:
    """A text as the model and, for the lines of further faults, as it was written; `name` stands in messages.

    Raises:
        FileInvalid: of another shape: with every fault and its line.
    """
    try:
        written = hand_written.parse(text, most_characters=MAX_CHARACTERS)
    except hand_written.HandWrittenInvalid as error:
        raise FileInvalid([_unread(name, error)]) from error
    found = [_unread(name, error) for error in written.refused]
    shape = structure.faults(written.data, model)
    if not found and not shape:
        return written, msgspec.convert(written.data, model)
    found += [located(name, written, fault) for fault in shape if fault.field not in {one.field for one in found}]
    raise FileInvalid(sorted(found, key=lambda fault: fault.line))


def _unread(name: str, error: hand_written.HandWrittenInvalid) -> FileFault:
    return FileFault(name, error.line, error.field, error.what, _VI[error.what], error.reason)


def located(name: str, written: hand_written.Written, fault: Fault) -> FileFault:
    """A fault of the document, with the line that it stands on."""
    path = "$" if fault.field == "$" else f"$.{fault.field}"
    return FileFault(name, written.line_of(path), fault.field, fault.code, fault.vi, fault.en)
