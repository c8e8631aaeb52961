"""What a person pasted becomes a text that is stored, shown and read aloud; what was changed is said. Pure.

Markup never reaches an engine: tags of HTML, SSML or XML are taken out and named, their words stay; scripts go with
their content. Cleaning twice changes nothing. A text that is empty, too long or does not settle is refused.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Final

from controller.speech.characters import Dropped, Replaced, settle
from loa_protocol.errors import LoaError

LIMIT: Final = 20_000
"""Characters of the longest text: about 25 minutes of speech."""
ROUNDS: Final = 8
_NAMES_TOLD: Final = 5

_SCRIPT: Final = re.compile(r"<(/?)(script|style)\b[^<>]{0,500}>", re.IGNORECASE)
_CDATA: Final = re.compile(r"<!\[CDATA\[|\]\]>")
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]{0,500}>", re.IGNORECASE)
_TAG: Final = re.compile(r"<([/?!]?[A-Za-z][A-Za-z0-9:_-]{0,40})(?=[\s/>?])[^<>]{0,2000}>")
_OPEN_TAG: Final = re.compile(
    r"</?(?:speak|prosody|voice|audio|script|style|iframe|phoneme|say-as|break)\b[^<>]{0,2000}", re.IGNORECASE
)
_ENTITY: Final = re.compile(r"&(?:amp;){0,200}(#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
_SPACES: Final = re.compile(r"[ \t]+")
_LINES: Final = re.compile(r"\n{3,}")


class TextEmpty(LoaError):
    """A text holds nothing that can be read."""

    code: ClassVar[str] = "text_empty"


class TextTooLong(LoaError):
    """A text is longer than a bulletin may be."""

    code: ClassVar[str] = "text_too_long"


class TextUnsettled(LoaError):
    """A text is built to be something else after each cleaning."""

    code: ClassVar[str] = "text_unsettled"


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of thing that was changed: how often, in Vietnamese and English."""

    code: str
    count: int
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The text to keep, and what was changed on the way."""

    text: str
    notes: tuple[Change, ...]


_TOLD: Final[dict[str, tuple[str, str]]] = {
    Dropped.CONTROL: ("đã bỏ {n} ký tự điều khiển", "{n} control characters were taken out"),
    Dropped.INVISIBLE: ("đã bỏ {n} ký tự không nhìn thấy", "{n} invisible characters were taken out"),
    Dropped.DIRECTION: (
        "đã bỏ {n} ký tự đảo chiều chữ; hãy đọc lại xem câu có đúng ý không",
        "{n} characters that turn the writing around were taken out; read whether the text still says what is meant",
    ),
    Dropped.EMOJI: ("đã bỏ {n} hình biểu tượng", "{n} emoji were taken out"),
    Dropped.PILED_MARKS: ("đã bỏ {n} dấu chồng lên nhau", "{n} marks piled on letters were taken out"),
    Dropped.UNASSIGNED: ("đã bỏ {n} ký tự hỏng", "{n} broken characters were taken out"),
    Replaced.COMPOSED: (
        "đã ghép lại {n} dấu thanh gõ rời",
        "{n} accents that stood apart were joined to their letters",
    ),
    Replaced.LOOKALIKE: ("đã đổi {n} chữ kiểu lạ thành chữ thường dùng", "{n} letters in a fancy form were made plain"),
    "markup": (
        "đã bỏ {n} thẻ định dạng ({names}); chữ bên trong được giữ lại",
        "{n} tags ({names}) were taken out; their words stay",
    ),
    "script": ("đã bỏ {n} đoạn mã lệnh hoặc chú thích ẩn", "{n} scripts or hidden comments were taken out"),
    "entity": (
        "đã đổi {n} mã ký tự (như &amp;nbsp;) thành chữ",
        "{n} character codes (such as &amp;nbsp;) became characters",
    ),
}


def clean(text: str, *, limit: int = LIMIT) -> Cleaned:
    """`text` as it is kept.

    Raises:
        TextTooLong: longer than `limit` characters, counted as handed in
        TextEmpty: nothing is left that could be read
        TextUnsettled: codes within codes that still change after several rounds
    """
    _check_length(text, limit)
    counts: Counter[str] = Counter()
    names: dict[str, None] = {}
    settled = _settled(text, counts, names)
    settled = _spaced(settled)
    if not any(character.isalnum() for character in settled):
        raise TextEmpty(
            "The text holds nothing to read; write it, or leave the language out.",
            vi="Chưa có nội dung để đọc. Hãy nhập nội dung, hoặc bỏ ngôn ngữ này.",
        )
    return Cleaned(
        settled, tuple(_told(code, count, names) for code, count in counts.items() if code in _TOLD and count)
    )


def _check_length(text: str, limit: int) -> None:
    if len(text) > limit:
        raise TextTooLong(
            f"The text has {len(text)} characters, more than {limit}; shorten it, or make several bulletins of it.",
            vi=f"Nội dung dài {_vi(len(text))} ký tự, quá {_vi(limit)}. Hãy rút gọn hoặc chia thành nhiều bản tin.",
            length=len(text),
            limit=limit,
        )


def _settled(text: str, counts: Counter[str], names: dict[str, None]) -> str:
    """`text` after as many rounds as it takes until nothing changes."""
    for _ in range(ROUNDS):
        before = text
        text, found = settle(text)
        counts.update({str(kind): count for kind, count in found.items()})
        text = _without_markup(text, counts, names)
        if text == before:
            return text
    raise TextUnsettled(
        "The text holds character codes within character codes; type it again, or paste it as plain text.",
        vi="Nội dung chứa các mã ký tự lồng nhau. Hãy gõ lại, hoặc dán dưới dạng văn bản thuần.",
    )


def _without_markup(text: str, counts: Counter[str], names: dict[str, None]) -> str:
    """`text` without scripts, comments and tags, character codes as characters."""
    text = _scripts_out(_comments_out(_CDATA.sub(" ", text), counts), counts)
    text = _tags_out(text, counts, names)
    text, codes = _ENTITY.subn(_character, text)
    counts["entity"] += codes
    return text


def _comments_out(text: str, counts: Counter[str]) -> str:
    """`text` without comments that are closed."""
    kept: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin)) >= 0:
        kept += [text[at:begin], " "]
        counts["script"] += 1
        at = end + len("-->")
    return "".join(kept) + text[at:]


def _scripts_out(text: str, counts: Counter[str]) -> str:
    """`text` without scripts and style sheets that are closed."""
    kept: list[str] = []
    at = 0
    opened: re.Match[str] | None = None
    for tag in _SCRIPT.finditer(text):
        if opened is None:
            opened = None if tag.group(1) else tag
        elif tag.group(1) and tag.group(2).lower() == opened.group(2).lower():
            kept += [text[at : opened.start()], " "]
            counts["script"] += 1
            at, opened = tag.end(), None
    return "".join(kept) + text[at:]


def _tags_out(text: str, counts: Counter[str], names: dict[str, None]) -> str:
    """`text` without tags; the end of a paragraph stays one."""

    def gone(found: re.Match[str]) -> str:
        names.setdefault(found.group().strip("</>?! \n").split()[0].rstrip("/>").lower()[:20] or "?")
        counts["markup"] += 1
        return "\n" if _BREAK.fullmatch(found.group()) else " "

    return _OPEN_TAG.sub(gone, _TAG.sub(gone, text))


def _character(found: re.Match[str]) -> str:
    """The character of an entity; a code that means none stays away."""
    name = found.group(1)
    meant = html.unescape(f"&{name};")
    return "" if meant == f"&{name};" and name.startswith("#") else meant if meant != f"&{name};" else f"{name};"


def _spaced(text: str) -> str:
    """`text` with single spaces, no space at the ends of lines and no more than one empty line."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def _told(code: str, count: int, names: dict[str, None]) -> Change:
    listed = ", ".join([*names][:_NAMES_TOLD]) + (", …" if len(names) > _NAMES_TOLD else "")
    vi, en = (text.replace("&amp;", "&").format(n=count, names=listed) for text in _TOLD[code])
    return Change(code, count, f"{vi[0].upper()}{vi[1:]}.", f"{en[0].upper()}{en[1:]}.")


def _vi(number: int) -> str:
    """A number as Vietnamese write it."""
    return f"{number:,}".replace(",", ".")
