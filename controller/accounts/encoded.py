"""base64url without padding, as Web Authentication and JOSE write bytes; each bytes have one spelling here. Pure."""

import base64
import binascii


class NotBase64(ValueError):
    """A text is not base64url in its one spelling."""


def encoded(raw: bytes) -> str:
    """As text."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of a text.

    Raises:
        NotBase64: there is padding, another sign, or a bit too many.
    """
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, AttributeError, binascii.Error) as error:
        raise NotBase64("no base64url") from error
    if encoded(raw) != text:
        raise NotBase64("not the one spelling of these bytes")
    return raw
