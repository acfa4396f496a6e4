"""The database of rlm_sql: short transactions on a fresh connection, bounded, errors translated."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from firebreak.errors import AuthFailed, FirebreakError, OutcomeUnknown, Rejected, Unreachable

T = TypeVar("T")

_CONNECT_S = 5
_STATEMENT_S = 5
_SQLITE_BUSY = 5  # https://www.sqlite.org/rescode.html, primary codes
_SQLITE_LOCKED = 6
_SQLITE_IOERR = 10
_SQLITE_FULL = 13
_PRIMARY_CODE = 0xFF
_WRITES = "firebreak_writes"  # the execution option of a connection that will change rows


class RadiusDatabase:
    """SQLite or PostgreSQL by its URL. Methods block: call them in threads."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet.

        Raises:
            Rejected: the URL cannot be read, names another database, or a SQLite file that is not
                there. The URL is in no message: it holds a password.
        """
        parsed = _parsed(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        self._engine = _sqlite(parsed) if sqlite else _postgresql(parsed)

    def read(self, run: Callable[[Connection], T]) -> T:
        """Run queries. Raises Unreachable, AuthFailed, Rejected."""
        with _translated(), self._engine.connect() as connection:
            return run(connection)

    def write(self, change: Callable[[Connection], bool], last_look: Callable[[], None]) -> None:
        """Change rows in one transaction.

        ``change`` says whether there is something to make permanent; if so ``last_look`` is called
        right before, and may raise to stop it.

        Raises:
            OutcomeUnknown: the connection broke while the change was being made permanent.
            Unreachable, AuthFailed, Rejected: nothing was changed.
        """
        engine = self._engine.execution_options(**{_WRITES: True})
        with _translated(), engine.connect() as connection:
            if not change(connection):
                return
            last_look()
            try:
                connection.commit()
            except SQLAlchemyError as error:
                raise OutcomeUnknown(f"the commit was not confirmed: {_said(error)}") from error

    def close(self) -> None:
        """Let go of everything."""
        self._engine.dispose()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The error quotes the URL.
        raise Rejected("the URL of the RADIUS database cannot be read") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise Rejected(f"the RADIUS database must be postgresql or sqlite, not {backend}")
    if not parsed.database or not Path(parsed.database).is_file():
        # SQLite would make an empty one, which no RADIUS server reads.
        raise Rejected("the SQLite file of the RADIUS database is not there")
    return parsed


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": _STATEMENT_S}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        # The driver must not open transactions by its own rules: `begin` below does.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": _CONNECT_S,
                "tcp_user_timeout": _STATEMENT_S * 1000,
                "client_encoding": "utf8",
            },
        )
    except ModuleNotFoundError as error:
        raise Rejected("PostgreSQL needs Firebreak's extra `postgresql`") from error

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        limit = f"{_STATEMENT_S}s"
        settings = {"statement_timeout": limit, "lock_timeout": limit, "synchronous_commit": "on"}
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise _translate(error) from error


def _translate(error: SQLAlchemyError) -> FirebreakError:
    said = f"the RADIUS database: {_said(error)}"
    origin = error.orig if isinstance(error, DBAPIError) else None
    state = str(getattr(origin, "sqlstate", None) or "")
    if state.startswith("28") or _refused_login(origin):  # 28: invalid authorization
        return AuthFailed(said)
    if state.startswith("42"):  # no such table or column, no privilege
        return Rejected(said)
    code = getattr(origin, "sqlite_errorcode", None)
    passing = (_SQLITE_BUSY, _SQLITE_LOCKED, _SQLITE_IOERR, _SQLITE_FULL)
    if code is not None and code & _PRIMARY_CODE not in passing:
        return Rejected(said)
    return Unreachable(said)


def _refused_login(origin: object) -> bool:
    """Whether psycopg failed to connect once the server had asked for a password: no SQLSTATE."""
    connection = getattr(origin, "pgconn", None)
    asked = getattr(connection, "used_password", False) or getattr(
        connection, "needs_password", False
    )
    return bool(asked) and getattr(origin, "sqlstate", None) is None


def _said(error: SQLAlchemyError) -> str:
    """The driver's words, on one line; they name host and user, and never a password."""
    return " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
