"""The words in which every (broadcast, device) ends. Exactly one outcome; `unknown` is the controller's alone."""

from enum import StrEnum


class Outcome(StrEnum):
    """How a device's part of a broadcast ended."""

    PLAYED = "played"
    PARTIAL = "partial"
    PREEMPTED = "preempted"
    SKIPPED = "skipped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why, where the outcome alone does not say it."""

    STOPPED = "stopped"  # by a stop document
    WITHDRAWN = "withdrawn"  # by the plan
    CONFLICT = "conflict"  # something that goes first lasted beyond latest_start
    TOO_LATE = "too_late"  # the device was off or the plan came late
    POLICY = "policy"  # outside the hours, minutes or dates of the merged policy
    CLOCK = "clock"  # the clock was untrusted at the start
    CONTENT_MISSING = "content_missing"
    CONTENT_BAD = "content_bad"
    OUTPUT_FAILED = "output_failed"
    RELAY_FAILED = "relay_failed"  # a station's stream gave nothing, or nothing stood in for it
    SILENT = "silent"  # below -60 dBFS: nothing audible left the device
    POWER_CUT = "power_cut"  # the device stopped while it sounded
    PLAYER_DIED = "player_died"
    PREEMPTED = "preempted"  # cut by a higher class and not resumed
    NO_ANSWER = "no_answer"  # the deadline passed
    NOT_FOR_DEVICE = "not_for_device"  # e.g. only a board item, on a loudspeaker
    EXPIRED = "expired"  # the plan's expiry passed before the start
