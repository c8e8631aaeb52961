"""How often one address may try to sign in; what is more is turned away before anything is looked at.

Counted in memory: a restart forgets it, the waits of accounts are in the database. Of an IPv6 address the network of
64 bits counts, which one customer has. Addresses share a fixed number of counters, by a salted digest, so that a flood
from many of them grows nothing; that two share one is rare and passes with the minute.
"""

import asyncio
import hashlib
import ipaddress
import math
import secrets
from datetime import datetime

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from loa_protocol.errors import LoaError

COUNTERS = 4096
_NETWORK_BITS = 64


class SignInTooOften(LoaError):
    """One address tries to sign in too often."""

    code = "sign_in_too_often"


class AddressLimit:
    """So many attempts a minute and address."""

    def __init__(self, per_minute: int) -> None:
        self._limit = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._salt = secrets.token_bytes(16)

    async def require(self, address: str, now: datetime) -> None:
        """Count one attempt.

        Raises:
            SignInTooOften: it is one too many.
        """
        counter = self._counter(address)
        if await self._limiter.hit(self._limit, counter):
            return
        reset = (await self._limiter.get_window_stats(self._limit, counter)).reset_time
        seconds = min(max(1, math.ceil(reset - now.timestamp())), 60)
        raise SignInTooOften(
            f"too many attempts to sign in from {address}; try again in {seconds} s",
            vi=f"có quá nhiều lần đăng nhập từ máy này; hãy thử lại sau {seconds} giây",
            retry_after_s=seconds,
        )

    def _counter(self, address: str) -> str:
        digest = hashlib.blake2b(network(address).encode(), key=self._salt, digest_size=4).digest()
        return str(int.from_bytes(digest, "big") % COUNTERS)


class Crowd:
    """Who is turned away is answered a moment later: a crowd that asks again at once takes no time from others.

    So many wait at most; who comes then is answered at once, so that a crowd takes no memory either.
    """

    def __init__(self, hold_s: float = 1.0, most: int = 200) -> None:
        self.hold_s = hold_s
        self._room = most

    async def hold(self) -> None:
        """Wait a moment, where there is room to."""
        if not self._room:
            return
        self._room -= 1
        try:
            await asyncio.sleep(self.hold_s)
        finally:
            self._room += 1


def network(address: str) -> str:
    """What stands for the customer behind an address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    if isinstance(found, ipaddress.IPv6Address) and mapped is None:
        return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
    return str(mapped or found)
