"""Web Authentication through its library: what browsers are asked, and whether what they answer holds.

The library raises many things at what strangers send; here all of them become one refusal. It is told to know nothing
of counters, because it looks at them before the signature: only who has the key may speak of its counter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cbor2
import webauthn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from controller.accounts.encoded import decoded, encoded
from controller.accounts.passkeys.answers import Assertion, Registration
from controller.accounts.passkeys.rules import LIFE, PasskeyInvalid, PasskeyRefused, RelyingParty

ALGORITHMS = (Algorithm.ECDSA_SHA_256, Algorithm.EDDSA, Algorithm.RSASSA_PKCS1_v1_5_SHA_256)
_NAME = "Loa"
_STATEMENTS = {"none": frozenset[str](), "packed": frozenset({"alg", "sig"})}
"""Attestation formats with the fields of their statements."""
_TRANSPORTS = frozenset(str(one.value) for one in AuthenticatorTransport)
_TIMEOUT_MS = int(LIFE.total_seconds() * 1000)
_RSA_BITS = range(2048, 4097)
_RSA_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class Made:
    """A new passkey as it is kept; `public_key` is COSE."""

    credential_id: str
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof says besides that it holds."""

    sign_count: int
    backed_up: bool


def creation_options(
    party: RelyingParty, *, handle: bytes, name: str, challenge: bytes, known: Iterable[tuple[str, Iterable[str]]]
) -> dict[str, Any]:
    """For `navigator.credentials.create()`; `known` are the passkeys they have, by id and transports."""
    made = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=_NAME,
        user_id=handle,
        user_name=name,
        user_display_name=name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[_descriptor(*one) for one in known],
        supported_pub_key_algs=list(ALGORITHMS),
    )
    return options_to_json_dict(made)


def request_options(
    party: RelyingParty, *, challenge: bytes, known: Iterable[tuple[str, Iterable[str]]] = ()
) -> dict[str, Any]:
    """For `navigator.credentials.get()`; without `known` passkeys the browser offers those it has for us."""
    made = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=[_descriptor(*one) for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(made)


def made(answer: Registration, challenge: bytes, party: RelyingParty) -> Made:
    """The new passkey.

    Raises:
        PasskeyInvalid: the answer holds none, or is not to this challenge on a page of ours.
    """
    try:
        return _made(answer, challenge, party)
    except Exception as error:
        raise PasskeyInvalid(
            f"the browser's answer holds no new passkey ({error}); begin again",
            vi="trình duyệt chưa tạo được khóa truy cập; hãy làm lại từ đầu",
        ) from error


def _made(answer: Registration, challenge: bytes, party: RelyingParty) -> Made:
    response = answer.response
    _require_plain(response.attestation)
    found = webauthn.verify_registration_response(
        credential=RegistrationCredential(
            id=encoded(answer.id),
            raw_id=answer.raw_id,
            response=AuthenticatorAttestationResponse(response.client_data, response.attestation),
        ),
        expected_challenge=challenge,
        expected_rp_id=party.id,
        expected_origin=party.origin,
        require_user_verification=True,
        supported_pub_key_algs=list(ALGORITHMS),
    )
    if found.credential_id != answer.raw_id:
        raise ValueError("the key is of another credential")
    _require_usable(found.credential_public_key)
    return Made(
        encoded(found.credential_id),
        found.credential_public_key,
        found.sign_count,
        tuple(sorted(_TRANSPORTS.intersection(response.transports))),
        found.credential_backed_up,
    )


def _require_plain(attestation: bytes) -> None:
    """It is what was asked for: nothing attested, or by the key itself; and there is nothing behind it."""
    stream = BytesIO(attestation)
    told = cbor2.load(stream, allow_indefinite=False, allow_duplicate_keys=False, strict_hashable_types=True)
    if stream.read() or not isinstance(told, dict) or told.keys() != {"fmt", "attStmt", "authData"}:
        raise ValueError("no attestation object, or something behind it")
    if told["fmt"] not in _STATEMENTS or not _STATEMENTS[told["fmt"]] == told["attStmt"].keys():
        raise ValueError("an attestation nobody asked for")


def _require_usable(public_key: bytes) -> None:
    """The key is of its algorithm's kind: a point of P-256, of Ed25519, or an RSA modulus neither small nor huge."""
    told = decode_credential_public_key(public_key)
    match told.alg, decoded_public_key_to_cryptography(told):
        case Algorithm.ECDSA_SHA_256, ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return
        case Algorithm.EDDSA, ed25519.Ed25519PublicKey():
            return
        case Algorithm.RSASSA_PKCS1_v1_5_SHA_256, rsa.RSAPublicKey() as key:
            if key.key_size in _RSA_BITS and key.public_numbers().e == _RSA_EXPONENT:
                return
    raise ValueError("the key does not fit its algorithm")


def proved(answer: Assertion, challenge: bytes, party: RelyingParty, public_key: bytes) -> Proved:
    """What a proof says.

    Raises:
        PasskeyRefused: it does not hold.
    """
    response = answer.response
    try:
        found = webauthn.verify_authentication_response(
            credential=AuthenticationCredential(
                id=encoded(answer.id),
                raw_id=answer.raw_id,
                response=AuthenticatorAssertionResponse(response.client_data, response.data, response.signature),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:
        raise PasskeyRefused(str(error)) from error
    return Proved(found.new_sign_count, found.credential_backed_up)


def _descriptor(credential_id: str, transports: Iterable[str]) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=decoded(credential_id), transports=[AuthenticatorTransport(one) for one in transports]
    )
