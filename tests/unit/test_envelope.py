"""Envelopes: what is signed is what is read, and nothing is believed before it is verified."""

import base64
import json
import zlib

import msgspec
import pytest
from securesystemslib.dsse import Envelope as TheirEnvelope

from loa_protocol import envelope as dsse
from loa_protocol.documents.plan import Plan
from loa_protocol.errors import DocumentInvalid
from loa_protocol.keys import Ed25519Signer, witnesses
from loa_protocol.strict_json import DuplicateKey
from tests.fakes.province import Province, broadcast, plan


def test_a_sealed_plan_opens_to_the_same_plan() -> None:
    province = Province()

    raw = dsse.seal("plan", plan(), [province.plan])

    assert dsse.open_payload(dsse.parse(raw), Plan) == plan()


def test_a_long_plan_travels_compressed() -> None:
    long = plan(broadcasts=tuple(broadcast(id=f"lp-{n}") for n in range(200)))

    envelope = dsse.parse(dsse.seal("plan", long, [Province().plan]))

    assert envelope.payload_type == "application/vnd.loa.plan.v1+json+zlib"
    assert dsse.open_payload(envelope, Plan) == long


def test_another_implementation_agrees_on_what_is_signed() -> None:
    raw = dsse.seal("plan", plan(), [Province().plan])
    ours = dsse.parse(raw)

    theirs = TheirEnvelope.from_dict(
        {
            "payload": ours.payload,
            "payloadType": ours.payload_type,
            "signatures": [{"keyid": s.keyid, "sig": base64.b64decode(s.sig).hex()} for s in ours.signatures],
        }
    )

    assert theirs.pae() == dsse.signed_bytes(ours)


def test_a_signature_by_another_key_under_the_same_name_counts_nothing() -> None:
    province = Province()
    impostor = Ed25519Signer.generate(province.plan.keyid)
    envelope = dsse.parse(dsse.seal("plan", plan(), [impostor]))

    found = witnesses(envelope, province.trust().current.keys)

    assert found == ()


def test_one_key_under_two_names_counts_once() -> None:
    signer = Ed25519Signer.generate("a")
    twin = Ed25519Signer("b", signer.private)
    envelope = dsse.parse(dsse.seal("plan", plan(), [signer, twin]))
    keys = {"a": signer.trust_key("an"), "b": twin.trust_key("binh")}

    found = witnesses(envelope, keys)

    assert len(found) == 1


def test_two_keys_of_one_person_count_once() -> None:
    first, second = Ed25519Signer.generate("a"), Ed25519Signer.generate("b")
    envelope = dsse.parse(dsse.seal("plan", plan(), [first, second]))
    keys = {"a": first.trust_key("an"), "b": second.trust_key("an")}

    found = witnesses(envelope, keys)

    assert len(found) == 1


def test_changing_the_type_breaks_the_signature() -> None:
    province = Province()
    parts = json.loads(dsse.seal("plan", plan(), [province.plan]))
    parts["payloadType"] = dsse.payload_type("policy")

    found = witnesses(dsse.parse(json.dumps(parts).encode()), province.trust().current.keys)

    assert found == ()


def test_a_decompression_bomb_is_refused_within_its_bound() -> None:
    bomb = base64.b64encode(zlib.compress(b" " * (dsse.MAX_PAYLOAD_BYTES * 50))).decode()
    signature = dsse.Signature(keyid="k", alg="ed25519", sig="")
    envelope = dsse.Envelope(
        payload_type=dsse.payload_type("plan", compressed=True), payload=bomb, signatures=(signature,)
    )

    with pytest.raises(dsse.TooLarge):
        dsse.open_payload(envelope, Plan)


@pytest.mark.parametrize("tail", [b"", b"x"])
def test_a_truncated_or_continued_compressed_payload_is_refused(tail: bytes) -> None:
    packed = zlib.compress(msgspec.json.encode(plan()))
    payload = packed + tail if tail else packed[:-4]
    signature = dsse.Signature(keyid="k", alg="ed25519", sig="")
    envelope = dsse.Envelope(
        payload_type=dsse.payload_type("plan", compressed=True),
        payload=base64.b64encode(payload).decode(),
        signatures=(signature,),
    )

    with pytest.raises(DocumentInvalid):
        dsse.open_payload(envelope, Plan)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"payloadType":"a","payloadType":"b","payload":"","signatures":[]}', DuplicateKey),
        (b'{"payloadType":"a","payload":"","signatures":[{"keyid":"a","keyid":"a","alg":"","sig":""}]}', DuplicateKey),
        (b"\xef\xbb\xbf{}", DocumentInvalid),
        (b"[" * 100_000, DocumentInvalid),
        (b'{"payloadType":NaN}', DocumentInvalid),
        (b"\xff\xfe", DocumentInvalid),
        (b"", DocumentInvalid),
        (b'{"payloadType":"a","payload":"","signatures":[]}', DocumentInvalid),
        (b"x" * (dsse.MAX_ENVELOPE_BYTES + 1), dsse.TooLarge),
    ],
)
def test_what_is_not_a_strict_envelope_is_refused(text: bytes, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        dsse.parse(text)


def test_a_document_too_large_for_the_wire_is_not_sealed() -> None:
    noise = tuple(broadcast(id=f"lp-{n}", title=base64.b64encode(bytes([n % 256]) * 200).decode()) for n in range(5000))

    with pytest.raises(dsse.TooLarge):
        dsse.seal("plan", plan(broadcasts=noise), [Province().plan])
