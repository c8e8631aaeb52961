"""What passkeys are held to: who we are to a browser, what a challenge is good for, which of them may go. Pure.

A passkey counts as two factors, because the browser's device checks who uses it (user verification); so it is asked
for always. A challenge is good once, for one purpose, for five minutes. A counter that went back means that somebody
has a copy of the key.
"""

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from controller.accounts.encoded import decoded
from loa_protocol.errors import LoaError

LIFE = timedelta(minutes=5)
MOST = 20
CHALLENGE_BYTES = 32
LOCALHOST = "localhost"
_PORTS = {"https": 443, "http": 80}


class PasskeysUnavailable(LoaError):
    """Browsers keep no passkeys for the address of these pages."""

    code = "passkeys_unavailable"


class PasskeyRefused(LoaError):
    """What a browser answered proves nothing; `reason` is for the log, whoever asked is told no more than that."""

    code = "passkey_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "this passkey was not accepted; try again, or sign in another way",
            vi="khóa truy cập này không được chấp nhận; hãy thử lại hoặc đăng nhập bằng cách khác",
        )
        self.reason = reason


class PasskeyCopied(LoaError):
    """A counter went back: somebody may have a copy of the key. `reason` is for the log."""

    code = "passkey_copied"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "this passkey may have been copied and is locked; sign in another way, remove it, tell an administrator",
            vi="khóa truy cập này có thể đã bị sao chép nên bị khóa; hãy đăng nhập bằng cách khác, xóa khóa này và báo"
            " người quản trị",
        )
        self.reason = reason


class PasskeyInvalid(LoaError):
    """What a browser answered is no new passkey."""

    code = "passkey_invalid"


class PasskeyUnknown(LoaError):
    """The person has no such passkey."""

    code = "passkey_unknown"


class ChallengeOver(LoaError):
    """A challenge is unknown, used, expired, or for something else."""

    code = "passkey_challenge_over"


class PasskeysFull(LoaError):
    """A person has as many passkeys as one may have."""

    code = "passkeys_full"


class LastFactor(LoaError):
    """Without it a person could not sign in as their roles demand."""

    code = "last_factor"


class Purpose(StrEnum):
    """What a challenge is good for."""

    REGISTER = "register"
    SIGN_IN = "sign-in"
    PROVE = "prove"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who we are to a browser: passkeys are bound to the name `id`, answers to pages of `origin`."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a challenge was made for; `session_id` is the session in which it has to be answered."""

    purpose: Purpose
    person_id: str | None
    session_id: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Factors:
    """By what a person can sign in."""

    passkeys: int
    password: bool
    totp: bool
    linked: bool = False

    @property
    def strong(self) -> bool:
        """With two factors."""
        return self.passkeys > 0 or (self.password and self.totp)

    @property
    def any(self) -> bool:
        """At all."""
        return self.passkeys > 0 or self.password or self.linked


def relying_party(address: str) -> RelyingParty:
    """Of the address where people open the pages.

    Raises:
        PasskeysUnavailable: its host is no name, or it is not encrypted.
    """
    parts = urlsplit(address)
    host = _name(parts.hostname or "")
    if host is None or (parts.scheme != "https" and host != LOCALHOST):
        raise PasskeysUnavailable(
            f"browsers keep no passkeys for {address}: it has to be https:// and a name, or http://localhost;"
            " open it so, or correct LOA_PUBLIC_URL",
            vi="địa chỉ của hệ thống chưa dùng được khóa truy cập; hãy báo người quản trị",
        )
    usual = parts.port in (None, _PORTS[parts.scheme])
    return RelyingParty(host, f"{parts.scheme}://{host}" + ("" if usual else f":{parts.port}"))


def _name(host: str) -> str | None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return None
    try:
        return host.encode("idna").decode() or None
    except UnicodeError:
        return None


def digest(challenge: bytes) -> str:
    """By what a challenge is kept."""
    return hashlib.sha256(challenge).hexdigest()


def challenge_of(client_data: bytes) -> bytes:
    """The challenge that a browser says it answers, on a page of ours and not in a frame of another's.

    Raises:
        PasskeyRefused: it says none, or it is in a frame.
    """
    try:
        said = json.loads(client_data)
        challenge = decoded(said["challenge"])
        framed = said.get("crossOrigin", False) is not False or "topOrigin" in said
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise PasskeyRefused("the browser's data names no challenge") from error
    if framed:
        raise PasskeyRefused("the page was in a frame of another's")
    return challenge


def require_fit(asked: Asked | None, *, purpose: Purpose, session_id: str | None, now: datetime) -> Asked:
    """The challenge, if it is good for this.

    Raises:
        ChallengeOver: it is not.
    """
    if (
        asked is None
        or asked.purpose is not purpose
        or asked.session_id != session_id
        or not asked.expires_at - LIFE <= now < asked.expires_at
    ):
        raise ChallengeOver(
            f"the challenge is unknown, used before, or older than {LIFE.seconds // 60} minutes; begin again",
            vi="lần xác thực này đã hết hạn hoặc đã dùng; hãy làm lại từ đầu",
        )
    return asked


def went_back(known: int, said: int) -> bool:
    """Whether a counter is not past what it said before; keys without one always say 0."""
    return (known > 0 or said > 0) and said <= known


def require_room(count: int) -> None:
    """One more passkey fits.

    Raises:
        PasskeysFull: it does not.
    """
    if count >= MOST:
        raise PasskeysFull(
            f"you have {MOST} passkeys; remove one you no longer use first",
            vi=f"bạn đã có {MOST} khóa truy cập; hãy xóa bớt khóa không còn dùng",
        )


def require_removable(left: Factors, *, needs_strong: bool) -> None:
    """What is left suffices to sign in; `needs_strong`: an approver or administrator, who needs two factors.

    Raises:
        LastFactor: it does not.
    """
    if left.strong or (left.any and not needs_strong):
        return
    raise LastFactor(
        "without it you could not sign in as your roles demand; add another passkey, or a password"
        " and an authenticator, first",
        vi="bỏ đi thì bạn không đăng nhập đủ hai lớp được nữa; hãy thêm khóa khác, hoặc mật khẩu và mã xác thực, trước",
    )
