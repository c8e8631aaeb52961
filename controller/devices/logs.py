"""What a device's agent wrote into its own log, as far as it told: the newest lines, each once, in the order it wrote.

Lines are numbered in each life of the agent (`boot`); lives stand in the order in which they were first heard of. What
comes is unsigned: it is text for people, kept within bounds and shown as text.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import DeviceLog
from loa_protocol.documents.device import Health, LogLine
from loa_protocol.lines import one_line

KEPT = 200
_BELIEVED = timedelta(days=365 * 100)
"""How far from now an instant may be to stand in a list: calendars end."""


async def take(session: AsyncSession, told: Sequence[Health], now: datetime) -> list[str]:
    """Keep the lines of these reports, in this order; gives the devices of which something was new.

    Their reports are locked, so that nobody else writes their lines.
    """
    with_lines = [health for health in told if health.log and health.boot is not None]
    if not with_lines:
        return []
    query = select(DeviceLog).where(DeviceLog.device_id.in_(sorted({health.device for health in with_lines})))
    rows = {row.device_id: row for row in await session.scalars(query.execution_options(populate_existing=True))}
    changed: dict[str, None] = {}
    for health in with_lines:
        row = rows.setdefault(health.device, DeviceLog(device_id=health.device, lines=[]))
        lines = joined(row.lines, [_kept(str(health.boot), one, now) for one in health.log])
        if lines != row.lines:
            row.lines, changed[health.device] = lines, None
    session.add_all(rows[device] for device in changed)
    return list(changed)


def joined(known: Sequence[Mapping[str, Any]], fresh: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Both, each line once and as it was first told, oldest first; the newest of them."""
    lines = {(one["boot"], one["number"]): one for one in known}
    for one in fresh:
        lines.setdefault((one["boot"], one["number"]), one)
    lives = {boot: place for place, boot in enumerate(dict.fromkeys(boot for boot, _ in lines))}
    return sorted(lines.values(), key=lambda one: (lives[one["boot"]], one["number"]))[-KEPT:]


def _kept(boot: str, line: LogLine, now: datetime) -> dict[str, Any]:
    """As it is stored; where no calendar has its instant, it was when it came."""
    at = line.at if abs(line.at - now) < _BELIEVED else now
    return {
        "boot": boot,
        "number": line.number,
        "at": at.isoformat(),
        "level": line.level,
        "text": one_line(line.text),
    }


async def newest(session: AsyncSession, device_id: str, limit: int) -> list[Mapping[str, Any]]:
    """The newest lines, newest first."""
    row = await session.get(DeviceLog, device_id)
    return list(reversed(row.lines))[:limit] if row is not None else []
