import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from firebreak.errors import DefinitionError, LedgerConflict, LedgerUnavailable
from firebreak.ledger.database import Database, _sqlite_engine
from firebreak.ledger.migrations import HEAD, VERSION_TABLE
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tables import metadata
from firebreak.ledger.writer import GroupWriter, Job
from tests.unit.ledger.chains import INCIDENT, note


async def test_migrations_make_exactly_the_tables_the_code_knows(ledger: SqlLedger) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert context.get_current_heads() == (HEAD,)
        return list(compare_metadata(context, metadata))

    assert await ledger.database.read(differences) == []


async def test_the_schema_of_a_newer_firebreak_is_refused(ledger: SqlLedger, url: str) -> None:
    newer = text("UPDATE schema_version SET version_num = '9999'")
    await ledger.database.write(lambda connection: connection.execute(newer))
    with pytest.raises(DefinitionError, match="newer Firebreak"):
        await Database.open(url)


@pytest.mark.parametrize("statement", ["UPDATE entries SET actor = 'eve'", "DELETE FROM entries"])
async def test_the_database_itself_refuses_to_change_an_entry(
    ledger: SqlLedger,
    statement: str,
) -> None:
    (appended,) = await ledger.append(note("a"))
    with pytest.raises(LedgerConflict, match="append-only"):
        await ledger.database.write(lambda c: c.execute(text(statement)))
    assert await ledger.chain(INCIDENT) == (appended.entry,)


async def test_a_chain_changed_behind_the_ledgers_back_is_refused(
    ledger: SqlLedger,
    tmp_path: Path,
) -> None:
    await ledger.append(note("a", "before"))
    with sqlite3.connect(tmp_path / "ledger.db") as intruder:
        intruder.execute("DROP TRIGGER entries_no_update")
        intruder.execute("""UPDATE entries SET body = '{"text":"after"}'""")
    intruder.close()
    with pytest.raises(LedgerConflict, match="was changed after it was recorded"):
        await ledger.chain(INCIDENT)


async def test_every_commit_is_on_disk_before_it_is_answered(ledger: SqlLedger) -> None:
    def pragmas(connection: Connection) -> tuple[Any, ...]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return tuple(connection.exec_driver_sql(f"PRAGMA {n}").scalar() for n in names)

    full = 2
    assert await ledger.database.write(pragmas) == ("wal", full, 1)


async def test_readers_cannot_write(ledger: SqlLedger) -> None:
    with pytest.raises(LedgerUnavailable, match="readonly"):
        await ledger.database.read(lambda c: c.execute(text("DELETE FROM alerts")))


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.db"
    opened = await SqlLedger.open(f"sqlite:///{path}")
    await opened.append(note("a"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await opened.close()
    assert modes == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "address", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "nonsense", "sqlite:///file:x"]
)
async def test_what_is_no_ledger_url_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(DefinitionError):
        await SqlLedger.open(address)


async def test_a_file_that_is_no_database_is_unavailable_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LedgerUnavailable):
        await SqlLedger.open(f"sqlite:///{path}")


async def test_a_server_that_is_not_there_is_unavailable_and_its_password_unsaid() -> None:
    with pytest.raises(LedgerUnavailable) as caught:
        await SqlLedger.open("postgresql://u:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(caught.value)


async def test_a_second_open_finds_the_schema_as_it_is(url: str) -> None:
    first = await Database.open(url)
    second = await Database.open(url)
    assert (
        await second.read(lambda c: c.execute(text("SELECT count(*) FROM entries")).scalar()) == 0
    )
    await first.close()
    await second.close()


async def test_a_ledger_that_another_process_keeps_locked_is_unavailable_and_then_goes_on(
    ledger: SqlLedger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firebreak.ledger.database.LOCK_WAIT_S", 0.05)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked"):
        await ledger.append(note("a"))
    other.execute("ROLLBACK")
    other.close()
    await ledger.append(note("a"))
    assert len(await ledger.chain(INCIDENT)) == 1


# -- the writer ---------------------------------------------------------------------------------


class Batches:
    """Jobs that are queued while the writer is held up, so that they share one transaction."""

    def __init__(self, path: Path) -> None:
        self.engine = _sqlite_engine(make_url(f"sqlite:///{path}"), writes=True)
        with self.engine.begin() as connection:
            connection.execute(text("CREATE TABLE seen (n INTEGER PRIMARY KEY)"))
        self.writer = GroupWriter(self.engine)
        self._go = threading.Event()
        self.submit(lambda _: self._go.wait())

    def submit(self, run: Any) -> Job:
        job = Job(run)
        self.writer.submit(job)
        return job

    def finish(self) -> list[int]:
        self._go.set()
        self.writer.close()
        with self.engine.connect() as connection:
            seen = connection.execute(text("SELECT n FROM seen ORDER BY n")).scalars().all()
        self.engine.dispose()
        return list(seen)


def insert(number: int) -> Any:
    return lambda c: c.execute(text("INSERT INTO seen VALUES (:n)"), {"n": number}).rowcount


def after(first: Any, then: Any) -> Any:
    return lambda c: (first(c), then(c))


def broken(error: Exception) -> Any:
    def run(_: Connection) -> None:
        raise error

    return run


def test_a_job_that_fails_is_undone_alone_and_told_alone(tmp_path: Path) -> None:
    batches = Batches(tmp_path / "db")
    good = [batches.submit(insert(n)) for n in (1, 2)]
    bad = batches.submit(after(insert(3), insert(1)))
    worse = batches.submit(after(insert(4), broken(RuntimeError("bug"))))
    last = batches.submit(insert(5))
    assert batches.finish() == [1, 2, 5]
    assert [job.answer.result() for job in (*good, last)] == [1, 1, 1]
    assert isinstance(bad.answer.exception(), LedgerConflict)
    assert isinstance(worse.answer.exception(), RuntimeError)


def test_what_is_queued_is_written_before_the_writer_stops(tmp_path: Path) -> None:
    batches = Batches(tmp_path / "db")
    jobs = [batches.submit(insert(n)) for n in range(600)]
    assert batches.finish() == list(range(600))
    assert all(job.answer.done() for job in jobs)


@pytest.mark.parametrize("error", [OperationalError, IntegrityError, DBAPIError])
def test_no_database_error_leaves_the_writer_untranslated(
    tmp_path: Path, error: type[DBAPIError]
) -> None:
    batches = Batches(tmp_path / "db")
    jobs = [
        batches.submit(broken(error("INSERT secret", {"p": "secret"}, Exception("full"))))
        for _ in range(3)
    ]
    batches.finish()
    for job in jobs:
        told = job.answer.exception()
        assert isinstance(told, LedgerConflict | LedgerUnavailable)
        assert "secret" not in str(told)
