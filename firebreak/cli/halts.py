"""Stopping everything and going on, and how much may be contained."""

from typing import Annotated

import typer
from rich.text import Text

from firebreak.cli.client import Api, AsName, connect, many
from firebreak.cli.durations import moment
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, show, tabulate
from firebreak.domain.halt import Halt
from firebreak.domain.limits import Fill

app = typer.Typer()

Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the record.")]
AtSite = Annotated[str | None, typer.Option("--site", metavar="SITE", help="At this site only.")]
Everywhere = Annotated[
    bool, typer.Option("--all", help="At every site; so it is without --site, too.")
]


@app.command()
def halt(
    *,
    reason: Reason,
    site: AtSite = None,
    everywhere: Everywhere = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Stop all new effects at once, at one site or everywhere.

    What was sent is finished and verified, and holds still end on time.
    """
    with connect(as_name) as api:
        standing = _post(api, "/halt", _scope(site, everywhere), reason)
    _show(standing, as_json=as_json)


@app.command()
def resume(
    *,
    reason: Reason,
    site: AtSite = None,
    everywhere: Everywhere = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Let effects go on; a person other than the one who halted."""
    with connect(as_name) as api:
        standing = _post(api, "/resume", _scope(site, everywhere), reason)
    _show(standing, as_json=as_json)


@app.command()
def halts(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were lifted too.")] = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """List where new effects are stopped, by whom and why."""
    with connect(as_name) as api:
        rows = many(Halt, api.get("/halts", standing=not every), "halts")
    _show(rows, as_json=as_json)


@app.command()
def limits(
    *,
    every: Annotated[bool, typer.Option("--all", help="Caps that nothing counts in too.")] = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """List the caps on how much may be contained, and how full they are."""
    with connect(as_name) as api:
        rows = many(Fill, api.get("/limits"), "limits")
    table = tabulate(
        ("scope", "devices", "at once", "in an hour", ""),
        [
            (
                row.scope,
                row.devices,
                _of(row.at_once, row.at_once_cap),
                _of(row.last_hour, row.per_hour_cap),
                Text("full", style="bold red") if row.full else "",
            )
            for row in rows
            if every or row.scope.startswith("site/") or row.at_once or row.last_hour
        ],
        "there are no caps, and nothing is contained",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


def _scope(site: str | None, everywhere: bool) -> str | None:
    if site is not None and everywhere:
        raise ProblemError(
            "--site and --all exclude each other", "give one of them", code=Exit.USAGE
        )
    return site


def _post(api: Api, path: str, site: str | None, reason: str) -> tuple[Halt, ...]:
    return many(Halt, api.post(path, {"site": site, "reason": reason}), "halts")


def _show(rows: tuple[Halt, ...], *, as_json: bool) -> None:
    table = tabulate(
        ("where", "stopped by", "since", "why", "resumed by"),
        [
            (row.where, row.by, moment(row.at), clean(row.reason), row.lifted_by or "")
            for row in rows
        ],
        "nothing is halted",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


def _of(used: int, cap: int | None) -> str:
    return f"{used} of {cap}" if cap is not None else str(used)
