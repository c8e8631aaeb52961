"""How the description of the API tells its problem documents: once, for every route.

Which code comes when is told by docs/operations.md; every route may answer each of these statuses.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from controller.api.errors import STATUS

MEDIA_TYPE = "application/problem+json"
_SCHEMA = {
    "title": "Problem",
    "description": "An RFC 9457 problem document; `code` is what docs/operations.md explains.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "details": {"type": "object"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_ANSWER = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_METHODS = frozenset({"get", "put", "post", "patch", "delete"})
STATUSES = frozenset({*STATUS.values(), HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNPROCESSABLE_ENTITY})


def documented(description: dict[str, Any]) -> dict[str, Any]:
    """A description of the API with every problem that its routes may answer."""
    description["components"]["schemas"]["Problem"] = _SCHEMA
    for operation in _operations(description):
        for status in sorted(STATUSES):
            answer = {"description": HTTPStatus(status).phrase, **_ANSWER}
            if str(status) not in operation["responses"] or status == HTTPStatus.UNPROCESSABLE_ENTITY:
                operation["responses"][str(status)] = answer
    for unused in ("HTTPValidationError", "ValidationError"):
        description["components"]["schemas"].pop(unused, None)
    return description


def _operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in description["paths"].values():
        yield from (operation for method, operation in path.items() if method in _METHODS)
