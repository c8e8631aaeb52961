"""Where the audit was cut, signed by the controller's plan key: the chain goes on from there. Pure.

A checkpoint is a DSSE envelope of a type of its own that no device takes. Only what was old enough when it was signed
may have been cut; younger entries that are gone are missed.
"""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from loa_protocol import strict_json
from loa_protocol.audit_head import Head
from loa_protocol.documents.trust import Role, TrustKey, TrustList
from loa_protocol.envelope import Envelope, Signer, b64decode, pae
from loa_protocol.errors import DocumentInvalid
from loa_protocol.ids import Instant, Sha256Hex
from loa_protocol.keys import witnesses

TYPE = "application/vnd.loa.audit-checkpoint.v1+json"
LEAST_KEPT = timedelta(days=27)
"""No retention is shorter than a month."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Entries up to `sequence`, whose last has `hash` and was made at `at`, were deleted at `made`."""

    sequence: int
    hash: Sha256Hex
    at: Instant
    made: Instant

    @property
    def head(self) -> Head:
        """What the first entry after it follows from."""
        return Head(self.sequence, self.hash)


def sealed(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The signed envelope."""
    payload = msgspec.json.encode(checkpoint)
    signature = signer.sign(pae(TYPE, payload))
    text = base64.b64encode(payload).decode()
    return msgspec.json.encode(Envelope(payload_type=TYPE, payload=text, signatures=(signature,)))


def opened(raw: bytes, keys: Mapping[str, TrustKey]) -> Checkpoint:
    """A checkpoint that one of these keys signed.

    Raises:
        DocumentInvalid: it is not signed by them, is no checkpoint, or cut what was too young.
    """
    envelope = strict_json.decode(raw, Envelope)
    if envelope.payload_type != TYPE or not witnesses(envelope, keys):
        raise DocumentInvalid("no plan key of this controller signed it")
    checkpoint = strict_json.decode(b64decode(envelope.payload), Checkpoint)
    if checkpoint.made - checkpoint.at < LEAST_KEPT:
        raise DocumentInvalid(f"it cut an entry of {checkpoint.at:%Y-%m-%d} on {checkpoint.made:%Y-%m-%d} already")
    return checkpoint


def signers_of(listed: TrustList) -> dict[str, TrustKey]:
    """The keys that may sign checkpoints: every plan key, those that were retired since, too."""
    role = listed.roles.get(Role.PLAN)
    holders = {listed.keys[keyid].person for keyid in role.keys if keyid in listed.keys} if role is not None else set()
    return {keyid: key for keyid, key in listed.keys.items() if key.person in holders}


def months_before(instant: datetime, months: int) -> datetime:
    """The same day that many months ago, or the last of that month."""
    count = instant.year * 12 + instant.month - 1 - months
    year, month = divmod(count, 12)
    for day in range(instant.day, 0, -1):
        try:
            return instant.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")
