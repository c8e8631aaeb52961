"""A source folder and a bulletin in it, as a provincial source system would drop them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CODE = "25747"


def soon(**by: float) -> str:
    """An instant ahead, as a bulletin writes it."""
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


def bulletin(**changes: Any) -> dict[str, Any]:
    """A text for the boards of the commune, in an hour."""
    fields: dict[str, Any] = {
        "format": "loa-bulletin-1",
        "id": "BT-1",
        "revision": 1,
        "title": "Lịch tiêm chủng",
        "agency": "Sở Y tế",
        "level": "normal",
        "essential": True,
        "areas": [CODE],
        "when": {"kind": "at", "at": soon(hours=1)},
        "valid_until": soon(hours=6),
        "text": "Tiêm chủng tại trạm y tế xã lúc 8 giờ.",
        "show_s": 30,
    }
    return {key: value for key, value in {**fields, **changes}.items() if value is not None}


def drop(folder: Path, key: str, content: Any) -> Path:
    """Write a bulletin beside its place and rename it in; bytes go in as they are."""
    raw = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    staged = folder / f".{key}.part"
    staged.write_bytes(raw)
    return staged.replace(folder / f"{key}.json")


def result(folder: Path, key: str) -> dict[str, Any] | None:
    """What Loa has told of it."""
    try:
        told: dict[str, Any] = json.loads((folder / f"{key}.result.json").read_text())
    except FileNotFoundError:
        return None
    return told
