"""The small tables that lists are read from, kept in the transaction that appends the entry."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.people import Approval
from firebreak.domain.record import Entry, Kind
from firebreak.errors import LedgerConflict
from firebreak.ledger import bodies, glasses, halts, holds, reservations
from firebreak.ledger.bodies import read
from firebreak.ledger.rows import insert_row, load
from firebreak.ledger.tables import approvals, incidents

# Built once, as in firebreak.ledger.appending.
_INCIDENT = select(incidents.c.document).where(incidents.c.id == bindparam("with_id"))
_CHANGE_INCIDENT = update(incidents).where(incidents.c.id == bindparam("with_id"))


def project(connection: Connection, entry: Entry) -> None:
    """Bring the tables up to date with a new entry.

    Raises:
        BadInput: the body is not in the documented shape.
        LedgerConflict: it speaks of an incident or an approval that was never opened here.
    """
    handler = _HANDLERS.get(entry.kind)
    if handler is not None:
        handler(connection, entry)


def _opened(connection: Connection, entry: Entry) -> None:
    body = read(entry, bodies.Opened)
    row = IncidentRow(
        id=entry.incident,
        workflow=body.workflow,
        playbook=body.playbook,
        device=body.device.id,
        title=body.title,
        requester=body.requester,
        status="open",
        contained=False,
        opened_at=entry.at,
    )
    insert_row(
        connection,
        incidents,
        row,
        id=row.id,
        workflow=row.workflow,
        status=row.status,
        opened_at=row.opened_at,
    )


def _acted(connection: Connection, entry: Entry) -> None:
    body = read(entry, bodies.Acted)
    holds.acted(connection, entry, body)
    reservations.settled(connection, entry.incident, body.outcome.step, entry.at)
    if not bodies.contains(body, body.outcome.device):
        return  # whatever device the incident is about
    row = _incident(connection, entry)
    if row is not None and not row.contained and row.device == body.outcome.device:
        _change_incident(connection, row, {"contained": True})


def _noted(connection: Connection, entry: Entry) -> None:
    if entry.body.get("what") == bodies.NOT_SENT and entry.body.get("hold") is not None:
        holds.unsent(connection, entry)


def _closed(connection: Connection, entry: Entry) -> None:
    body = read(entry, bodies.Closed)
    row = _incident(connection, entry)
    if row is None:
        raise LedgerConflict(f"{entry.incident} is closed and was never opened")
    changes = {"status": body.status, "contained": body.contained, "closed_at": entry.at}
    _change_incident(connection, row, changes)


def _incident(connection: Connection, entry: Entry) -> IncidentRow | None:
    document = connection.execute(_INCIDENT, {"with_id": entry.incident}).scalar_one_or_none()
    return None if document is None else load(IncidentRow, document)


def _change_incident(connection: Connection, row: IncidentRow, changes: dict[str, Any]) -> None:
    new = row.model_copy(update=changes)
    values = {"with_id": new.id, "status": new.status, "document": new.model_dump_json()}
    connection.execute(_CHANGE_INCIDENT, values)


def _requested(connection: Connection, entry: Entry) -> None:
    approval = read(entry, bodies.Asked).approval
    if approval.incident != entry.incident:
        raise LedgerConflict(f"approval {approval.id} belongs to {approval.incident}")
    insert_row(
        connection,
        approvals,
        approval,
        id=approval.id,
        state=approval.state.value,
        requested_at=approval.requested_at,
    )


def _voted(connection: Connection, entry: Entry) -> None:
    vote = read(entry, bodies.Voted).vote
    approval = _approval(connection, entry, vote.approval)
    _change_approval(connection, approval.model_copy(update={"votes": (*approval.votes, vote)}))


def _moved_on(connection: Connection, entry: Entry) -> None:
    """The entry holds the request as it then stands."""
    approval = read(entry, bodies.Asked).approval
    _approval(connection, entry, approval.id)
    _change_approval(connection, approval)


def _approval(connection: Connection, entry: Entry, approval_id: str) -> Approval:
    found = select(approvals.c.document).where(approvals.c.id == approval_id).with_for_update()
    document = connection.execute(found).scalar_one_or_none()
    approval = None if document is None else load(Approval, document)
    if approval is None or approval.incident != entry.incident:
        raise LedgerConflict(f"{entry.kind.value}: {entry.incident} asked for no {approval_id}")
    return approval


def _change_approval(connection: Connection, approval: Approval) -> None:
    connection.execute(
        update(approvals).where(approvals.c.id == approval.id),
        {"state": approval.state.value, "document": approval.model_dump_json()},
    )


_HANDLERS: dict[Kind, Callable[[Connection, Entry], None]] = {
    Kind.OPENED: _opened,
    Kind.OUTCOME: _acted,
    Kind.STEP: _noted,
    Kind.CLOSED: _closed,
    Kind.HOLD_STARTED: holds.started,
    Kind.HOLD_EXTENDED: holds.extended,
    Kind.HOLD_STUCK: holds.stuck,
    Kind.HOLD_ENDED: holds.ended,
    Kind.HALTED: halts.engaged,
    Kind.RESUMED: halts.lifted,
    Kind.GLASS_BROKEN: glasses.broken,
    Kind.GLASS_ENDED: glasses.ended,
    Kind.REVIEW_CLOSED: glasses.reviewed,
    Kind.APPROVAL_REQUESTED: _requested,
    Kind.APPROVAL_VOTE: _voted,
    Kind.APPROVAL_REMINDED: _moved_on,
    Kind.APPROVAL_ESCALATED: _moved_on,
    Kind.APPROVAL_DELEGATED: _moved_on,
    Kind.APPROVAL_SNOOZED: _moved_on,
    Kind.APPROVAL_CLOSED: _moved_on,
}
