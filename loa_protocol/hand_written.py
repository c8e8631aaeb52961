"""Files people write by hand (device profiles, programmes): strict YAML, read into strict models.

Rules: no duplicate keys, anchors, tags or second documents; only `true` and `false` are booleans and only digits are
numbers, so that `17:00`, `no` and dates stay the text that was written; unknown fields are refused; every error
names the field and the line. Pure: text in, model or error out.
"""

import re
from collections.abc import Callable
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
    """A hand-written text is not what it should be; `details` has `line` (from 1), `field` and `reason`."""

    code = "hand_written_invalid"

    def __init__(self, *, line: int, field: str, reason: str) -> None:
        super().__init__(f"line {line}, {field}: {reason}", line=line, field=field, reason=reason)
        self.line = line
        self.field = field
        self.reason = reason


def read(text: str, model: type[T]) -> T:
    """Read a YAML text as a msgspec model.

    Raises:
        HandWrittenInvalid: with the line, the field and the reason.
    """
    lines: dict[str, int] = {}
    data = _plain(text, lines)
    try:
        return msgspec.convert(data, model)
    except msgspec.ValidationError as error:
        raise _located(str(error), lines) from error


def line_of(text: str, path: str) -> int:
    """Line (from 1) of a field such as `$.sessions[0].at` in a text that `read` accepts; 1 when it is not there."""
    lines: dict[str, int] = {}
    _plain(text, lines)
    return lines.get(path, 1)


def _plain(text: str, lines: dict[str, int]) -> object:
    if len(text) > MAX_CHARACTERS:
        raise _refusal(1, "$", f"the file has more than {MAX_CHARACTERS} characters")
    try:
        _require_plain_structure(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _value(node, "$", lines) if node is not None else None
    except yaml.MarkedYAMLError as error:
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise _refusal(_line(error.problem_mark or error.context_mark), "$", f"not YAML: {reason}") from error
    except yaml.YAMLError as error:
        raise _refusal(1, "$", f"not YAML: {error}") from error


def _require_plain_structure(text: str) -> None:
    """Look at the parser's events only, so that nothing deep or self-referring is ever built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refusal(_line(event.start_mark), "$", "anchors and aliases are not read; write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _refusal(_line(event.start_mark), "$", f"nested more than {MAX_DEPTH} deep")


def _value(node: yaml.Node, path: str, lines: dict[str, int]) -> object:
    line = lines.setdefault(path, _line(node.start_mark))
    if node.tag not in _TAGS:
        raise _refusal(line, path, f"the tag {node.tag} is not read")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, f"{path}[{index}]", lines) for index, child in enumerate(node.value)]
    written = str(node.value)
    if isinstance(node, yaml.ScalarNode) and not node.style:
        return next((convert(written) for form, convert in _PLAIN if form.match(written)), written)
    return written


def _mapping(node: yaml.MappingNode, path: str, lines: dict[str, int]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, child in node.value:
        line = _line(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(line, path, "a field name is a word")
        name = str(key.value)
        if name in result:
            raise _refusal(line, f"{path}.{name}", "is written twice; remove one")
        lines[f"{path}.{name}"] = line
        result[name] = _value(child, f"{path}.{name}", lines)
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
    return _refusal(lines.get(path, 1), path, reason[: at.start()] if at else reason)


def _refusal(line: int, field: str, reason: str) -> HandWrittenInvalid:
    return HandWrittenInvalid(line=line, field=field.removeprefix("$.") or "$", reason=reason)
