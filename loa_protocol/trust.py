"""Trust as a device holds it: a root-signed list, walked forward one version at a time.

Version n + 1 must satisfy the root threshold of n and its own. A list is never walked backwards. A revoked key
verifies nothing; a retired key still verifies what stands until it expires, but starts nothing new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from loa_protocol import strict_json
from loa_protocol.documents.trust import KeyStatus, Role, RoleKeys, TrustKey, TrustList
from loa_protocol.envelope import MAX_ENVELOPE_BYTES, Envelope, TooLarge, b64decode, kind_of, open_payload, parse
from loa_protocol.errors import DocumentInvalid, LoaError
from loa_protocol.keys import fingerprint, witnesses

MAX_LISTS = 64


class TrustRefused(LoaError):
    """A trust list was not accepted; the device keeps the one it has."""

    code = "trust_refused"


@dataclass(frozen=True, slots=True)
class Trust:
    """The list in force and its envelope's exact bytes (what is kept on disk)."""

    current: TrustList
    raw: bytes

    def keys_of(self, role: Role, scope: str | None = None) -> Mapping[str, TrustKey]:
        """Usable keys of a role, valid in `scope` where one is given."""
        holder = self.current.roles.get(role)
        if holder is None:
            return {}
        return {
            keyid: key
            for keyid in holder.keys
            if (key := self.current.keys.get(keyid)) is not None
            and key.status is not KeyStatus.REVOKED
            and (scope is None or not key.scopes or scope in key.scopes)
        }

    def threshold_of(self, role: Role) -> int:
        """How many people must sign for a role; unreachable where the list does not name it."""
        holder = self.current.roles.get(role)
        return holder.threshold if holder is not None else MAX_ENVELOPE_BYTES

    def fingerprints(self) -> frozenset[str]:
        """All raw keys that are not revoked: floors of other keys may be forgotten."""
        return frozenset(
            fingerprint(b64decode(key.public))
            for key in self.current.keys.values()
            if key.status is not KeyStatus.REVOKED
        )

    def expired(self, now: datetime) -> bool:
        """Whether the list in force has run out."""
        return self.current.expires <= now


def pin(raw: bytes) -> Trust:
    """The first list of a device, from its provisioning bundle; it must carry its own root threshold.

    Raises:
        TrustRefused: it is not a trust list or does not vouch for itself.
    """
    envelope, listed = _read(raw)
    _require_root(envelope, listed, listed)
    return Trust(listed, raw)


def read_array(raw: bytes) -> tuple[bytes, ...]:
    """The envelopes of a `trust` message, oldest first.

    Raises:
        DocumentInvalid: not a JSON array of envelopes, or too many.
    """
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise TooLarge(f"a trust message of {len(raw)} bytes; {MAX_ENVELOPE_BYTES} are allowed")
    parts = strict_json.decode(raw, tuple[msgspec.Raw, ...])
    if len(parts) > MAX_LISTS:
        raise DocumentInvalid(f"{len(parts)} trust lists; {MAX_LISTS} are allowed")
    return tuple(bytes(part) for part in parts)


def join_array(envelopes: Sequence[bytes]) -> bytes:
    """Inverse of `read_array`."""
    return b"[" + b",".join(envelopes) + b"]"


def advance(trust: Trust, envelopes: Sequence[bytes]) -> Trust:
    """Walk from the list in force to the newest of `envelopes`; those not newer are passed over.

    Raises:
        TrustRefused: a step is missing, is not signed by both thresholds, or forks the list in force.
    """
    for raw in envelopes:
        envelope, listed = _read(raw)
        if listed.version < trust.current.version:
            continue
        if listed.version == trust.current.version:
            if open_payload(parse(trust.raw), TrustList) != listed:
                raise TrustRefused(f"two different trust lists of version {listed.version}: equivocation")
            continue
        if listed.version != trust.current.version + 1:
            raise TrustRefused(f"trust list {trust.current.version + 1} is missing before {listed.version}")
        _require_root(envelope, trust.current, listed)
        _require_root(envelope, listed, listed)
        trust = Trust(listed, raw)
    return trust


def _read(raw: bytes) -> tuple[Envelope, TrustList]:
    """Sizes and strictness first; the payload is read before its signature, because only it names its own root."""
    try:
        envelope = parse(raw)
        if kind_of(envelope.payload_type)[0] != "trust":
            raise TrustRefused(f"{envelope.payload_type} is not a trust list")
        return envelope, open_payload(envelope, TrustList)
    except DocumentInvalid as error:
        raise TrustRefused(f"a trust list cannot be read: {error}") from error


def _require_root(envelope: Envelope, by: TrustList, of: TrustList) -> None:
    root: RoleKeys | None = by.roles.get(Role.ROOT)
    keys = Trust(by, b"").keys_of(Role.ROOT)
    signed = len(witnesses(envelope, keys))
    if root is None or signed < root.threshold:
        raise TrustRefused(
            f"trust list {of.version} is signed by {signed} of {root.threshold if root else '?'} root keys"
            f" of version {by.version}"
        )
