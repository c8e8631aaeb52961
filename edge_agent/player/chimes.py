"""The chimes this player can sound, by their names in a cue."""

from edge_agent.player.errors import UnknownChimeError
from edge_agent.player.levels import Samples
from loa_protocol.chimes import CHIMES, struck

__all__ = ["CHIMES", "chime"]


def chime(name: str) -> Samples:
    """Samples of a named chime, mono 48 kHz, peak -9.1 dBFS, ending in silence.

    Raises:
        UnknownChimeError: no chime has this name.
    """
    if name not in CHIMES:
        raise UnknownChimeError(f"no chime is called {name!r}; known are {', '.join(sorted(CHIMES))}")
    return struck(CHIMES[name])
