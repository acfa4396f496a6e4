"""Halts as projected: whether new effects may start, and who decides that they may again."""

from sqlalchemy import Connection, bindparam, select, update

from firebreak.domain.halt import EVERYWHERE, Halt
from firebreak.domain.record import Entry
from firebreak.errors import Forbidden, Halted, NotFound
from firebreak.ledger import bodies
from firebreak.ledger.bodies import read
from firebreak.ledger.rows import insert_new, load
from firebreak.ledger.tables import halts

_STANDING = select(halts.c.document).where(
    halts.c.lifted_at.is_(None), halts.c.scope.in_((EVERYWHERE, bindparam("here")))
)


def check(connection: Connection, site: str) -> None:
    """Raises Halted when a halt stands at the site or everywhere."""
    document = connection.execute(_STANDING.limit(1), {"here": site}).scalar_one_or_none()
    if document is not None:
        halt = load(Halt, document)
        raise Halted(f"{halt.by} stopped all new effects {halt.where}: {halt.reason}")


def engaged(connection: Connection, entry: Entry) -> None:
    """Effects stop. Where they are stopped already the first halt stands; the record has both."""
    body = read(entry, bodies.HaltEngaged)
    halt = Halt(id=body.halt, site=body.site, by=entry.actor, reason=body.reason, at=entry.at)
    values = {"id": halt.id, "scope": body.site or EVERYWHERE, "at": halt.at, "lifted_at": None}
    insert_new(connection, halts, {**values, "document": halt.model_dump_json()})


def lifted(connection: Connection, entry: Entry) -> None:
    """Effects go on.

    Raises:
        NotFound: nothing is halted there.
        Forbidden: who halted cannot resume.
    """
    body = read(entry, bodies.HaltLifted)
    standing = (halts.c.scope == (body.site or EVERYWHERE)) & halts.c.lifted_at.is_(None)
    document = connection.execute(select(halts.c.document).where(standing)).scalar_one_or_none()
    if document is None:
        raise NotFound(f"nothing is halted {f'at site {body.site}' if body.site else 'everywhere'}")
    halt = load(Halt, document)
    if halt.by == entry.actor:
        raise Forbidden(f"{halt.by} halted {halt.where}; a second person resumes")
    changes = {"lifted_by": entry.actor, "lifted_at": entry.at, "lifted_reason": body.reason}
    values = {"lifted_at": entry.at, "document": halt.model_copy(update=changes).model_dump_json()}
    connection.execute(update(halts).where(halts.c.id == halt.id), values)


def listed(connection: Connection, standing_only: bool) -> tuple[Halt, ...]:
    """Halts, newest first."""
    query = select(halts.c.document).order_by(halts.c.at.desc(), halts.c.id)
    if standing_only:
        query = query.where(halts.c.lifted_at.is_(None))
    return tuple(load(Halt, document) for document in connection.execute(query).scalars())
