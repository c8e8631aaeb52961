"""`--speak` of `loa bulletin`: the unit's machine voice says what has a text and no sound yet.

Nobody hears a reading that was not shown: it is shown with its doubts and agreed to before anything is made or written.
"""

from dataclasses import dataclass
from typing import Any

import typer

from loa_cli.client import ApiRefused
from loa_cli.intake import speak_reading
from loa_cli.line import Line
from loa_cli.reporting import EXIT_ERROR, errors
from loa_protocol.errors import LoaError


class NothingToSpeak(LoaError):
    """A bulletin has no text that a machine voice could say and that has no sound yet."""

    code = "nothing_to_speak"


@dataclass(frozen=True, slots=True)
class _Said:
    """The reading of one variant."""

    variant: dict[str, Any]
    reading: str
    doubts: tuple[str, ...] = ()


def spoken(line: Line, unit: str, document: dict[str, Any], *, yes: bool) -> dict[str, Any]:
    """The document, with a reading and its sound in every variant that had a text alone.

    `yes`: nobody is asked. A language without a machine voice is told and left as it is.

    Raises:
        NothingToSpeak: there is nothing of the kind.
        LoaError: a text was refused, or no voice could speak.
    """
    found = [one for variant in _unspoken(document) if (one := _read(line, unit, variant)) is not None]
    if not found:
        raise NothingToSpeak(
            "no language of the bulletin has a text without a sound that a machine voice can say",
            vi="Không có nội dung nào chưa có âm thanh mà giọng máy đọc được; hãy viết nội dung, hoặc thu âm.",
        )
    for one in found:
        _show(one)
    if not yes and not typer.confirm("Đọc như vậy?", err=True):
        _tell("Chưa lưu gì. Hãy sửa nội dung, hoặc thêm cách đọc (loa speech words), rồi làm lại.")
        raise typer.Exit(EXIT_ERROR)
    title = str(document.get("title") or "không tên")
    for one in found:
        sound = _sound(line, unit, title, one)
        one.variant.update(reading=one.reading, audio=sound, audio_kind="machine")
    return document


def _unspoken(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Variants with words and without a sound; what is no variant is left to the controller to refuse."""
    variants = document.get("variants")
    listed = variants if isinstance(variants, list) else []
    return [one for one in listed if isinstance(one, dict) and one.get("text") and not one.get("audio")]


def _read(line: Line, unit: str, variant: dict[str, Any]) -> _Said | None:
    """How it would be read; a reading that was written down stays. None: no machine speaks the language."""
    language = str(variant.get("language", "vi"))
    try:
        line.client.get("/speech/voices", {"unit": unit, "language": language})
    except ApiRefused as refused:
        if refused.problem_code != "language_unspoken":
            raise
        _tell(f"{_named(language)}: không có giọng máy nói ngôn ngữ này; hãy thu âm người nói.")
        return None
    if variant.get("reading"):
        return _Said(variant, str(variant["reading"]))
    proposed = line.client.post("/speech/readings", {"text": str(variant["text"]), "unit": unit, "language": language})
    doubts = [one["vi"] for one in proposed["changes"]]
    doubts += [one["vi"] for one in proposed["notes"] if one["doubtful"]]
    return _Said(variant, proposed["reading"], tuple(doubts))


def _show(one: _Said) -> None:
    _tell(f"{_named(str(one.variant.get('language', 'vi')))}, giọng máy sẽ đọc:\n{one.reading}")
    for doubt in one.doubts:
        _tell(f"! {doubt}")


def _sound(line: Line, unit: str, title: str, one: _Said) -> str:
    said = {
        "title": title,
        "reading": one.reading,
        "written": str(one.variant["text"]),
        "unit": unit,
        "language": str(one.variant.get("language", "vi")),
    }
    asset_id = speak_reading(line.client, said, quiet=line.as_json)
    asset = line.client.get(f"/media/{asset_id}")
    facts = asset["facts"]["speech"]
    _tell(f"Giọng máy {facts['voice']} đã đọc ({asset['duration_ms'] / 1000:.1f} s): {asset_id}")
    if facts["fell_back"] is not None:
        _tell(f"Thay cho {facts['wanted']}: {facts['fell_back']}")
    _tell(f"Nghe thử: loa sound save {asset_id} nghe-thu.mp3")
    return asset_id


def _named(language: str) -> str:
    from controller.units.languages import BY_CODE

    return f"Tiếng {BY_CODE[language].vi}" if language in BY_CODE else language


def _tell(text: str) -> None:
    """On the side, so that `--json` stays one document."""
    errors.print(text, highlight=False, markup=False)
