"""Group commit: one thread writes everything that is queued in one transaction.

A durable commit costs one wait for the disk however much it holds. While the thread waits for
one, the next batch gathers; so latency stays near a single wait and throughput grows with load.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from firebreak.errors import FirebreakError, LedgerUnavailable
from firebreak.ledger.faults import translate
from firebreak.ledger.locks import Locks

MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class Job:
    """Something to write, and what has to be locked for it.

    ``run`` may be called more than once: when a batch fails as a whole, each of its jobs is tried
    again alone. It must be idempotent, which every write of the ledger is.
    """

    run: Callable[[Connection], Any]
    locks: Locks = field(default_factory=Locks)
    answer: Future[Any] = field(default_factory=Future)


class _NoConnection(LedgerUnavailable):
    """The database cannot be reached at all: no use in trying the next job."""


class GroupWriter:
    """The one writer of a process.

    Args:
        engine: where to write; its transactions take the write lock when they begin.
        lock: takes all locks of a batch, in one order everywhere, before any work.
    """

    def __init__(
        self, engine: Engine, lock: Callable[[Connection, Locks], None] | None = None
    ) -> None:
        """Start the thread."""
        self._engine = engine
        self._lock = lock
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; its ``answer`` is set once it is durable or has failed."""
        # A job that is queued is written: a caller that goes away cannot take it back.
        job.answer.set_running_or_notify_cancel()
        with self._gate:
            if self._closed:
                raise LedgerUnavailable("the ledger has been closed")
            self._queue.put(job)

    def close(self) -> None:
        """Write what is queued, then stop."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        open_ = True
        while open_:
            batch: list[Job] = []
            open_ = self._gather(batch)
            if batch:
                self._commit(batch)

    def _gather(self, batch: list[Job]) -> bool:
        """Fill ``batch`` with all that waits; False once the end of the queue was seen."""
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == MAX_BATCH:
                return True
            try:
                job = self._queue.get_nowait()
            except Empty:
                return True
        return False

    def _commit(self, batch: list[Job]) -> None:
        try:
            answers = self._transact(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the callers
            if len(batch) == 1 or isinstance(error, _NoConnection):
                for job in batch:
                    job.answer.set_exception(_told(error))
                return
            self._commit_alone(batch)
            return
        for job, answer in zip(batch, answers, strict=True):
            if isinstance(answer, _Failed):
                job.answer.set_exception(answer.error)
            else:
                job.answer.set_result(answer)

    def _commit_alone(self, batch: list[Job]) -> None:
        for job in batch:
            self._commit([job])

    def _transact(self, batch: list[Job]) -> list[Any]:
        try:
            connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise _NoConnection(str(translate(error))) from error
        with connection, connection.begin():
            if self._lock is not None:
                self._lock(connection, Locks.together(job.locks for job in batch))
            if len(batch) == 1:
                return [batch[0].run(connection)]
            return [_attempt(connection, job) for job in batch]


@dataclass(frozen=True, slots=True)
class _Failed:
    error: FirebreakError


def _attempt(connection: Connection, job: Job) -> Any:
    """Run one job of many: what is wrong with this one alone is undone alone.

    The savepoint is set by hand: SQLAlchemy's own costs three times as much, for each job.
    """
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        answer = job.run(connection)
    except FirebreakError as error:
        answer = _Failed(error)
    except (IntegrityError, DataError) as error:
        answer = _Failed(translate(error))
    if isinstance(answer, _Failed):
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
    connection.exec_driver_sql("RELEASE SAVEPOINT job")
    return answer


def _told(error: Exception) -> Exception:
    return translate(error) if isinstance(error, SQLAlchemyError) else error
