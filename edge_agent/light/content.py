"""Content as a light device meets it: a port, and the answer of a device that is given none to receive."""

from collections.abc import Callable, Iterable
from typing import Protocol

from edge_agent.content.fetcher import Need

Send = Callable[[str, bytes, int], bool]
"""(topic, payload, QoS) → whether it was handed to the socket."""


class LightContent(Protocol):
    """The assets of one device."""

    @property
    def topics(self) -> Iterable[str]:
        """What to listen to now."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Roots that are needed and not whole."""

    def need(self, needs: Iterable[Need]) -> None:
        """What the plans will need now; replaces what was needed before."""

    def ready(self, root: str) -> bool:
        """Whether an asset is whole."""

    def take(self, topic: str, payload: bytes) -> None:
        """A message on a content topic; anything may be in it."""


ContentMaker = Callable[[str, Send, Callable[[], None]], LightContent]
"""(device id, how to send, whom to tell when topics or readiness changed) → its content."""


class AssumedContent:
    """Receives nothing and takes all content for whole: for fleets that measure something else."""

    topics: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def need(self, needs: Iterable[Need]) -> None:
        """Nothing is fetched."""

    def ready(self, root: str) -> bool:  # noqa: ARG002 - the port's signature
        """Always."""
        return True

    def take(self, topic: str, payload: bytes) -> None:
        """Nothing was asked for."""


_ASSUMED = AssumedContent()


def assumed(device_id: str, send: Send, changed: Callable[[], None]) -> LightContent:  # noqa: ARG001 - a ContentMaker
    """All devices share the one that does nothing."""
    return _ASSUMED
