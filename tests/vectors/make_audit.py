"""Makes tests/vectors/audit/*.json: what devices witness of time answers, and a chain of entries as exact text.

Run: python -m tests.vectors.make_audit
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from controller.audit import rules
from controller.audit.rules import Changed, Entry, Who
from loa_protocol.audit_head import NOTHING

FOLDER = Path(__file__).with_name("audit")
START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def _head(sequence: int, mark: str) -> str:
    return f"{sequence}:{mark * 32}"


def _asked(name: str) -> dict[str, Any]:
    return {"ask": name}


def _answered(name: str, head: str, *, witnessed: str, disowned: str = "", noted: bool = False) -> dict[str, Any]:
    return {"answer": name, "audit_head": head, "witnessed": witnessed, "disowned": disowned, "noted": noted}


A3, A5, A9, B4, B5 = _head(3, "a3"), _head(5, "a5"), _head(9, "a9"), _head(4, "b4"), _head(5, "b5")

WITNESSES: dict[str, list[dict[str, Any]]] = {
    "grows": [
        _asked("n1"),
        _answered("n1", A3, witnessed=A3),
        _asked("n2"),
        _answered("n2", A3, witnessed=A3),
        _asked("n3"),
        _answered("n3", A9, witnessed=A9),
    ],
    "answers-overtake-each-other": [
        _asked("n1"),
        _asked("n2"),
        _answered("n2", A5, witnessed=A5),
        _answered("n1", A3, witnessed=A5),
    ],
    "cut-off": [
        _asked("n1"),
        _answered("n1", A5, witnessed=A5),
        _asked("n2"),
        _answered("n2", A3, witnessed=A5, disowned=A5, noted=True),
        _asked("n3"),
        _answered("n3", B4, witnessed=A5, disowned=A5),
        _asked("n4"),
        _answered("n4", A9, witnessed=A9, disowned=A5),
    ],
    "another-chain": [
        _asked("n1"),
        _answered("n1", A5, witnessed=A5),
        _asked("n2"),
        _answered("n2", B5, witnessed=A5, disowned=A5, noted=True),
    ],
    "says-nothing": [
        _asked("n1"),
        _answered("n1", "", witnessed=""),
        _asked("n2"),
        _answered("n2", A3, witnessed=A3),
        _asked("n3"),
        _answered("n3", "9:not-a-hash", witnessed=A3),
        _asked("n4"),
        _answered("n4", "", witnessed=A3),
    ],
}

ENTRIES: tuple[dict[str, Any], ...] = (
    {"who": Who(via="host"), "action": "POST /units", "request": "00ff00ff00ff00ff", "units": ("xa",)},
    {
        "who": Who(via="session", person="p-lan", credential="s-1"),
        "action": "PATCH /people/{person_id}",
        "about": {"person_id": "p-hoa"},
        "units": ("xa",),
        "changes": (
            Changed(
                table="people",
                key={"id": "p-hoa"},
                units=("xa",),
                before={"name": rules.withheld(rules.commitment(b"0" * 16, "Hòa")), "webhook": False},
                after={"name": rules.withheld(rules.commitment(b"1" * 16, "Hoà")), "webhook": True},
            ),
        ),
    },
    {"who": Who(via="nobody"), "action": "POST /sessions", "outcome": "not_signed_in", "count": 12},
)


def chain() -> list[dict[str, Any]]:
    """Every entry as it is chained."""
    made, previous = [], NOTHING.hash
    for number, given in enumerate(ENTRIES, 1):
        entry = Entry(sequence=number, id=f"e-{number}", at=START + timedelta(seconds=number), **given)
        raw = rules.canonical(entry)
        previous = rules.linked(previous, raw)
        made.append({"entry": raw.decode(), "hash": previous})
    return made


def cases() -> dict[str, Any]:
    """Name → vector."""
    return {**WITNESSES, "chain": chain()}


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for name, case in cases().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(case, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
