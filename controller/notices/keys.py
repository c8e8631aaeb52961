"""The secrets of notices, made at the first start and kept beside the signing keys, readable by their owner only.

`vapid.pem` tells push services who sends; browsers subscribe to it, so that they must subscribe again if it is lost.
From `webhook.secret` the secret of every webhook is derived: the database holds none.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from controller.notices.encryption import CURVE, padless, point
from controller.runtime.keys import KeysMissing
from controller.runtime.secret_files import read_or_make

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class NoticeKeys:
    """Who sends web push, and what webhooks' secrets are derived from."""

    vapid: ec.EllipticCurvePrivateKey
    webhooks: bytes

    @property
    def push_key(self) -> str:
        """What a browser subscribes to (`applicationServerKey`)."""
        return padless(point(self.vapid.public_key()))

    def webhook_secret(self, unit_id: str, url: str, made_at: datetime) -> str:
        """The secret both ends of a webhook sign with; another one each time the webhook is set."""
        told = f"loa webhook\x00{unit_id}\x00{url}\x00{made_at.isoformat()}"
        return padless(hmac.digest(self.webhooks, told.encode(), hashlib.sha256))


def obtain(folder: Path) -> NoticeKeys:
    """The secrets; those that are missing are made. Several processes may do this at once.

    Raises:
        KeysMissing: a file is there and is not what it should be.
    """
    pem = read_or_make(folder / "vapid.pem", _new_vapid)
    raw = read_or_make(folder / "webhook.secret", lambda: secrets.token_hex(_SECRET_BYTES).encode())
    try:
        vapid = load_pem_private_key(pem, password=None)
        if not isinstance(vapid, ec.EllipticCurvePrivateKey):
            raise ValueError("no key of an elliptic curve")  # noqa: TRY004, TRY301 - told below
        return NoticeKeys(vapid, bytes.fromhex(raw.decode().strip()))
    except ValueError as error:
        raise KeysMissing(f"a secret of notices in {folder} cannot be read ({error}); restore its backup") from error


def _new_vapid() -> bytes:
    return ec.generate_private_key(CURVE).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
