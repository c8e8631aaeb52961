"""Codes of an authenticator app (TOTP, RFC 6238), and the ones on paper that stand in for it. Pure but for randomness.

A code is good for its 30 seconds and the 30 before and after, for clocks that differ, and once: the step of the last
one taken is kept. A paper code has 120 random bits, so that its SHA-256 says nothing of it.
"""

import base64
import hmac
import re
import secrets
from datetime import datetime

import pyotp

from loa_protocol.errors import LoaError

STEP_S = 30
DIGITS = 6
_DRIFT_STEPS = 1
_SECRET_CHARACTERS = 32  # of base32: 160 bits, as RFC 4226 recommends
PAPER_CODES = 10
_PAPER_BYTES = 15
_GROUP = 4
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")
ISSUER = "Loa"


class CodeWrong(LoaError):
    """A code is wrong, was used before, or is too old."""

    code = "code_wrong"


def wrong() -> CodeWrong:
    """The same for every reason."""
    return CodeWrong(
        "the code is wrong, was used before, or is too old; wait for the next one and check the telephone's clock",
        vi="mã không đúng, đã dùng rồi hoặc quá hạn; hãy chờ mã kế tiếp và kiểm tra giờ trên điện thoại",
    )


def new_secret() -> str:
    """A secret for an authenticator, in base32."""
    return pyotp.random_base32(_SECRET_CHARACTERS)


def address(secret: str, sign_in_name: str) -> str:
    """The `otpauth:` address that authenticators read from a QR code."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S).provisioning_uri(name=sign_in_name, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime, after: int | None) -> int | None:
    """The time step of a code, later than `after`; None: it is wrong, or was used.

    Every step is compared, so that the time this takes says nothing.
    """
    given = re.sub(r"\s", "", code)
    if not is_code(given):
        return None
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    steps = range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1)
    fitting = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), given)]
    return next((step for step in fitting if after is None or step > after), None)


def is_code(given: str) -> bool:
    """Whether it looks like a code of an authenticator, not like one on paper."""
    return _CODE.fullmatch(re.sub(r"\s", "", given)) is not None


def new_paper_codes() -> list[str]:
    """Ten codes to write down, in groups of four."""
    return [_grouped(base64.b32encode(secrets.token_bytes(_PAPER_BYTES)).decode().lower()) for _ in range(PAPER_CODES)]


def normal_paper_code(given: str) -> str:
    """As its digest is made: however it was typed."""
    return re.sub(r"[^a-z2-7]", "", given.lower())


def _grouped(text: str) -> str:
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
