"""Which channels are known here, and where a new one begins.

A channel that is known has a row of no chain in ``deliveries``: its mark.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, literal, not_, or_, select, update

from firebreak.domain.record import JOURNAL
from firebreak.ledger.rows import insert_new
from firebreak.ledger.tables import deliveries, heads, holds, incidents

MARK = ""
FRESH: dict[str, Any] = {"attempts": 0, "failing_since": None, "next_at": None, "detail": ""}
ROW = (deliveries.c.channel == bindparam("of_channel")) & (
    deliveries.c.incident == bindparam("of_chain")
)

_ABSENT = "absent"  # detail of a mark while no server has the channel


def new_row(channel: str, chain: str, *, told: int = 0) -> dict[str, Any]:
    """A new row of ``deliveries``."""
    place = {"channel": channel, "incident": chain}
    return {**place, "told": told, "state": "{}", "leased_until": None, **FRESH}


def meet(connection: Connection, channels: Sequence[str]) -> tuple[str, ...]:
    """Begin with these channels, and forget the others; the names that are new."""
    marks = select(deliveries.c.channel, deliveries.c.detail).where(deliveries.c.incident == MARK)
    known = {row.channel: row.detail for row in connection.execute(marks)}
    for gone in known.keys() - set(channels):
        _mark(connection, gone, _ABSENT)
    new = [name for name in channels if known.get(name, _ABSENT) == _ABSENT]
    for name in new:
        # Whoever inserts the mark first has the others wait here, and then find it.
        if insert_new(connection, deliveries, new_row(name, MARK)) or known.get(name) == _ABSENT:
            _mark(connection, name, "")
            _begin_at_the_end(connection, name)
    return tuple(new)


def _mark(connection: Connection, channel: str, detail: str) -> None:
    place = {"of_channel": channel, "of_chain": MARK}
    connection.execute(update(deliveries).where(ROW), {**place, "detail": detail})


def _begin_at_the_end(connection: Connection, channel: str) -> None:
    """What has ended by now is not told again: it counts as told to its end."""
    live = select(holds.c.incident)
    over = select(incidents.c.id).where(
        incidents.c.status != "open", not_(incidents.c.id.in_(live))
    )
    past = or_(heads.c.incident == JOURNAL, heads.c.incident.in_(over))
    # What was left half told when the channel was taken away begins at the end, too.
    connection.execute(
        delete(deliveries).where(
            deliveries.c.channel == channel,
            deliveries.c.incident.in_(select(heads.c.incident).where(past)),
            deliveries.c.told
            < select(heads.c.length)
            .where(heads.c.incident == deliveries.c.incident)
            .scalar_subquery(),
        )
    )
    there = select(deliveries.c.incident).where(deliveries.c.channel == channel)
    source = select(
        literal(channel), heads.c.incident, heads.c.length, literal("{}"), literal(0), literal("")
    ).where(past, heads.c.incident.not_in(there))
    columns = ["channel", "incident", "told", "state", "attempts", "detail"]
    connection.execute(insert(deliveries).from_select(columns, source))
