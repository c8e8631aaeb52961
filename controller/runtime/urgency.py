"""What goes out first on a connection."""

from enum import IntEnum


class Urgency(IntEnum):
    """Lower goes first; within one, the order of posting."""

    STOP = 0
    REPLY = 1
    ACK = 2
    COMMAND = 3
    TRUST = 4
    ASSIGNMENT = 5
    POLICY = 6
    PLAN = 7
    INDEX = 8
    CONTENT = 9
