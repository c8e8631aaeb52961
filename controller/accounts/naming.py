"""Sign-in names: short ones or mail addresses, the same whatever case they are typed in. Pure."""

import re
import unicodedata

from loa_protocol.errors import LoaError

LONGEST = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,98}[a-z0-9]")


class SignInNameRefused(LoaError):
    """A sign-in name cannot be one, or there is none."""

    code = "sign_in_name_refused"


class SignInNameTaken(LoaError):
    """Somebody else signs in by this name."""

    code = "sign_in_name_taken"


def folded(name: str) -> str:
    """As names are compared; what no name can be folds to something that nobody has."""
    return unicodedata.normalize("NFKC", name).strip().casefold()[: LONGEST * 2]


def require(name: str) -> str:
    """The folded name.

    Raises:
        SignInNameRefused: it cannot be one.
    """
    found = folded(name)
    if _NAME.fullmatch(found) is None:
        raise SignInNameRefused(
            "a sign-in name has 3 to 100 letters a to z, digits, and . _ @ + - inside; a mail address is fine",
            vi="tên đăng nhập gồm 3–100 chữ không dấu, chữ số và các dấu . _ @ + -; dùng địa chỉ thư cũng được",
        )
    return found
