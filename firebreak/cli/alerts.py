"""Alerts on the command line: what came in, what became of it, and sending a file of them."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from firebreak.cli.client import AsName, connect, many, path, unreadable
from firebreak.cli.durations import moment
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, show, tabulate
from firebreak.contracts.ledger import AlertRow
from firebreak.telling.peek import items, text

app = typer.Typer()
one_app = typer.Typer(no_args_is_help=True)

NOBODY_ACTS = ("unmatched", "unknown-device", "failed")


@app.command()
def alerts(
    *,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Only those nobody acts on.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """List alerts and what became of them."""
    with connect(as_name) as api:
        rows = [
            row
            for disposition in (NOBODY_ACTS if unmatched else (None,))
            for row in many(
                AlertRow, api.get("/alerts", limit=limit, disposition=disposition), "alerts"
            )
        ]
    rows = sorted(rows, key=lambda row: row.received_at, reverse=True)[:limit]
    table = tabulate(
        ("received", "source", "severity", "title", "device", "became", "incident"),
        [
            (
                moment(row.received_at),
                row.alert.source,
                row.alert.severity.name.lower(),
                row.alert.title,
                ", ".join(row.alert.devices) or row.alert.src_ip or "",
                f"{row.disposition}: {row.detail}" if row.detail else row.disposition,
                row.incident,
            )
            for row in rows
        ],
        "no alerts",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


@one_app.callback()
def alert() -> None:
    """Send alerts from a file."""


@one_app.command()
def send(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of alerts; - reads stdin.")],
    *,
    source: Annotated[str, typer.Option("--source", help="Which detector wrote it.")] = "suricata",
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a detector's own file to the intake, with that source's token."""
    body = _read(file)
    with connect(as_name or source) as api:
        answer = api.post_bytes(path("alerts", source), body, "application/x-ndjson")
    show(answer, _summary(answer), as_json=as_json)
    if int(text(answer, "unreadable") or 0):
        raise typer.Exit(Exit.NOT_DONE)


def _summary(answer: Any) -> Group:
    counts = ("accepted", "duplicates", "ignored", "unreadable")
    lines = [", ".join(f"{text(answer, name) or 0} {name}" for name in counts)]
    lines += unreadable(answer)
    for became in items(answer, "alerts"):
        where = text(became, "incident") or text(became, "detail")
        device = text(became, "device") or "no device"
        lines.append(f"{device}: {text(became, 'disposition')} {where}")
    return Group(*(Text(clean(line)) for line in lines))


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ProblemError(
            f"{file} cannot be read: {error.strerror}", "name a file of alerts", code=Exit.USAGE
        ) from error
