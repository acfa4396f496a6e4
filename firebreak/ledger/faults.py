"""One translator: what the database throws, in Firebreak's own taxonomy."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from firebreak.errors import BadInput, FirebreakError, LedgerConflict, LedgerUnavailable


def translate(error: SQLAlchemyError) -> FirebreakError:
    """The taxonomy's error for a database error, without the statement or its parameters."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    if isinstance(error, IntegrityError):
        return LedgerConflict(f"the ledger refused a row: {said}")
    if isinstance(error, DataError):
        return BadInput(f"the ledger cannot hold this value: {said}")
    return LedgerUnavailable(f"the ledger does not answer: {said}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise FirebreakError where SQLAlchemy would raise its own."""
    try:
        yield
    except SQLAlchemyError as error:
        raise translate(error) from error
