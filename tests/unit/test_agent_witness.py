"""What a device remembers of the controller's audit: the vectors, the disk, and what it does where it was lied to."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.witness import Witness
from loa_protocol.audit_head import Head, parse
from tests.vectors import make_audit

CASES = sorted(make_audit.FOLDER.glob("*.json"))
FIVE, SIX = Head(5, "a5" * 32), Head(6, "a6" * 32)


@pytest.mark.parametrize("name", make_audit.WITNESSES)
def test_a_witness_vector_ends_as_it_says(name: str, tmp_path: Path) -> None:
    asked: dict[str, Head | None] = {}
    witness = Witness(tmp_path / "witness.json")
    for step in json.loads((make_audit.FOLDER / f"{name}.json").read_text()):
        if "ask" in step:
            asked[step["ask"]] = witness.head
            continue

        noted = witness.take(step["audit_head"], asked.pop(step["answer"])) is not None

        assert (noted, *witness.texts) == (step["noted"], step["witnessed"], step["disowned"])
        witness = Witness(tmp_path / "witness.json")  # as after a restart
        witness.load()


def test_the_chain_vector_can_be_followed_with_nothing_but_sha_256() -> None:
    previous = bytes(32)
    for line in json.loads((make_audit.FOLDER / "chain.json").read_text()):
        previous = hashlib.sha256(b"loa.audit.v1\0" + previous + line["entry"].encode()).digest()

        assert previous.hex() == line["hash"]


def test_the_vectors_are_those_of_today() -> None:
    assert {path.stem: json.loads(path.read_text()) for path in CASES} == make_audit.cases()


def test_a_head_is_on_the_disk_before_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    witness = Witness(tmp_path / "witness.json")
    monkeypatch.setattr("edge_agent.durable.write", lambda path, raw: written.append((path.name, json.loads(raw))))

    for head in (FIVE, FIVE, SIX, FIVE):
        witness.take(head.text, None)

    assert [raw["head"] for _, raw in written] == [FIVE.text, SIX.text]


def test_a_damaged_memory_is_set_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "witness.json"
    path.write_bytes(b"{")
    witness = Witness(path)

    assert witness.load() is True

    assert (witness.head, path.with_name("witness.json.damaged").read_bytes()) == (None, b"{")
    witness.take(FIVE.text, None)
    again = Witness(path)
    assert (again.load(), again.head) == (False, FIVE)


def test_a_contradiction_is_noted_once_and_a_new_one_again(tmp_path: Path) -> None:
    witness = Witness(tmp_path / "witness.json")
    witness.take(FIVE.text, None)
    back = Head(4, "b4" * 32).text

    told = [witness.take(back, parse(witness.texts[0])) for _ in range(3)]
    witness.take(SIX.text, None)
    told.append(witness.take(back, parse(witness.texts[0])))

    assert [one is not None for one in told] == [True, False, False, True]
    assert witness.disowned == SIX
    assert all(one is None or len(one) <= 300 for one in told)
