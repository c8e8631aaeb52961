"""What can be dialled wrong with simulated devices, and how they spread what they send."""

from dataclasses import dataclass

PER_SECOND = 250
"""Devices a second that a fleet's answers are spread to by default: what one controller takes with ease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """`loss`: the part of all messages, both ways, that vanishes. `offline`: the part of devices that is away.

    `away_every_s`, `away_for_s`: every device breaks its connection about that often, and for that long.
    `late_clock_s`: how long after its first connection a device asks for the time.
    """

    loss: float = 0.0
    offline: float = 0.0
    away_every_s: float = 0.0
    away_for_s: float = 10.0
    late_clock_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`connecting` handshakes at a time; states, receipts and questions go out within `spread_s` of their cause."""

    connecting: int = 64
    spread_s: float = 1.0
    state_every_s: float = 60.0
    health_every_s: float = 60.0

    @classmethod
    def of(cls, devices: int) -> "Pace":
        """So that not everybody speaks at once."""
        spread_s = max(1.0, devices / PER_SECOND)
        return cls(spread_s=spread_s, state_every_s=max(60.0, 4 * spread_s), health_every_s=max(60.0, 4 * spread_s))
