"""Projected rows: a JSON document and the columns it is found by."""

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Integer, Row, Table, insert, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from firebreak.domain.base import Model

M = TypeVar("M", bound=Model)
# Asked for, since a driver's row count says nothing of an insert whose key the database makes.
_ADDED = literal_column("1", Integer)

AnyRow = Row[*tuple[Any, ...]]


def insert_new(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row unless one with its key stands; whether it was inserted.

    On PostgreSQL this waits for a transaction that is inserting the same key.
    """
    added = connection.execute(_unless_there(table, connection.dialect.name), values)
    return added.first() is not None


@cache
def _unless_there(table: Table, dialect: str) -> ReturningInsert[int]:
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing().returning(_ADDED)
    return sqlite.insert(table).on_conflict_do_nothing().returning(_ADDED)


def insert_row(connection: Connection, table: Table, document: Model, **columns: Any) -> None:
    """Insert a document. A key that stands already surfaces as LedgerConflict."""
    connection.execute(insert(table), {**columns, "document": document.model_dump_json()})


def load(model: type[M], document: str) -> M:
    """The document of a row."""
    return model.model_validate_json(document)
