"""What effects take of the caps, reserved in the transaction that puts their intent on disk.

Devices are counted, not steps: a second rung or a second response takes nothing more for a device
that counts already. The caller holds the locks on all scopes of the reservation.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, distinct, func, insert, select, update

from firebreak.domain.limits import Reservation, Room, Usage
from firebreak.domain.record import NewEntry
from firebreak.errors import BlastRadiusExceeded
from firebreak.ledger.rows import AnyRow
from firebreak.ledger.tables import reservations

HOUR = timedelta(hours=1)

# Statements are built once, as in firebreak.ledger.appending.

_contained = func.count(distinct(case((reservations.c.ended_at.is_(None), reservations.c.device))))
_lately = func.count(
    distinct(
        case(
            (
                reservations.c.counts & (reservations.c.taken_at > bindparam("since")),
                reservations.c.device,
            )
        )
    )
)
_USED = select(_contained.label("at_once"), _lately.label("last_hour")).where(
    reservations.c.scope == bindparam("of_scope"), reservations.c.device != bindparam("but")
)
_LIVE = update(reservations).where(reservations.c.ended_at.is_(None))
_MINE = (reservations.c.incident == bindparam("of_incident")) & (
    reservations.c.step == bindparam("of_step")
)
_END_HOLD = _LIVE.where(reservations.c.hold == bindparam("of_hold"))
_END_STEP = _LIVE.where(_MINE)
_END_LOOSE = _END_STEP.where(reservations.c.hold.is_(None))
_REVIVE = update(reservations).where(_MINE)
_OF_STEP = select(reservations.c.scope, reservations.c.ended_at).where(_MINE)


def take(connection: Connection, wanted: Reservation, intent: NewEntry) -> None:
    """Reserve for a step; one that has a reservation keeps it.

    Raises:
        BlastRadiusExceeded: a cap is full; says which, and what to do.
    """
    missing = _missing(connection, wanted, intent.incident)
    if not missing:
        return
    for room in missing:
        _fit(connection, room, wanted.device, intent.at)
    _forget(connection, wanted, intent)
    connection.execute(insert(reservations), [_row(wanted, room, intent) for room in missing])


def check(connection: Connection, wanted: Reservation, incident: str, at: datetime) -> None:
    """Whether there is room now. Raises BlastRadiusExceeded."""
    for room in _missing(connection, wanted, incident):
        _fit(connection, room, wanted.device, at)


def give_back(connection: Connection, hold: str, at: datetime) -> None:
    """The hold has ended. Its devices still count in their hour: they were cut off in it."""
    connection.execute(_END_HOLD, {"of_hold": hold, "ended_at": at})


def never_sent(connection: Connection, incident: str, step: str, at: datetime) -> None:
    """Nothing was done under the reservation: it does not count at all."""
    mine = {"of_incident": incident, "of_step": step}
    connection.execute(_END_STEP, {**mine, "ended_at": at, "counts": False})


def settled(connection: Connection, incident: str, step: str, at: datetime) -> None:
    """The step has its outcome: what stands under no hold has nothing to wait for."""
    mine = {"of_incident": incident, "of_step": step}
    connection.execute(_END_LOOSE, {**mine, "ended_at": at})


def revive(connection: Connection, incident: str, step: str) -> None:
    """The change stands after all. A fact needs no room."""
    mine = {"of_incident": incident, "of_step": step}
    connection.execute(_REVIVE, {**mine, "ended_at": None, "counts": True})


def usage(
    connection: Connection, now: datetime, scopes: Collection[str] | None = None, but: str = ""
) -> tuple[Usage, ...]:
    """How full every scope is that anything is known of; of those named only, where some are.

    ``but``: a device that does not count.
    """
    found = select(reservations.c.scope, _contained.label("at_once"), _lately.label("last_hour"))
    if scopes is not None:
        found = found.where(reservations.c.scope.in_(sorted(scopes)))
    if but:
        found = found.where(reservations.c.device != but)
    rows = connection.execute(found.group_by(reservations.c.scope), {"since": now - HOUR})
    return tuple(
        Usage(scope=row.scope, at_once=row.at_once, last_hour=row.last_hour) for row in rows
    )


def _missing(connection: Connection, wanted: Reservation, incident: str) -> list[Room]:
    """The rooms that the step does not stand in yet."""
    sought = {"of_incident": incident, "of_step": wanted.step}
    rows: list[AnyRow] = list(connection.execute(_OF_STEP, sought))
    standing = {row.scope for row in rows if row.ended_at is None}
    return [room for room in wanted.rooms if room.scope not in standing]


def _fit(connection: Connection, room: Room, device: str, at: datetime) -> None:
    if room.at_once is None and room.per_hour is None:
        return
    asked = {"of_scope": room.scope, "but": device, "since": at - HOUR}
    used = connection.execute(_USED, asked).one()
    if room.at_once is not None and used.at_once >= room.at_once:
        raise BlastRadiusExceeded(_full(room.scope, used.at_once, room.at_once, "at once"))
    if room.per_hour is not None and used.last_hour >= room.per_hour:
        raise BlastRadiusExceeded(_full(room.scope, used.last_hour, room.per_hour, "an hour"))


def _forget(connection: Connection, wanted: Reservation, intent: NewEntry) -> None:
    """What ended over an hour ago counts for nothing, nor does what this step had and gave back."""
    ended = reservations.c.ended_at
    old = reservations.c.scope.in_([r.scope for r in wanted.rooms]) & (ended < intent.at - HOUR)
    mine = (reservations.c.incident == intent.incident) & (reservations.c.step == wanted.step)
    connection.execute(delete(reservations).where(old | (mine & ended.is_not(None))))


def _row(wanted: Reservation, room: Room, intent: NewEntry) -> dict[str, Any]:
    return {
        "incident": intent.incident,
        "step": wanted.step,
        "scope": room.scope,
        "device": wanted.device,
        "hold": wanted.hold,
        "taken_at": intent.at,
        "ended_at": None,
        "counts": True,
    }


def _full(scope: str, used: int, cap: int, when: str) -> str:
    devices = "device is" if cap == 1 else "devices are"
    more = "wait, or " if when == "an hour" else "release one (`firebreak holds`), or "
    return (
        f"{scope} is full: {used} of the {cap} {devices} contained that `limits` allows {when}; "
        f"{more}raise the cap in the estate file"
    )
