"""The database under the ledger: opened, migrated, written by one thread, read by a few."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    String,
    column,
    create_engine,
    event,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from firebreak.errors import DefinitionError
from firebreak.ledger.faults import translated
from firebreak.ledger.locks import Locks, lock
from firebreak.ledger.migrations import HEAD, VERSION_TABLE
from firebreak.ledger.writer import GroupWriter, Job

T = TypeVar("T")

READERS = 4
LOCK_WAIT_S = 10.0
LOCK_POLL_S = 0.0005
_PRIMARY_CODE = 0xFF  # extended result codes of SQLite hold the primary one in their lowest byte
CONNECT_WAIT_S = 5
MIGRATION_LOCK = 0x46_42_4C_44  # the advisory lock that one migrating process holds


class Database:
    """A ledger's database, SQLite or PostgreSQL by its URL. Open it with ``Database.open``."""

    def __init__(self, url: URL) -> None:
        """Make the engines and start the writer; connects to nothing yet."""
        sqlite = url.get_backend_name() == "sqlite"
        make = _sqlite_engine if sqlite else _postgresql_engine
        self._writes = make(url, writes=True)
        self._reads = make(url, writes=False)
        self._writer = GroupWriter(self._writes, None if sqlite else lock)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect and bring the schema up to date. Several processes may do this at once.

        Raises:
            DefinitionError: the URL is neither a SQLite file nor PostgreSQL, or the database is
                not encoded in UTF-8, or of a newer Firebreak.
            LedgerUnavailable: the database does not answer.
        """
        database = cls(_checked(url))
        try:
            await asyncio.to_thread(database._migrate)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Finish what is queued and let go of every connection."""
        await asyncio.to_thread(self._close)

    async def write(self, run: Callable[[Connection], T], locks: Locks | None = None) -> T:
        """Run idempotent work in a transaction; durable when this returns.

        Cancelling the caller does not take the work back.
        """
        job = Job(run, locks or Locks())
        self._writer.submit(job)
        answer: T = await asyncio.wrap_future(job.answer)
        return answer

    async def read(self, run: Callable[[Connection], T]) -> T:
        """Run a query on a thread of the reading pool."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, run)

    def _read(self, run: Callable[[Connection], T]) -> T:
        with translated():
            try:
                return self._read_once(run)
            except DBAPIError as error:
                # The server was restarted under an idle connection: a fresh one may work.
                if not error.connection_invalidated:
                    raise
                return self._read_once(run)

    def _read_once(self, run: Callable[[Connection], T]) -> T:
        with self._reads.connect() as connection:
            return run(connection)

    def _migrate(self) -> None:
        with translated(), self._writes.begin() as connection:
            if connection.dialect.name == "postgresql":
                _check_encoding(connection)
                connection.execute(select(text(f"pg_advisory_xact_lock({MIGRATION_LOCK})")))
            if not _is_up_to_date(connection):
                _upgrade(connection)

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        self._writes.dispose()
        self._reads.dispose()


def _is_up_to_date(connection: Connection) -> bool:
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return False
    versions = table(VERSION_TABLE, column("version_num", String))
    return connection.scalars(select(versions.c.version_num)).all() == [HEAD]


def _upgrade(connection: Connection) -> None:
    # Imported here: it takes as long as all of SQLAlchemy, and is needed once.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "firebreak.ledger:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DefinitionError(
            f"the ledger is not of this Firebreak, which knows schemas up to {HEAD}; a newer "
            f"Firebreak may have made it: {error}"
        ) from error


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DefinitionError(
            "the ledger's URL cannot be read; see FIREBREAK_DATABASE_URL"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise DefinitionError(f"the ledger lives in sqlite or postgresql, not in {backend}")
    if not parsed.database or parsed.database.startswith((":memory:", "file:")):
        raise DefinitionError("a ledger in memory is no record: give a file, sqlite:////path/to.db")
    return parsed


def _sqlite_engine(url: URL, *, writes: bool) -> Engine:
    path = Path(str(url.database))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made before SQLite would, for nobody else to read; its -wal and -shm files follow its mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(
        url,
        pool_size=1 if writes else READERS,
        connect_args={"timeout": 0 if writes else LOCK_WAIT_S},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver must not open transactions by its own rules: `begin` below does.
        connection.isolation_level = None
        _when_free(lambda: connection.execute("PRAGMA journal_mode=WAL"))
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if not writes:
            connection.execute("PRAGMA query_only=ON")

    if writes:

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            _when_free(lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    return engine


def _when_free(run: Callable[[], Any]) -> None:
    """Try until no other process holds the lock, for ``LOCK_WAIT_S`` at most.

    SQLite's own waiting sleeps longer each time, up to 0.1 s, where a commit takes one
    millisecond; and for the change to the write-ahead log it does not wait at all.
    """
    give_up = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            run()
        except (sqlite3.OperationalError, OperationalError) as error:
            cause = error.orig if isinstance(error, OperationalError) else error
            locked = getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not locked or time.monotonic() > give_up:
                raise
            time.sleep(LOCK_POLL_S)
        else:
            return


def _postgresql_engine(url: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=1 if writes else READERS,
        connect_args={
            "connect_timeout": url.query.get("connect_timeout", CONNECT_WAIT_S),
            "client_encoding": "utf8",
        },
        isolation_level="READ COMMITTED" if writes else "AUTOCOMMIT",
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: ConnectionPoolEntry) -> None:
        settings = {"TimeZone": "UTC", "lock_timeout": f"{LOCK_WAIT_S:.0f}s"}
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
            # What has been said to be recorded must be on disk, whatever the server's default.
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
        connection.commit()

    return engine


def _check_encoding(connection: Connection) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise DefinitionError(f"the ledger's database must be encoded in UTF8, not in {encoding}")
