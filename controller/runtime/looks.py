"""One look at what is stored, for several reads of one request, one after another."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from starlette.requests import Request

from controller.runtime.database import Database
from controller.runtime.database_faults import DatabaseBusy, DatabaseUnavailable


class Look:
    """A session for queries only that reads share, so that they agree with each other and cost one transaction.

    It opens with the first read. Whoever makes a look ends it, and soon: it holds a connection meanwhile, and every row
    that it has met, so that a row is asked for by its key once.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._held = AsyncExitStack()
        self._session: AsyncSession | None = None
        self._rows: list[object] = []

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """As `Database.reading`; after a fault of the database the next read begins a new look."""
        if self._session is None:
            self._session = await self._held.enter_async_context(self._db.reading())
            event.listen(self._session.sync_session, "loaded_as_persistent", self._keep)
        try:
            with self._db.watched():
                yield self._session
        except (DatabaseUnavailable, DatabaseBusy, DBAPIError):
            await self.end()
            raise

    async def end(self) -> None:
        """Let go of the connection."""
        self._session = None
        self._rows.clear()
        await self._held.aclose()

    def _keep(self, _session: Session, row: object) -> None:
        self._rows.append(row)


def reading(request: Request, db: Database) -> AbstractAsyncContextManager[AsyncSession]:
    """A session for queries of a request: of the look that it is part of, if it is part of one."""
    look: Look | None = getattr(request.state, "look", None)
    return db.reading() if look is None else look.reading()
