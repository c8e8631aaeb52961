"""ID tokens: whether a provider's key signed one, for us, now, in this sign-on. Pure; by `joserfc` and Authlib.

Only algorithms with key pairs are taken (so that no public key is used as a shared secret, and none is not one), and of
a provider's keys only those that fit them. Whatever the libraries raise is one refusal.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, UnsupportedAlgorithmError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

from controller.accounts.encoded import decoded
from controller.accounts.oidc.rules import ALGORITHMS, LEEWAY, OLDEST, OidcProviderWrong, OidcRefused

_MOST_KEYS = 50
_RSA_BYTES = range(256, 1025)
_TYPES = frozenset({"RSA", "EC", "OKP"})
_PUBLIC = frozenset({"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"})


class _Algorithms(JWSRegistry):
    """Ours alone. EdDSA is deprecated as a name (RFC 9864 says Ed25519); providers say it still."""

    def get_alg(self, name: str) -> Any:
        """Raises: UnsupportedAlgorithmError where it is not allowed."""
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(f"{name} is not taken")
        return self.algorithms[name]


class KeyUnknown(OidcRefused):
    """A token is signed by a key that is not among those we know; there may be newer ones."""

    code = "oidc_refused"


def key_set(raw: bytes) -> KeySet:
    """The keys of a provider (RFC 7517) that could sign ID tokens.

    Raises:
        OidcProviderWrong: there is none.
    """
    try:
        listed = json.loads(raw)["keys"]
        found = [key for one in listed[:_MOST_KEYS] if (key := _key(one)) is not None]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise OidcProviderWrong(f"the provider's keys cannot be read: {error!r}") from error
    if not found:
        raise OidcProviderWrong(f"the provider lists no key for {', '.join(ALGORITHMS)}")
    return KeySet(found)


def _key(told: Any) -> Any:
    """One key; None where it is not of our kinds, too small, too large, or not for signatures."""
    try:
        if told["kty"] not in _TYPES or told.get("use", "sig") != "sig":
            return None
        if told["kty"] == "RSA" and len(decoded(told["n"]).lstrip(b"\0")) not in _RSA_BYTES:
            return None
        key = JWKRegistry.import_key({name: value for name, value in told.items() if name in _PUBLIC})
        key.get_op_key("verify")  # the numbers are read here
    except Exception:  # noqa: BLE001 - as one that was not listed: another may do
        return None
    return key


def claims(
    token: str,
    keys: KeySet,
    algorithms: Collection[str],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now: datetime,
) -> Mapping[str, Any]:
    """What a token says, once it is found to be this provider's, for us, of this sign-on, and of now.

    Raises:
        KeyUnknown: its key is not among these.
        OidcRefused: it is not.
    """
    allowed = [one for one in ALGORITHMS if one in algorithms]
    try:
        found = jwt.decode(token, keys, registry=_Algorithms(algorithms=allowed, strict_check_header=False))
        said = CodeIDToken(
            found.claims,
            found.header,
            {
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": client_id},
                "nonce": {"essential": True, "value": nonce},
            },
            {"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        said.validate(now=int(now.timestamp()), leeway=int(LEEWAY.total_seconds()))
        stale = said["iat"] < (now - OLDEST).timestamp()
    except InvalidKeyIdError as error:
        raise KeyUnknown(str(error)) from error
    except Exception as error:
        raise OidcRefused(f"{type(error).__name__}: {error}") from error
    if stale:
        raise OidcRefused("the token was issued long before this sign-on")
    return dict(said)
