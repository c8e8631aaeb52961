"""Instants as people type them: `+30s`, `17:00`, `17h30`, `21/11/2026 17:00`, `2026-11-21 17:00`, or RFC 3339."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from loa_protocol.errors import LoaError

_OFFSET = re.compile(r"\+(\d+(?:\.\d+)?)(s|m|h)?\Z")
_CLOCK = re.compile(r"(\d{1,2})(?:[hg](\d{2})?|:(\d{2})(?::(\d{2}))?)\Z")
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})[ T]+(\S+)\Z")
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
        local = now.astimezone(ZONE)
        if wanted := _on(local, text):
            return (wanted if wanted > local else wanted + timedelta(days=1)).astimezone(UTC)
        if (match := _DAY.match(text)) and (
            wanted := _on(local.replace(year=int(match[3]), month=int(match[2]), day=int(match[1])), match[4])
        ):
            return wanted.astimezone(UTC)
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise InstantUnreadable(
            f"không hiểu thời điểm “{text}”; hãy ghi +30s, 17:00, 17h30, “21/11/2026 17:00” hoặc “2026-11-21 17:00”"
            " (no such instant)"
        ) from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=ZONE)).astimezone(UTC)


def _on(day: datetime, text: str) -> datetime | None:
    """A time of day on a local day; None if the text has another form.

    Raises:
        ValueError: there is no such time.
    """
    match = _CLOCK.match(text)
    if not match:
        return None
    return day.replace(
        hour=int(match[1]), minute=int(match[2] or match[3] or 0), second=int(match[4] or 0), microsecond=0
    )
