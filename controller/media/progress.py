"""Progress as it may be said: from 0 to 1, never backwards, about ten times a second at most."""

import time
from collections.abc import Callable

_STEP_S = 0.1


class Steps:
    """Passes on shares that are new and not too soon; the last step, 1, always."""

    def __init__(self, tell: Callable[[float], object], now_s: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._now_s = now_s
        self._share = 0.0
        self._next_s = 0.0

    def __call__(self, share: float) -> None:
        """Say a share, if it is worth it."""
        share = min(1.0, share)
        if not share > self._share or (share < 1.0 and self._now_s() < self._next_s):
            return
        self._share = share
        self._next_s = self._now_s() + _STEP_S
        self._tell(round(share, 4))
