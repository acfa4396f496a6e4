"""Holds as projected: who has a device, from intent to release, and what puts it back.

The row's plan is the way back, so the rule everywhere here is that a plan which may be in force
is never replaced and never dropped by anything but the end of the hold.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select, update

from firebreak.contracts import Claim
from firebreak.domain.hold import Hold, HoldState, hold_id
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Entry, NewEntry
from firebreak.errors import Busy
from firebreak.ledger import bodies
from firebreak.ledger.bodies import read
from firebreak.ledger.rows import AnyRow, insert_new, load
from firebreak.ledger.tables import holds

TAKE_ATTEMPTS = 5  # a row may vanish between finding it taken and reading who has it


def take(connection: Connection, claim: Claim, intent: NewEntry) -> None:
    """Take the claim for the intent's incident, or take it again.

    Raises:
        Busy: another incident has it.
    """
    hold = Hold(
        id=hold_id(claim.device, claim.action),
        incident=intent.incident,
        device=claim.device,
        action=claim.action,
        plan=claim.plan,
        owner=claim.owner,
        state=HoldState.PENDING,
        started_at=intent.at,
    )
    values = {"id": hold.id, "incident": hold.incident, "in_force": False, **_columns(hold)}
    for _ in range(TAKE_ATTEMPTS):
        if insert_new(connection, holds, values):
            return
        row = _locked(connection, hold.id)
        if row is not None:
            _take_again(connection, row, hold)
            return
    raise Busy(f"{hold.id} is being taken and released by others")


def _take_again(connection: Connection, row: AnyRow, hold: Hold) -> None:
    if row.incident != hold.incident:
        raise Busy(f"{hold.id} is held by {row.incident}")
    # Nothing has come of the earlier claim, so the newer plan is the one that will be applied.
    if not row.in_force and load(Hold, row.document).state is HoldState.PENDING:
        _store(connection, hold, in_force=False)


def acted(connection: Connection, entry: Entry, body: bodies.Acted) -> None:
    """An outcome keeps the claim, marks it stuck, or drops it."""
    outcome = body.outcome
    if body.hold is None or body.hold != hold_id(outcome.device, outcome.action):
        return
    row = _locked(connection, body.hold)
    if row is None:
        _adopt(connection, entry, body)
    elif row.incident == entry.incident:
        _settle(connection, row, load(Hold, row.document), body)


def _settle(connection: Connection, row: AnyRow, hold: Hold, body: bodies.Acted) -> None:
    outcome = body.outcome
    if outcome.in_force:
        _now_in_force(connection, row, hold, body)
    elif outcome.kind is OutcomeKind.UNKNOWN:
        stuck = hold.model_copy(update={"state": HoldState.STUCK, "detail": outcome.detail})
        _store(connection, stuck, in_force=row.in_force)
    elif not row.in_force and hold.state is HoldState.PENDING:
        connection.execute(delete(holds).where(holds.c.id == hold.id))


def _adopt(connection: Connection, entry: Entry, body: bodies.Acted) -> None:
    """A change that stands, or may, is never without a hold, whatever became of its claim."""
    outcome = body.outcome
    unknown = outcome.kind is OutcomeKind.UNKNOWN
    if body.plan is None or not (unknown or (outcome.in_force and outcome.changed)):
        return
    claim = Claim(device=outcome.device, action=outcome.action, plan=body.plan, owner=entry.actor)
    take(connection, claim, entry)
    row = _locked(connection, hold_id(claim.device, claim.action))
    if row is not None:
        _settle(connection, row, load(Hold, row.document), body)


def _now_in_force(connection: Connection, row: AnyRow, hold: Hold, body: bodies.Acted) -> None:
    changes: dict[str, Any] = {}
    if body.plan is not None and not row.in_force and hold.state is HoldState.PENDING:
        changes["plan"] = body.plan
    if hold.state is HoldState.STUCK:
        changes |= {"state": HoldState.PENDING, "detail": ""}
    _store(connection, hold.model_copy(update=changes), in_force=True)


def started(connection: Connection, entry: Entry) -> None:
    """The hold's own workflow has it: active until its expiry."""
    body = read(entry, bodies.HoldStarted)
    _change(
        connection,
        entry,
        body.hold,
        lambda hold: hold.model_copy(
            update={
                "state": HoldState.ACTIVE,
                "started_at": entry.at,
                "expires_at": body.expires_at,
                "owner": body.owner,
                "detail": "",
            }
        ),
    )


def extended(connection: Connection, entry: Entry) -> None:
    """The expiry has moved."""
    body = read(entry, bodies.HoldExtended)
    _change(
        connection,
        entry,
        body.hold,
        lambda hold: hold.model_copy(update={"expires_at": body.expires_at}),
    )


def stuck(connection: Connection, entry: Entry) -> None:
    """It needs a person to end it."""
    body = read(entry, bodies.HoldStuck)
    _change(
        connection,
        entry,
        body.hold,
        lambda hold: hold.model_copy(update={"state": HoldState.STUCK, "detail": body.detail}),
    )


def ended(connection: Connection, entry: Entry) -> None:
    """The device is free. An end that is told twice changes nothing more."""
    body = read(entry, bodies.HoldEnded)
    mine = (holds.c.id == body.hold) & (holds.c.incident == entry.incident)
    connection.execute(delete(holds).where(mine))


def _change(
    connection: Connection, entry: Entry, hold: str, change: Callable[[Hold], Hold]
) -> None:
    """Change the row if this incident has it. The entry is recorded either way: it is a fact."""
    row = _locked(connection, hold)
    if row is not None and row.incident == entry.incident:
        _store(connection, change(load(Hold, row.document)), in_force=True)


def _locked(connection: Connection, hold: str) -> AnyRow | None:
    found = select(holds.c.incident, holds.c.in_force, holds.c.document).where(holds.c.id == hold)
    return connection.execute(found.with_for_update()).one_or_none()


def _store(connection: Connection, hold: Hold, *, in_force: bool) -> None:
    values = {"in_force": in_force, **_columns(hold)}
    connection.execute(update(holds).where(holds.c.id == hold.id), values)


def _columns(hold: Hold) -> dict[str, Any]:
    return {"expires_at": hold.expires_at, "document": hold.model_dump_json()}
