"""Refusals in the audit: the first at once, those like it folded to one entry a minute: a flood fills no disk.

They are gathered in memory and written by a part of the controller in transactions of their own; a crash loses what
was counted since, at most a minute of repetitions. What is past `MOST_KINDS` kinds in a minute is counted together.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.audit.asking import NOBODY, Asked
from controller.audit.recording import record
from controller.audit.rules import Who
from controller.people import store as people
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import unbroken

log = logging.getLogger(__name__)

FOLDED = timedelta(minutes=1)
MOST_KINDS = 200
_REFUSED = frozenset({401, 403, 429})
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is folded: the same one was refused the same for the same reason."""

    who: Who
    action: str
    code: str


@dataclass(slots=True)
class _Seen:
    since: datetime
    count: int
    about: Mapping[str, str] = field(default_factory=dict)
    request: str = ""


class Denials:
    """Gathers refusals and writes them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._waiting: dict[Kind, _Seen] = {}
        self._told: dict[Kind, datetime] = {}
        self._woken = asyncio.Event()
        self._writing = asyncio.Lock()

    def saw(self, request: Asked, status: int) -> None:
        """An answer is given. Who gives no credential at all is told to, and not noted."""
        if not (request.hidden or status in _REFUSED):
            return
        if request.who == NOBODY and not _tried(request):
            return
        self.note(request.who, request.action, request.refused or f"http_{status}", request)

    def note(self, who: Who, action: str, code: str, request: Asked | None = None) -> None:
        """Somebody was refused something; written soon."""
        kind = Kind(who, action, code)
        held = self._waiting.get(kind)
        if held is None and kind not in self._told and len(self._waiting) + len(self._told) >= MOST_KINDS:
            kind = Kind(NOBODY, _OTHERS, _OTHERS)
            held = self._waiting.get(kind)
        if held is not None:
            held.count += 1
            return
        about, named = ({}, "") if request is None else (request.about, request.id)
        self._waiting[kind] = _Seen(self._clock.now(), 1, about, named)
        if kind not in self._told:
            self._woken.set()

    async def run(self) -> None:
        """Write until cancelled; what is left is written at the end."""
        try:
            while True:
                await self._round()
        finally:
            await unbroken(self.write(everything=True))

    async def _round(self) -> None:
        try:
            async with asyncio.timeout(FOLDED.total_seconds() / 4):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        try:
            await self.write()
        except Exception as error:  # noqa: BLE001 - told; they wait for the next round
            tell_failure(log, error, "%d kinds of refusals are not yet in the audit; tried again", len(self._waiting))

    async def write(self, *, everything: bool = False) -> None:
        """Put what is due into the audit, in one transaction; all that came before is there then."""
        async with self._writing:
            await self._write(everything=everything)

    async def _write(self, *, everything: bool) -> None:
        now = self._clock.now()
        self._told = {kind: at for kind, at in self._told.items() if now - at < FOLDED}
        due = {kind: seen for kind, seen in self._waiting.items() if everything or kind not in self._told}
        if not due:
            return
        for kind in due:
            del self._waiting[kind]
        try:
            await self._store(due)
        except BaseException:
            for kind, seen in due.items():
                held = self._waiting.setdefault(kind, seen)
                if held is not seen:
                    held.since, held.count = seen.since, held.count + seen.count
            raise
        self._told |= dict.fromkeys(due, now)

    async def _store(self, due: Mapping[Kind, _Seen]) -> None:
        async with self._db.transaction() as session:
            for kind, seen in due.items():
                person = await people.find(session, kind.who.person) if kind.who.person else None
                record(
                    session,
                    kind.action,
                    by=kind.who,
                    now=seen.since,
                    outcome=kind.code,
                    count=seen.count,
                    about=seen.about,
                    units=() if person is None else (person.unit_id,),
                    facts={"first_request": seen.request} if seen.request else {},
                )


def _tried(request: Asked) -> bool:
    """Whether it came with something that should have let it in."""
    names = {name for name, _ in request.scope["headers"]}
    return bool(names & {b"authorization", b"cookie"})
