"""Incidents on the command line: the list, one of them as a story or live, and its cancellation."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from firebreak.cli.client import AsName, connect, many, one, part, path
from firebreak.cli.durations import moment
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.follow import watch
from firebreak.cli.screen import JsonFlag, clean, show, tabulate
from firebreak.cli.standing import in_short, in_words, live_holds
from firebreak.cli.timeline import headline, render
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.record import Entry

app = typer.Typer()
one_app = typer.Typer(no_args_is_help=True)

IncidentId = Annotated[str, typer.Argument(metavar="ID", help="Id of the incident.")]


@app.command()
def incidents(
    *,
    status: Annotated[str | None, typer.Option("--status", help="Only these: open, ...")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """List incidents, newest first.

    Contained: yes, the device is so now; was, it is so no more; no, it never was.
    """
    with connect(as_name) as api:
        rows = many(IncidentRow, api.get("/incidents", status=status, limit=limit), "incidents")
        live = None if as_json else live_holds(api)
    table = tabulate(
        ("id", "opened", "device", "playbook", "status", "contained", "title"),
        [
            (
                row.id,
                moment(row.opened_at),
                row.device,
                row.playbook,
                row.status,
                in_short(row, live),
                row.title,
            )
            for row in rows
        ],
        "no incidents",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


@one_app.callback()
def incident() -> None:
    """Show, follow or cancel one incident."""


@one_app.command("show")
def show_incident(
    incident_id: IncidentId,
    *,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Live, until closed.")] = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell one incident as a story: what was seen, planned, decided, done and proven."""
    with connect(as_name) as api:
        if following:
            watch(api, incident_id, as_json=as_json)
            return
        answer = api.get(path("incidents", incident_id))
        live = None if as_json else live_holds(api)
    row = one(IncidentRow, part(answer, "incident"))
    entries = many(Entry, answer, "entries")
    told = (render(entry, row.opened_at) for entry in entries)
    story = Group(*told, headline(row, in_words(row, live, entries)))
    show(answer, story, as_json=as_json)


@one_app.command("receipt")
def receipt(
    incident_id: IncidentId,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to keep it.")],
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Save the signed receipt of an incident, for `firebreak receipt verify`."""
    with connect(as_name) as api:
        content = api.get_bytes(path("incidents", incident_id, "receipt"))
    try:
        out.write_bytes(content)
    except OSError as error:
        raise ProblemError(f"{out} cannot be written: {error.strerror}", code=Exit.USAGE) from error
    show({"file": str(out)}, Text(clean(f"receipt kept in {out}")), as_json=as_json)


@one_app.command("cancel")
def cancel(
    incident_id: IncidentId,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the record.")],
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Stop a response after the effect in flight; its holds stay until they expire."""
    with connect(as_name) as api:
        answer = api.post(path("incidents", incident_id, "cancel"), {"reason": reason})
    said = f"{incident_id} is being cancelled; `firebreak holds` lists what stays in force"
    show(answer, Text(clean(said)), as_json=as_json)
