"""Instants as people type them: `+30s`, `17:00`, `17:00:30`, `2026-11-21 17:00`, or RFC 3339 with a zone."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from loa_protocol.errors import LoaError

_OFFSET = re.compile(r"\+(\d+(?:\.\d+)?)(s|m|h)?\Z")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\Z")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, None: 1}
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class InstantUnreadable(LoaError):
    """A text names no instant."""

    code = "instant_unreadable"


def parse_instant(text: str, now: datetime) -> datetime:
    """The instant in UTC; a bare time of day is the next one in Vietnam, a bare date and time is in Vietnam too.

    Raises:
        InstantUnreadable: it is none of the forms above.
    """
    if match := _OFFSET.match(text):
        return now + timedelta(seconds=float(match[1]) * _UNIT_S[match[2]])
    try:
        if match := _CLOCK.match(text):
            local = now.astimezone(ZONE)
            wanted = local.replace(hour=int(match[1]), minute=int(match[2]), second=int(match[3] or 0), microsecond=0)
            return (wanted if wanted > local else wanted + timedelta(days=1)).astimezone(UTC)
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise InstantUnreadable(
            f"“{text}” is no instant; write +30s, 17:00, “2026-11-21 17:00” or 2026-11-21T17:00:00+07:00"
        ) from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=ZONE)).astimezone(UTC)
