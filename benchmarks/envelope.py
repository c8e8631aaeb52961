"""What checking a document costs beside the bare Ed25519 verification of the same bytes."""

from benchmarks.measuring import Row, compare
from loa_protocol import topics
from loa_protocol.acceptance import check
from loa_protocol.envelope import b64decode, parse, seal, signed_bytes
from loa_protocol.topics import Family
from tests.fakes.province import COMMUNE, Province, broadcast, plan, receiver


def run() -> list[Row]:
    """Plans of several sizes through every check of a device."""
    province = Province()
    known = receiver(province.trust())
    topic = topics.scoped(Family.PLAN, COMMUNE)
    public = province.plan.private.public_key()
    rows = []
    for count, times in ((1, 300), (50, 100), (500, 20)):
        document = plan(broadcasts=tuple(broadcast(id=f"lp-{n}") for n in range(count)))
        raw = seal("plan", document, [province.plan])
        envelope = parse(raw)
        signature, message = b64decode(envelope.signatures[0].sig), signed_bytes(envelope)
        rows.append(
            compare(
                f"plan of {count} broadcasts, {len(raw)} bytes",
                lambda raw=raw: check(topic, raw, known),
                lambda signature=signature, message=message: public.verify(signature, message),
                times,
            )
        )
    return rows
