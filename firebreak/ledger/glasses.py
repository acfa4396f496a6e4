"""Break-glasses as projected: one in force for each scope, ended once, reviewed by another."""

from typing import Any

from sqlalchemy import Connection, select, update

from firebreak.domain.glass import Glass
from firebreak.domain.record import JOURNAL, Entry
from firebreak.errors import BadInput, Forbidden, LedgerConflict, NotFound, Rejected
from firebreak.ledger import bodies
from firebreak.ledger.bodies import read
from firebreak.ledger.rows import insert_row, load
from firebreak.ledger.tables import glasses


def broken(connection: Connection, entry: Entry) -> None:
    """A glass is in force. Whoever appends holds the journal, so two cannot pass the look.

    Raises:
        BadInput: it stands in another chain, or speaks for somebody else.
        Rejected: one is in force for the scope already.
    """
    glass = read(entry, bodies.GlassBroken).glass
    if entry.incident != JOURNAL or (glass.who, glass.at) != (entry.actor, entry.at):
        raise BadInput(f"{entry.key}: a glass is broken in the journal, by its own actor")
    live = (glasses.c.ended_at.is_(None)) & (glasses.c.expires_at > entry.at)
    standing = select(glasses.c.document).where(glasses.c.scope == glass.scope, live)
    document = connection.execute(standing.limit(1)).scalar_one_or_none()
    if document is not None:
        raise Rejected(f"{load(Glass, document).words} is in force for {glass.scope} already")
    insert_row(
        connection,
        glasses,
        glass,
        id=glass.id,
        scope=glass.scope,
        principal=glass.who,
        expires_at=glass.expires_at,
        ended_at=None,
        reviewed_at=None,
    )


def ended(connection: Connection, entry: Entry) -> None:
    """It overrides nothing any more. Raises NotFound; LedgerConflict when it has ended already."""
    body = read(entry, bodies.GlassEnded)
    glass = _glass(connection, body.glass)
    if glass.ended_at is not None:
        raise LedgerConflict(f"{glass.id} has ended already")
    changes = {"ended_at": body.ended_at, "ended_by": entry.actor, "ended_why": body.why}
    _change(connection, glass.model_copy(update=changes))


def reviewed(connection: Connection, entry: Entry) -> None:
    """Its review is closed.

    Raises:
        NotFound: there is no such glass.
        Rejected: it has not ended, or was reviewed.
        Forbidden: who broke it cannot review it.
    """
    body = read(entry, bodies.ReviewClosed)
    glass = _glass(connection, body.glass)
    if glass.who == entry.actor:
        raise Forbidden(f"{glass.who} broke the glass; another person reviews it")
    if glass.ended_at is None:
        raise Rejected(f"{glass.words} has not ended; `firebreak glass end {glass.id}` ends it")
    if glass.reviewed_at is not None:
        raise Rejected(f"{glass.reviewed_by} has closed the review of {glass.id} already")
    changes = {"reviewed_at": entry.at, "reviewed_by": entry.actor, "finding": body.finding}
    _change(connection, glass.model_copy(update=changes))


def listed(connection: Connection, unreviewed_only: bool) -> tuple[Glass, ...]:
    """Glasses, newest first."""
    query = select(glasses.c.document)
    if unreviewed_only:
        query = query.where(glasses.c.reviewed_at.is_(None))
    found = [load(Glass, document) for document in connection.execute(query).scalars()]
    return tuple(sorted(found, key=lambda glass: (glass.at, glass.id), reverse=True))


def _glass(connection: Connection, glass_id: str) -> Glass:
    found = select(glasses.c.document).where(glasses.c.id == glass_id).with_for_update()
    document = connection.execute(found).scalar_one_or_none()
    if document is None:
        raise NotFound(f"no glass {glass_id}")
    return load(Glass, document)


def _change(connection: Connection, glass: Glass) -> None:
    values: dict[str, Any] = {
        "ended_at": glass.ended_at,
        "reviewed_at": glass.reviewed_at,
        "document": glass.model_dump_json(),
    }
    connection.execute(update(glasses).where(glasses.c.id == glass.id), values)
