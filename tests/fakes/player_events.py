"""A listener for the player's events that a test can wait on."""

import asyncio


class Heard:
    """Keeps what the player told, lets a test wait for a kind of event."""

    def __init__(self):
        self.events = []
        self._news = asyncio.Event()

    def __call__(self, event):
        self.events.append(event)
        self._news.set()

    def of(self, kind, occurrence=None):
        return [e for e in self.events if isinstance(e, kind) and occurrence in (None, getattr(e, "occurrence", None))]

    async def wait(self, kind, occurrence=None, *, count=1, timeout_s=20):
        async with asyncio.timeout(timeout_s):
            while len(self.of(kind, occurrence)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind, occurrence)[count - 1]
