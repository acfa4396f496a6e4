"""Follows a response while it runs: each new ledger entry at once, until it is closed."""

import time
from collections.abc import Callable

from rich.text import Text

from firebreak.cli.client import Api, many, one, part, path
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import clean, output, print_json
from firebreak.cli.standing import in_words, live_holds
from firebreak.cli.timeline import headline, render
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.record import Entry, Kind

_POLL_S = 20
_PATIENCE_S = 60

Each = Callable[[Entry, IncidentRow], None]


def follow(api: Api, incident: str, each: Each) -> IncidentRow:
    """Give every entry to ``each`` in order; the incident once it is no longer open.

    A server that restarts meanwhile is waited for.

    Raises:
        ProblemError: the server refuses, or stays away for a minute.
    """
    after, wait = -1, _POLL_S
    while True:
        entries, row = _next(api, incident, after, wait)
        for entry in entries:
            each(entry, row)
            after = entry.seq
            if entry.kind is Kind.CLOSED:
                wait = 0  # nothing may come any more
        if row.status != "open":
            if not entries:
                return row
            wait = 0


def watch(api: Api, incident: str, *, as_json: bool) -> IncidentRow:
    """Show a response live until it is closed.

    For a machine: one JSON object for each entry, one a line, and the incident as the last one.

    Raises:
        ProblemError: as ``follow``, or somebody does not want to look any longer.
    """
    try:
        return _watch(api, incident, as_json=as_json)
    except KeyboardInterrupt as error:
        raise ProblemError(
            "interrupted; what was started on the server goes on",
            f"`firebreak incident show {incident} --follow` looks on",
            error="interrupted",
            code=Exit.INTERRUPTED,
        ) from error


def _watch(api: Api, incident: str, *, as_json: bool) -> IncidentRow:
    if as_json:
        row = follow(api, incident, lambda entry, _: print_json(entry.to_json()))
        print_json(row.to_json())
        return row
    console = output()
    told: list[Entry] = []
    with console.status(Text("waiting for the first entry")) as status:

        def show(entry: Entry, row: IncidentRow) -> None:
            told.append(entry)
            console.print(render(entry, row.opened_at))
            status.update(Text(f"{clean(row.device)}: {_WAITS_FOR.get(entry.kind, 'working')}"))

        row = follow(api, incident, show)
    console.print(headline(row, in_words(row, live_holds(api), told)))
    return row


_WAITS_FOR = {
    Kind.APPROVAL_REQUESTED: "people must decide",
    Kind.INTENT: "acting, then looking whether it holds",
    Kind.CLOSED: "closed",
}


def _next(api: Api, incident: str, after: int, wait: int) -> tuple[tuple[Entry, ...], IncidentRow]:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            answer = api.get(path("incidents", incident, "events"), after=after, wait=wait)
        except ProblemError as problem:
            if problem.code is not Exit.NO_SERVER or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return many(Entry, answer, "entries"), one(IncidentRow, part(answer, "incident"))
