"""The golden vectors hold for our own code, as they must for any other receiver's maker."""

import json
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from loa_protocol.acceptance import Floor, Receiver, Refusal, check
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import Assignment, ClockState
from loa_protocol.receipts import GENESIS, follow_chain
from loa_protocol.trust import pin
from tests.vectors import make_envelopes, make_receipts

ENVELOPES = sorted(make_envelopes.FOLDER.glob("*.json"))
RECEIPTS = sorted(make_receipts.FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", ENVELOPES, ids=lambda path: path.stem)
def test_an_envelope_vector_ends_as_it_says(path: Path) -> None:
    case = json.loads(path.read_text())
    known = Receiver(
        case["device"],
        pin(json.dumps(case["pinned_trust"]).encode()),
        msgspec.convert(case["assignment"], Assignment),
        {(f["topic"], f["key_sha256"]): Floor(f["version"], f["digest"]) for f in case["floors"]},
        ClockReading(ClockState(case["clock"]["state"]), datetime.fromisoformat(case["clock"]["now"]), 5, "vector"),
    )

    try:
        accepted = check(case["topic"], case["message"].encode(), known)
        ended = "unchanged" if accepted.unchanged else "accepted"
    except Refusal as refusal:
        ended = str(refusal.why)

    assert ended == case["expect"]


def test_every_envelope_case_has_its_vector() -> None:
    assert {path.stem for path in ENVELOPES} == set(make_envelopes.cases())


@pytest.mark.parametrize("path", RECEIPTS, ids=lambda path: path.stem)
def test_a_receipt_vector_is_followed_to_its_hash(path: Path) -> None:
    case = json.loads(path.read_text())
    raws = tuple(entry["entry"].encode() for entry in case)

    assert case == make_receipts.cases()[path.stem]
    assert follow_chain(raws, 0, GENESIS)[1] == case[-1]["hash"]
