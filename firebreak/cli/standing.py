"""How a device stands that an incident contained: only a live hold lets it be called contained."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from rich.text import Text

from firebreak.cli.client import Api, many
from firebreak.cli.durations import moment
from firebreak.cli.exits import ProblemError
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.record import Entry, Kind
from firebreak.telling.line import BAD, GOOD, PLAIN
from firebreak.telling.peek import text

# By device, how the best of its live holds stands; None: the holds cannot be read.
Live = Mapping[str, HoldState] | None

_IN_FORCE = frozenset({"enforced", "accepted"})


def live_holds(api: Api) -> Live:
    """What is in force now, as far as this token may know."""
    try:
        rows = many(Hold, api.get("/holds"), "holds")
    except ProblemError:
        return None
    active = {row.device: row.state for row in rows if row.state is HoldState.ACTIVE}
    return {row.device: row.state for row in rows} | active


def in_short(row: IncidentRow, live: Live) -> Text:
    """For a list: ``yes`` is in force now, ``was`` is not, or nobody can tell."""
    if not row.contained:
        return Text("no")
    state = live.get(row.device) if live else None
    if state is HoldState.ACTIVE:
        return Text("yes", GOOD)
    return Text("was") if state is None else Text(f"was; hold {state.value}", BAD)


def in_words(row: IncidentRow, live: Live, entries: Iterable[Entry] = ()) -> Text:
    """For one incident; its entries tell since when nothing of it is in force."""
    if not row.contained:
        return Text("not contained", PLAIN)
    state = live.get(row.device) if live else None
    if state is HoldState.ACTIVE:
        return Text("contained", GOOD)
    if state is not None:
        return Text(f"was contained; the hold is {state.value}", BAD)
    released = released_at(entries)
    return Text("was contained" + (f", released {moment(released)}" if released else ""), PLAIN)


def released_at(entries: Iterable[Entry]) -> datetime | None:
    """When the last of an incident's own holds ended; None while one stands."""
    standing: set[str] = set()
    released = None
    for entry in entries:
        held = text(entry.body, "hold")
        if entry.kind is Kind.OUTCOME and text(entry.body, "outcome", "kind") in _IN_FORCE and held:
            standing.add(held)
        elif entry.kind is Kind.HOLD_ENDED:
            standing.discard(held)
            released = entry.at
    return None if standing else released
