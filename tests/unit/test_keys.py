"""Passkeys as approvers use them: every check of protocol.md, each shown by breaking it."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from loa_protocol import envelope as dsse
from loa_protocol.documents.trust import ApprovalOrigin, TrustKey
from loa_protocol.keys import WEBAUTHN, raw_point, witnesses
from tests.fakes.province import plan

APPROVAL = ApprovalOrigin(origin="https://phe-duyet.example.vn", rp_id="phe-duyet.example.vn")


class Passkey:
    """A software authenticator that can be told to misbehave."""

    def __init__(self, keyid: str = "pk-1") -> None:
        self.keyid = keyid
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.client: dict[str, Any] = {}
        self.flags = 0x05
        self.rp_id = APPROVAL.rp_id

    def trust_key(self) -> TrustKey:
        return TrustKey(
            alg=WEBAUTHN, public=base64.b64encode(raw_point(self.private.public_key())).decode(), person="lan"
        )

    def sign(self, message: bytes) -> dsse.Signature:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(message).digest()).rstrip(b"=").decode()
        client = {"type": "webauthn.get", "challenge": challenge, "origin": APPROVAL.origin, "crossOrigin": False}
        client_raw = json.dumps(client | self.client).encode()
        authenticator = hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags]) + b"\0\0\0\1"
        covered = authenticator + hashlib.sha256(client_raw).digest()
        return dsse.Signature(
            keyid=self.keyid,
            alg=WEBAUTHN,
            sig=base64.b64encode(self.private.sign(covered, ec.ECDSA(hashes.SHA256()))).decode(),
            authenticator_data=base64.b64encode(authenticator).decode(),
            client_data_json=base64.b64encode(client_raw).decode(),
        )


def _found(passkey: Passkey, approval: ApprovalOrigin | None = APPROVAL) -> int:
    envelope = dsse.parse(dsse.seal("plan", plan(), [passkey]))
    return len(witnesses(envelope, {passkey.keyid: passkey.trust_key()}, approval))


def test_a_passkey_made_for_approving_counts() -> None:
    assert _found(Passkey()) == 1


@pytest.mark.parametrize(
    "client",
    [
        {"type": "webauthn.create"},
        {"challenge": "AAAA"},
        {"origin": "https://example.vn"},
        {"crossOrigin": True},
        {"crossOrigin": 0},
    ],
)
def test_client_data_that_does_not_fit_counts_nothing(client: dict[str, Any]) -> None:
    passkey = Passkey()
    passkey.client = client

    assert _found(passkey) == 0


@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04])
def test_presence_and_verification_are_both_needed(flags: int) -> None:
    passkey = Passkey()
    passkey.flags = flags

    assert _found(passkey) == 0


def test_a_passkey_of_another_relying_party_counts_nothing() -> None:
    passkey = Passkey()
    passkey.rp_id = "example.vn"

    assert _found(passkey) == 0


def test_without_a_pinned_origin_no_passkey_counts() -> None:
    assert _found(Passkey(), approval=None) == 0
