"""The database: engine, sessions and the types all tables share.

One session is one transaction: `transaction()` commits at its end or rolls everything back; `attempt()` does that
again where another writer was in the way; `reading()` sees one instant and never blocks a writer. Instants are aware
UTC in Python and naive UTC in the database. SQLite runs in WAL with synchronous=FULL: an accepted broadcast outlives
a power cut.

SQLite lets one writer in at a time. On PostgreSQL (READ COMMITTED) writers of many processes meet, and these rules
stand in for that:

1. Who changes what a topic says asks for it (`delivery.store.want`) before looking at anything the change depends on:
   the row of the wish is the topic's lock until the commit. Versions are a compare-and-set besides.
2. Rows that are read in order to be changed are read FOR UPDATE; a first row is made by `upsert.insert`.
3. Rows of one table are locked in the order of their keys; who cannot know them all beforehand uses `attempt`.
4. Look, then insert: the loser of a race meets the unique key, and `attempt` lets it look again.
5. Work by the clock skips locked rows: another process is at them.
6. What no row or key can guard is done `alone` under a name.
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    URL,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    TypeDecorator,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session

from controller.runtime import migration
from controller.runtime.database_faults import DatabaseUnavailable, in_the_way, translated

log = logging.getLogger(__name__)

T = TypeVar("T")
TRIES = 5
CONNECTIONS = 20
_KEPT_OPEN = 5
_READ_ONLY = "loa_read_only"
_KEPT = "loa_kept"
_LONGEST_PAUSE_S = 0.05
_POSTGRES = {
    "application_name": "loa",
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    # Nobody waits for a lock longer than for SQLite's; a process that hangs in a transaction holds no locks for ever.
    # Queries end before compiling them, or starting helpers for them, would pay; what they look up is in memory or on
    # a disk without heads, where a row found by its key costs hardly more than the next one.
    "options": (
        "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
        " -c jit=off -c max_parallel_workers_per_gather=0 -c random_page_cost=1.1"
    ),
}

Large = BigInteger().with_variant(Integer, "sqlite")
"""Whole numbers that may pass 2^31: bytes, milliseconds, sequences. SQLite's integers are that wide anyway."""


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class UtcInstant(TypeDecorator[datetime]):
    """Aware UTC outside, naive UTC inside, microseconds kept."""

    impl = DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a zone")
        try:
            found = value.astimezone(UTC)
        except OverflowError:  # a device may say so: in UTC it is beyond the calendar
            found = _LAST if value.year == _LAST.year else _FIRST
        return found.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From the database."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base of every table; constraint names are fixed so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcInstant, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class Transaction(Session):
    """Every session of a `Database`; whoever watches what transactions do (the audit) listens to this class."""


class Database:
    """One engine and its sessions. `connections`: the most this process opens to PostgreSQL."""

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        self.url = url
        address = make_url(url)
        postgres = address.get_backend_name() == "postgresql"
        options = _pool(address, connections) if postgres else {}
        self.engine: AsyncEngine = create_async_engine(address, json_serializer=_json, **options)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, sync_session_class=Transaction)
        self._snapshot: dict[str, Any] = {_READ_ONLY: True}
        self._away = False
        if postgres:
            self._snapshot |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        else:
            _prepare_sqlite(self.engine)

    async def migrate(self) -> None:
        """Bring the schema to the newest revision; safe to repeat, and from several processes at once.

        Raises:
            DatabaseUnfit: it cannot hold what we store.
            DatabaseUnavailable, DatabaseBusy: not now.
        """
        with self.watched():
            async with self.engine.connect() as connection:
                await connection.run_sync(migration.upgrade)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end and rolls back on any error.

        Raises:
            DatabaseUnavailable, DatabaseBusy: nothing was stored; where the connection broke in the commit, it is not
                known.
        """
        with self.watched():
            async with self._sessions() as session, session.begin():
                yield session

    async def attempt(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """`work` in a transaction, and from its beginning again, a few times, where another writer was in the way.

        `work` must have no effect but on its session. Raises as `transaction`.
        """
        for turn in range(1, TRIES + 1):
            try:
                async with self.transaction() as session:
                    return await work(session)
            except Exception as error:
                cause = error.__cause__ if not isinstance(error, DBAPIError) else error
                if turn == TRIES or not isinstance(cause, Exception) or not in_the_way(cause):
                    raise
                log.info("another writer was in the way (%s); trying again", type(cause).__name__)
            await asyncio.sleep(random.random() * _LONGEST_PAUSE_S * turn)  # noqa: S311 - parts the two
        raise AssertionError("the last turn returns or raises")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for queries only: a consistent snapshot that takes no lock. Raises as `transaction`."""
        with self.watched():
            async with self._sessions() as session:
                await session.connection(execution_options=self._snapshot)
                session.info[_READ_ONLY] = True
                yield session

    async def close(self) -> None:
        """Let go of all connections."""
        await self.engine.dispose()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Say once that the database is away, and once that it is back."""
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            fault = translated(error)
            if fault is None:
                raise
            if isinstance(fault, DatabaseUnavailable) and not self._away:
                self._away = True
                log.error("%s; work waits and is tried again, the API answers 503", fault)  # noqa: TRY400 - foreseen
            raise fault from error
        if self._away:
            self._away = False
            log.warning("the database serves again; work goes on")


def kept(session: AsyncSession) -> dict[Hashable, Any]:
    """What has been read in this session and is kept for whoever reads it again, by what it is.

    Sessions of `reading` see one state of everything to their end; of one that writes, nothing is kept.
    """
    known: dict[Hashable, Any] = session.info.setdefault(_KEPT, {}) if _READ_ONLY in session.info else {}
    return known


async def alone(session: AsyncSession, name: str) -> None:
    """Until the commit, whoever else asks for this name waits. On SQLite a writer is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def _json(value: Any) -> str:
    """JSON as it is stored. PostgreSQL takes no NUL out of it again, and one device must not spoil a query over all."""
    return json.dumps(value).replace("\\u0000", "\ufffd")


def _pool(address: URL, connections: int) -> dict[str, Any]:
    """What the URL itself says of the connection stands."""
    kept = min(_KEPT_OPEN, connections)
    return {
        "pool_size": kept,
        "max_overflow": connections - kept,
        "pool_timeout": 10,
        "pool_pre_ping": True,
        "connect_args": {name: value for name, value in _POSTGRES.items() if name not in address.query},
    }


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """BEGIN IMMEDIATE instead of the driver's late BEGIN: writers queue up instead of failing half-way."""
    patience = f"busy_timeout={migration.USUAL_PATIENCE_MS}"

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (patience, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        reading = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
