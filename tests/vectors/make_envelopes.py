"""Makes tests/vectors/envelopes/*.json: what a device must accept, and what it must refuse and why.

Keys are made afresh and thrown away; only public keys and signatures stay. Run: python -m tests.vectors.make_envelopes
A case: the pinned trust list, the device's assignment (as a document), its clock, the floors it stands on, the topic,
the exact text that arrived (`message`), and `expect`: "accepted", "unchanged" or the reason of the refusal.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import msgspec

from loa_protocol import topics
from loa_protocol.acceptance import Floor, check, raised_floors
from loa_protocol.envelope import seal
from loa_protocol.ids import Level
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family
from tests.fakes.province import COMMUNE, DEVICE, NOW, Province, assignment, broadcast, plan, receiver

FOLDER = Path(__file__).with_name("envelopes")
PLAN_TOPIC = topics.scoped(Family.PLAN, COMMUNE)


def cases() -> dict[str, dict[str, object]]:
    """All cases by name."""
    p = Province()
    good = seal("plan", plan(), [p.plan])
    floors = dict(raised_floors(PLAN_TOPIC, check(PLAN_TOPIC, good, receiver(p.trust()))))
    long = plan(broadcasts=tuple(broadcast(id=f"lp-{n}", title="Bản tin buổi sáng") for n in range(40)))

    def case(message: bytes, expect: str, *, topic: str = PLAN_TOPIC, **more: object) -> dict[str, object]:
        return _case(p, message, expect, topic, **more)  # type: ignore[arg-type]

    return {
        "valid-plan": case(good, "accepted"),
        "valid-compressed-plan": case(seal("plan", long, [p.plan]), "accepted"),
        "same-plan-again": case(good, "unchanged", floors=floors),
        "older-plan": case(seal("plan", plan(version=999), [p.plan]), "older", floors=floors),
        "equivocation": case(seal("plan", plan(broadcasts=()), [p.plan]), "equivocation", floors=floors),
        "forged": case(seal("plan", plan(), [Ed25519Signer.generate(p.plan.keyid)]), "not_signed"),
        "wrong-role": case(seal("plan", plan(), [p.ingest]), "not_signed"),
        "wrong-scope": case(seal("plan", plan(scope="u-tinh-1"), [p.plan]), "wrong_scope"),
        "not-assigned": case(
            seal("plan", plan(scope="u-xa-2"), [p.plan]), "not_assigned", topic=topics.scoped(Family.PLAN, "u-xa-2")
        ),
        "expired": case(seal("plan", plan(expires=NOW), [p.plan]), "expired"),
        "from-the-future": case(seal("plan", plan(issued=NOW + timedelta(hours=1)), [p.plan]), "issued_in_future"),
        "emergency-in-plan": case(
            seal("plan", plan(broadcasts=(broadcast(level=Level.EMERGENCY),)), [p.plan]), "emergency_in_plan"
        ),
        "type-confused": case(seal("assignment", assignment(), [p.plan]), "wrong_type"),
        "truncated": case(good[:-9], "malformed"),
        "duplicate-key": case(good.replace(b'"payload":', b'"payload":"","payload":', 1), "duplicate_key"),
        "changed-payload": case(good.replace(b'"payload":"ey', b'"payload":"eY', 1), "not_signed"),
    }


def _case(
    province: Province, message: bytes, expect: str, topic: str, floors: Mapping[tuple[str, str], Floor] | None = None
) -> dict[str, object]:
    return {
        "pinned_trust": json.loads(province.trust().raw),
        "device": DEVICE,
        "assignment": msgspec.to_builtins(assignment()),
        "clock": {"state": "trusted", "now": NOW.isoformat()},
        "floors": [
            {"topic": key[0], "key_sha256": key[1], "version": floor.version, "digest": floor.digest}
            for key, floor in (floors or {}).items()
        ],
        "topic": topic,
        "message": message.decode(),
        "expect": expect,
    }


if __name__ == "__main__":
    for name, made in cases().items():
        FOLDER.joinpath(f"{name}.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
