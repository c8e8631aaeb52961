"""Times as people here say them: the clock of Vietnam, the day by its name, durations in words. Pure."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from controller.runtime.years import nearest
from controller.web.translating import Language, Tongue, counted, marked

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_DAYS = (
    marked("thứ Hai"),
    marked("thứ Ba"),
    marked("thứ Tư"),
    marked("thứ Năm"),
    marked("thứ Sáu"),
    marked("thứ Bảy"),
    marked("Chủ nhật"),
)
_MINUTE_S = 60
_HOUR_S = 3600
_HALF_SECOND = timedelta(milliseconds=500)


def instant(text: str | datetime) -> datetime:
    """An instant of the API; of what a device says, the nearest that can be reckoned with."""
    found = datetime.fromisoformat(text) if isinstance(text, str) else text
    return nearest(found if found.tzinfo is not None else found.replace(tzinfo=UTC))


def clock(at: str | datetime, *, seconds: bool = False) -> str:
    """`05:00`, or `05:00:09`; what began a few milliseconds before the hour began at the hour."""
    return (instant(at).astimezone(ZONE) + _HALF_SECOND).strftime("%H:%M:%S" if seconds else "%H:%M")


def day(at: str | datetime | date, tongue: Tongue, today: date | None = None) -> str:
    """`hôm nay`, `ngày mai`, `hôm qua`, else `thứ Hai 23/11/2026`; the English order of the date, too, is the day's."""
    on = _date(at)
    if today is not None:
        near = {
            today: marked("hôm nay"),
            today + timedelta(1): marked("ngày mai"),
            today - timedelta(1): marked("hôm qua"),
        }
        if on in near:
            return tongue.say(near[on])
    figures = on.strftime("%d/%m/%Y") if tongue.language is Language.VI else on.strftime("%d %b %Y")
    return f"{tongue.say(_DAYS[on.weekday()])} {figures}"


def moment(at: str | datetime, tongue: Tongue, today: date | None = None, *, seconds: bool = False) -> str:
    """`05:00 hôm nay`, or `05:00:09 hôm nay`."""
    return f"{clock(at, seconds=seconds)} {day(at, tongue, today)}"


def lasting(seconds: float, tongue: Tongue) -> str:
    """`3 phút 20 giây`; seconds are left out from ten minutes on, minutes from a day on."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, _HOUR_S)
    minutes, left = divmod(rest, _MINUTE_S)
    parts = []
    if hours:
        parts.append(tongue.count(counted("%(num)s giờ"), hours))
    if minutes and hours < 24:  # noqa: PLR2004
        parts.append(tongue.count(counted("%(num)s phút"), minutes))
    if not hours and ((minutes < 10 and left) or not minutes):  # noqa: PLR2004
        parts.append(tongue.count(counted("%(num)s giây"), left))
    return " ".join(parts)


def today_of(now: datetime) -> date:
    """The day in Vietnam."""
    return now.astimezone(ZONE).date()


def _date(at: str | datetime | date) -> date:
    if isinstance(at, date) and not isinstance(at, datetime):
        return at
    if isinstance(at, str) and len(at) == len("2026-11-21"):
        return date.fromisoformat(at)
    return instant(at).astimezone(ZONE).date()
