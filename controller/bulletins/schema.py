"""A bulletin's document in the description of the API: which fields it has. `document.read` is what checks it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from pydantic import WithJsonSchema

from controller.bulletins.document import Document


def of_document() -> dict[str, Any]:
    """Its JSON Schema without references, so that it stands in any other one."""
    (schema,), parts = msgspec.json.schema_components([Document], ref_template="{name}")
    found: dict[str, Any] = _whole(schema, parts)
    return found


def _whole(at: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(at, list):
        return [_whole(one, parts) for one in at]
    if not isinstance(at, dict):
        return at
    if "$ref" in at:
        return _whole(parts[at["$ref"]], parts)
    return {key: _pattern(one) if key == "pattern" else _whole(one, parts) for key, one in at.items()}


def _pattern(python: str) -> str:
    r"""As other languages write it: their `$` is what `\Z` is here."""
    return python.replace(r"\Z", "$")


DocumentField = Annotated[dict[str, Any], WithJsonSchema(of_document())]
