"""Passwords as argon2id hashes, made and compared beside the event loop, one at a time.

Each costs 19 MiB and some 30 ms by design. So that a flood of sign-ins takes neither the memory nor the time nor the
database of everything else, one attempt is dealt with at a time, its writing included, and a few wait; who comes then
is told to come again. An account that does not exist is compared with a hash that nobody's password makes: the work is
the same.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from loa_protocol.errors import LoaError

TIME_COST, MEMORY_KIB, LANES = 2, 19_456, 1
"""OWASP's recommendation for argon2id; a password is hashed anew at the next sign-in when these change."""
MOST_WAITING = 8
RETRY_AFTER_S = 2

P = ParamSpec("P")
T = TypeVar("T")


class SignInBusy(LoaError):
    """More people sign in than passwords are looked at."""

    code = "sign_in_busy"


class PasswordDesk:
    """One thread that hashes and compares, for one after the other."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._room = 1 + most_waiting
        self._turn = asyncio.Lock()
        self._nobodys: str | None = None

    def close(self) -> None:
        """What waits is not done any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """All of one attempt: what is compared, and what is written about it. One at a time, the first who came first.

        Raises:
            SignInBusy: too many wait.
        """
        if not self._room:
            raise SignInBusy(
                "many people sign in just now; try again in a moment",
                vi="đang có nhiều người đăng nhập; hãy thử lại sau vài giây",
                retry_after_s=RETRY_AFTER_S,
            )
        self._room -= 1
        try:
            async with self._turn:
                yield
        finally:
            self._room += 1

    async def make(self, password: str) -> str:
        """The hash of a password; in a `turn`."""
        return await self._beside(self._hasher.hash, password)

    async def compare(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one of a hash; without a hash it takes as long and is wrong. In a `turn`."""
        return await self._beside(self._is_right, kept, password)

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    async def _beside(self, work: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
        if not self._turn.locked():
            raise AssertionError("passwords are looked at one at a time, in a turn")
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *given, **more))

    def _is_right(self, kept: str | None, password: str) -> bool:
        try:
            self._hasher.verify(kept or self._dummy(), password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def _dummy(self) -> str:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))
        return self._nobodys
