"""Holds as projected: who has a device, from intent to release, and what puts it back.

The row's plan is the way back, so the rule everywhere here is that a plan which may be in force
is never replaced and never dropped by anything but the end of the hold. A row answers only to the
step that took it, and a word about one life of a hold never counts for another.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from firebreak.contracts.ledger import Claim
from firebreak.domain.hold import Hold, HoldState, hold_id
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Entry, NewEntry
from firebreak.errors import Busy
from firebreak.ledger import bodies, reservations
from firebreak.ledger.bodies import read
from firebreak.ledger.rows import AnyRow, insert_new, load
from firebreak.ledger.tables import holds

TAKE_ATTEMPTS = 5  # a row may vanish between finding it taken and reading who has it


def take(connection: Connection, claim: Claim, intent: NewEntry) -> None:
    """Take the claim for a step of the intent's incident, or take it again.

    Raises:
        Busy: another incident or another step has it.
    """
    hold = Hold(
        id=hold_id(claim.device, claim.action),
        incident=intent.incident,
        step=claim.step,
        device=claim.device,
        action=claim.action,
        plan=claim.plan,
        owner=claim.owner,
        state=HoldState.PENDING,
        started_at=intent.at,
    )
    taken = {"step": claim.step, "intent": intent.key}
    who = {"id": hold.id, "incident": hold.incident, **taken}
    values = {**who, "in_force": False, **_columns(hold)}
    for _ in range(TAKE_ATTEMPTS):
        if insert_new(connection, holds, values):
            return
        row = _locked(connection, hold.id)
        if row is not None:
            _take_again(connection, row, hold, taken)
            return
    raise Busy(f"{hold.id} is being taken and released by others")


def _take_again(connection: Connection, row: AnyRow, hold: Hold, taken: dict[str, str]) -> None:
    if row.incident != hold.incident:
        raise Busy(f"{hold.id} is held by {row.incident}")
    # Exactly the step: another one's plan has for its before what this row's plan brings about.
    if row.step != taken["step"]:
        raise Busy(f"{hold.id} is held by step {row.step or 'unnamed'} of {row.incident}")
    # Nothing has come of the earlier claim, so the newer plan is the one that will be applied.
    if _only_claimed(row):
        connection.execute(update(holds).where(holds.c.id == hold.id), taken | _columns(hold))


def acted(connection: Connection, entry: Entry, body: bodies.Acted) -> None:
    """An outcome keeps the claim, marks it stuck, or drops it."""
    outcome = body.outcome
    if body.hold is None or body.hold != hold_id(outcome.device, outcome.action):
        return
    row = _locked(connection, body.hold)
    if row is None:
        _adopt(connection, entry, body)
    elif _answers_to(row, entry, outcome.step):
        _settle(connection, row, load(Hold, row.document), body)


def unsent(connection: Connection, entry: Entry) -> None:
    """Nothing left under the intent: its claim is dropped, unless something else stands on it."""
    body = read(entry, bodies.Unsent)
    row = _locked(connection, body.hold)
    if row is None or not _answers_to(row, entry, body.step):
        return
    if _only_claimed(row) and body.intent in (None, row.intent):
        connection.execute(delete(holds).where(holds.c.id == body.hold))
        reservations.never_sent(connection, entry.incident, body.step, entry.at)


def _answers_to(row: AnyRow, entry: Entry, step: str) -> bool:
    return row.incident == entry.incident and row.step in ("", step)


def _only_claimed(row: AnyRow) -> bool:
    return not row.in_force and row.state == HoldState.PENDING.value


def _settle(connection: Connection, row: AnyRow, hold: Hold, body: bodies.Acted) -> None:
    outcome = body.outcome
    if outcome.in_force:
        _now_in_force(connection, row, hold, body)
    elif outcome.kind is OutcomeKind.UNKNOWN:
        stuck = {"state": HoldState.STUCK, "detail": outcome.detail, **_time_box(row, hold, body)}
        _store(connection, hold.model_copy(update=stuck), in_force=row.in_force)
    elif _only_claimed(row):
        _drop(connection, hold.id, outcome.ended_at)


def _time_box(row: AnyRow, hold: Hold, body: bodies.Acted) -> dict[str, Any]:
    """What the outcome says of the hold's life. One that has begun keeps what it has."""
    given = {"started_at": body.started_at, "expires_at": body.expires_at}
    if row.in_force:
        given = {"expires_at": hold.expires_at or body.expires_at}
    return {name: at for name, at in given.items() if at is not None}


def _adopt(connection: Connection, entry: Entry, body: bodies.Acted) -> None:
    """A change that stands, or may, is never without a hold, whatever became of its claim."""
    outcome = body.outcome
    unknown = outcome.kind is OutcomeKind.UNKNOWN
    if body.plan is None or not (unknown or (outcome.in_force and outcome.changed)):
        return
    claim = Claim(
        device=outcome.device,
        action=outcome.action,
        plan=body.plan,
        owner=entry.actor,
        step=outcome.step,
    )
    take(connection, claim, entry)
    reservations.revive(connection, entry.incident, claim.step)
    row = _locked(connection, hold_id(claim.device, claim.action))
    if row is not None:
        _settle(connection, row, load(Hold, row.document), body)


def _now_in_force(connection: Connection, row: AnyRow, hold: Hold, body: bodies.Acted) -> None:
    changes = _time_box(row, hold, body)
    if body.plan is not None and _only_claimed(row):
        changes["plan"] = body.plan
    if hold.state is HoldState.STUCK:
        changes |= {"state": HoldState.PENDING, "detail": ""}
    _store(connection, hold.model_copy(update=changes), in_force=True)


def started(connection: Connection, entry: Entry) -> None:
    """The hold's own workflow has it: active until its expiry."""
    body = read(entry, bodies.HoldStarted)
    row = _locked(connection, body.hold)
    if row is None or not _answers_to(row, entry, row.step if body.step is None else body.step):
        return
    begun = {
        "state": HoldState.ACTIVE,
        "started_at": body.started_at or entry.at,
        "expires_at": body.expires_at,
        "owner": body.owner,
        "detail": "",
    }
    _store(connection, load(Hold, row.document).model_copy(update=begun), in_force=True)


def extended(connection: Connection, entry: Entry) -> None:
    """The expiry has moved."""
    body = read(entry, bodies.HoldExtended)
    _change(connection, entry, body, {"expires_at": body.expires_at})


def stuck(connection: Connection, entry: Entry) -> None:
    """It needs a person to end it."""
    body = read(entry, bodies.HoldStuck)
    _change(connection, entry, body, {"state": HoldState.STUCK, "detail": body.detail})


def ended(connection: Connection, entry: Entry) -> None:
    """The device is free. An end that is told twice, or too late, changes nothing more."""
    body = read(entry, bodies.HoldEnded)
    row = _locked(connection, body.hold)
    if row is not None and _same_life(row, entry, body):
        _drop(connection, body.hold, entry.at)


def _change(
    connection: Connection, entry: Entry, body: bodies.OfHold, changes: dict[str, Any]
) -> None:
    """Change the row if it is the one meant. The entry is recorded either way: it is a fact."""
    row = _locked(connection, body.hold)
    if row is not None and _same_life(row, entry, body):
        _store(connection, load(Hold, row.document).model_copy(update=changes), in_force=True)


def _same_life(row: AnyRow, entry: Entry, body: bodies.OfHold) -> bool:
    return row.incident == entry.incident and body.started_at in (None, row.started_at)


def _locked(connection: Connection, hold: str) -> AnyRow | None:
    found = select(holds).where(holds.c.id == hold).with_for_update()
    return connection.execute(found).one_or_none()


def _drop(connection: Connection, hold: str, at: datetime) -> None:
    """The device is free, and its room in the caps is another's."""
    connection.execute(delete(holds).where(holds.c.id == hold))
    reservations.give_back(connection, hold, at)


def _store(connection: Connection, hold: Hold, *, in_force: bool) -> None:
    values = {"in_force": in_force, **_columns(hold)}
    connection.execute(update(holds).where(holds.c.id == hold.id), values)


def _columns(hold: Hold) -> dict[str, Any]:
    return {
        "state": hold.state.value,
        "started_at": hold.started_at,
        "expires_at": hold.expires_at,
        "document": hold.model_dump_json(),
    }
