"""Files people write by hand (device profiles, programmes): strict YAML, read into strict models.

Rules: no duplicate keys, anchors, tags or second documents; only `true` and `false` are booleans and only digits are
numbers, so that `17:00`, `no` and dates stay the text that was written; unknown fields are refused; every error
names the field and the line. Pure: text in, model or error out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import yaml

from loa_protocol.errors import LoaError

T = TypeVar("T")

MAX_CHARACTERS = 256 * 1024
MAX_DEPTH = 20
_AT = re.compile(r" - at `(?P<path>[^`]+)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]+)`")
# What PyYAML infers by itself; what it infers of a scalar is then judged anew from the text that was written.
_TAGS = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
}
_PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"(~|null|)\Z"), lambda _: None),
    (re.compile(r"(true|false)\Z"), lambda text: text == "true"),
    (re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z"), int),
    (re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}\Z"), float),
)


class HandWrittenInvalid(LoaError):
    """A hand-written text is not what it should be; `details` has `line` (from 1), `field` and `reason`.

    `what`: too_large | not_yaml | alias | too_deep | tag | no_word | twice | value; for words in other languages.
    """

    code = "hand_written_invalid"

    def __init__(self, *, line: int, field: str, reason: str, what: str) -> None:
        super().__init__(f"line {line}, {field}: {reason}", line=line, field=field, reason=reason)
        self.line = line
        self.field = field
        self.reason = reason
        self.what = what


@dataclass(slots=True)
class Written:
    """A YAML text as plain values; `lines` has the line (from 1) of every field, such as `$.sessions[0].at`.

    `refused` are the fields that were written but are not read (twice, or with a tag), in their order.
    """

    data: object = None
    lines: dict[str, int] = field(default_factory=dict)
    refused: list[HandWrittenInvalid] = field(default_factory=list)

    def line_of(self, path: str) -> int:
        """Line of a field, or of the nearest one around it that is there."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


def parse(text: str, *, most_characters: int = MAX_CHARACTERS) -> Written:
    """Read a YAML text as plain values.

    Raises:
        HandWrittenInvalid: it is no YAML of the plain kind that is read here.
    """
    if len(text) > most_characters:
        raise _refusal(1, "$", f"the file has more than {most_characters} characters", "too_large")
    written = Written()
    try:
        _require_plain_structure(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        written.data = _value(node, "$", written) if node is not None else None
    except yaml.MarkedYAMLError as error:
        reason = " ".join(part for part in (error.context, error.problem) if part)
        line = _line(error.problem_mark or error.context_mark)
        raise _refusal(line, "$", f"not YAML: {reason}", "not_yaml") from error
    except yaml.YAMLError as error:
        raise _refusal(1, "$", f"not YAML: {error}", "not_yaml") from error
    return written


def read(text: str, model: type[T]) -> T:
    """Read a YAML text as a msgspec model.

    Raises:
        HandWrittenInvalid: with the line, the field and the reason.
    """
    written = parse(text)
    if written.refused:
        raise written.refused[0]
    try:
        return msgspec.convert(written.data, model)
    except msgspec.ValidationError as error:
        raise _located(str(error), written.lines) from error


def _require_plain_structure(text: str) -> None:
    """Look at the parser's events only, so that nothing deep or self-referring is ever built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refusal(_line(event.start_mark), "$", "anchors and aliases are not read; write it out", "alias")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _refusal(_line(event.start_mark), "$", f"nested more than {MAX_DEPTH} deep", "too_deep")


def _value(node: yaml.Node, path: str, written: Written) -> object:
    line = written.lines.setdefault(path, _line(node.start_mark))
    if node.tag not in _TAGS:
        written.refused.append(_refusal(line, path, f"the tag {node.tag} is not read", "tag"))
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, written)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, f"{path}[{index}]", written) for index, child in enumerate(node.value)]
    text = str(node.value)
    if isinstance(node, yaml.ScalarNode) and not node.style:
        return next((convert(text) for form, convert in _PLAIN if form.match(text)), text)
    return text


def _mapping(node: yaml.MappingNode, path: str, written: Written) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, child in node.value:
        line = _line(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            written.refused.append(_refusal(line, path, "a field name is a word", "no_word"))
            continue
        name = str(key.value)
        if name in result:
            written.refused.append(_refusal(line, f"{path}.{name}", "is written twice; remove one", "twice"))
            continue
        written.lines[f"{path}.{name}"] = line
        result[name] = _value(child, f"{path}.{name}", written)
    return result


def _line(mark: Any) -> int:
    """Line as people count it, of a mark of either of PyYAML's two parsers."""
    return int(mark.line) + 1 if mark is not None else 1


def _located(reason: str, lines: dict[str, int]) -> HandWrittenInvalid:
    at = _AT.search(reason)
    path = at["path"] if at else "$"
    unknown = _UNKNOWN.search(reason)
    if unknown:
        path = f"{path}.{unknown['name']}"
    return _refusal(lines.get(path, 1), path, reason[: at.start()] if at else reason, "value")


def _refusal(line: int, path: str, reason: str, what: str) -> HandWrittenInvalid:
    return HandWrittenInvalid(line=line, field=path.removeprefix("$.") or "$", reason=reason, what=what)
