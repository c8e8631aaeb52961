"""The key of accounts, made at the first start and kept beside the signing keys, readable by its owner only.

From it are derived the key that seals the secrets of authenticators and the one that makes CSRF tokens. Without it
nobody's authenticator works any more: it belongs into the backup.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from controller.runtime.keys import KeysMissing
from controller.runtime.secret_files import read_or_make

_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """What seals, and what marks: two keys of 32 bytes."""

    sealing: bytes
    marking: bytes

    def seal(self, text: bytes, about: str) -> bytes:
        """AES-256-GCM, nonce in front; `about` must be the same again to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.sealing).encrypt(nonce, text, about.encode())

    def unseal(self, sealed: bytes, about: str) -> bytes:
        """What was sealed.

        Raises:
            KeysMissing: by another key, or about something else.
        """
        try:
            return AESGCM(self.sealing).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except InvalidTag as error:
            raise KeysMissing(
                "the secret of an authenticator was sealed by another key; restore keys/accounts.secret from the backup"
            ) from error

    def mark(self, told: str) -> str:
        """HMAC-SHA-256 in hex, which only this controller can make."""
        return hmac.digest(self.marking, told.encode(), hashlib.sha256).hex()


def obtain(folder: Path) -> AccountKeys:
    """The keys; the file is made where it is missing. Several processes may do this at once.

    Raises:
        KeysMissing: the file is there and is not what it should be.
    """
    raw = read_or_make(folder / "accounts.secret", lambda: secrets.token_hex(_BYTES).encode())
    try:
        secret = bytes.fromhex(raw.decode().strip())
        if len(secret) != _BYTES:
            raise ValueError(f"{len(secret)} bytes instead of {_BYTES}")  # noqa: TRY301 - told below
    except ValueError as error:
        raise KeysMissing(f"{folder / 'accounts.secret'} cannot be read ({error}); restore its backup") from error
    return AccountKeys(_derived(secret, b"loa seal"), _derived(secret, b"loa mark"))


def _derived(secret: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), _BYTES, None, info).derive(secret)
