"""Whether the machine itself stood still: what no program under test can help."""

import threading
import time
from types import TracebackType
from typing import Self

_NAP_S = 0.002


class Stalls:
    """A thread that sleeps and notes how long it was kept from waking; use as a context manager."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stalls", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            before = time.perf_counter()
            time.sleep(_NAP_S)
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - before - _NAP_S) * 1000)
