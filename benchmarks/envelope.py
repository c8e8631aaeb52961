"""What checking a document costs beside the bare Ed25519 verification of the same bytes."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from benchmarks.measuring import Figure, Growth, Options, Report, compare
from loa_protocol import topics
from loa_protocol.acceptance import Receiver, check
from loa_protocol.envelope import b64decode, parse, seal, signed_bytes
from loa_protocol.topics import Family
from tests.fakes.province import COMMUNE, Province, broadcast, plan, receiver

SIZES = ((1, 300), (50, 100), (500, 20))


def run(options: Options) -> Report:
    """Plans of several sizes through every check of a device."""
    province = Province()
    known = receiver(province.trust())
    public = province.plan.private.public_key()
    figures = [_checked(province, known, public, count, times) for count, times in SIZES[: 2 if options.quick else 3]]
    ours = [(figure.n or 0, figure.ours) for figure in figures]
    raw = [(figure.n or 0, figure.raw or 0.0) for figure in figures]
    return Report("envelope", figures, [Growth("Checking a plan", "µs", {"all checks": ours, "bare Ed25519": raw})])


def _checked(province: Province, known: Receiver, public: Ed25519PublicKey, count: int, times: int) -> Figure:
    raw = seal("plan", plan(broadcasts=tuple(broadcast(id=f"lp-{n}") for n in range(count))), [province.plan])
    envelope = parse(raw)
    signature, message = b64decode(envelope.signatures[0].sig), signed_bytes(envelope)
    topic = topics.scoped(Family.PLAN, COMMUNE)
    return compare(
        f"plan of {len(raw):,} bytes, N broadcasts",
        lambda: check(topic, raw, known),
        lambda: public.verify(signature, message),
        times,
        n=count,
    )
