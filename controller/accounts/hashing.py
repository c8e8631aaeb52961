"""Passwords as argon2id hashes, made and compared beside the event loop, one at a time.

Each costs 19 MiB and some 30 ms by design. So that a flood of sign-ins takes neither the memory nor the time of
everything else, at most one runs and a few wait; who comes then is told to come again. An account that does not exist
is compared with a hash that nobody's password makes: the work is the same.
"""

import asyncio
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from loa_protocol.errors import LoaError

TIME_COST, MEMORY_KIB, LANES = 2, 19_456, 1
"""OWASP's recommendation for argon2id; a password is hashed anew at the next sign-in when these change."""
MOST_WAITING = 8
RETRY_AFTER_S = 2

T = TypeVar("T")


class SignInBusy(LoaError):
    """More people sign in than passwords are looked at."""

    code = "sign_in_busy"


class PasswordDesk:
    """One thread that hashes and compares."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._room = BoundedSemaphore(1 + most_waiting)
        self._nobodys: str | None = None

    def close(self) -> None:
        """What waits is not done any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def make(self, password: str) -> str:
        """The hash of a password.

        Raises:
            SignInBusy: too many wait.
        """
        return await self._turn(password, None)

    async def compare(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one of a hash; without a hash it takes as long and is wrong.

        Raises:
            SignInBusy: too many wait.
        """
        return await self._turn(password, kept, compare=True) == "yes"

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    async def _turn(self, password: str, kept: str | None, *, compare: bool = False) -> str:
        if not self._room.acquire(blocking=False):
            raise SignInBusy(
                "many people sign in just now; try again in a moment",
                vi="đang có nhiều người đăng nhập; hãy thử lại sau vài giây",
                retry_after_s=RETRY_AFTER_S,
            )
        future: Future[str] = self._thread.submit(self._work, password, kept, compare)
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)

    def _work(self, password: str, kept: str | None, compare: bool) -> str:
        if not compare:
            return self._hasher.hash(password)
        try:
            self._hasher.verify(kept or self._dummy(), password)
        except (VerificationError, InvalidHashError):
            return "no"
        return "no" if kept is None else "yes"

    def _dummy(self) -> str:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))
        return self._nobodys
