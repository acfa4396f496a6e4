"""Break-glass on the command line, and the reviews that it leaves."""

from typing import Annotated

import typer
from rich.text import Text

from firebreak.cli.client import AsName, connect, many
from firebreak.cli.durations import moment, seconds
from firebreak.cli.screen import JsonFlag, clean, show, tabulate
from firebreak.server.routes.glass import GlassRow

app = typer.Typer()
glass_app = typer.Typer(invoke_without_command=True)
review_app = typer.Typer(no_args_is_help=True)

GlassId = Annotated[str, typer.Argument(metavar="ID", help="As `firebreak glass` lists it.")]

_STATES = {
    "in_force": ("IN FORCE", "bold red"),
    "overdue": ("REVIEW OVERDUE", "bold red"),
    "to_review": ("to review", "bold yellow"),
    "reviewed": ("reviewed", "dim"),
}


@app.command("break-glass")
def break_glass(
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; everybody is told.")],
    device: Annotated[str | None, typer.Option(metavar="ID", help="For this device.")] = None,
    site: Annotated[str | None, typer.Option(metavar="S", help="For this whole site.")] = None,
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long: 15m.")
    ] = None,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Override interlocks and approvals, for what you then start.

    By hand only; never for what cannot be undone, against a policy that forbids, or through a
    halt; caps hold. Everybody is told, and another person reviews it afterwards.
    """
    body = {
        "device": device,
        "site": site,
        "reason": reason,
        "for_s": seconds(lasts) if lasts else None,
    }
    with connect(as_name) as api:
        broken = GlassRow.model_validate(api.post("/glass", body))
    _show((broken,), as_json=as_json)


@glass_app.callback()
def glass(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were reviewed too.")] = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """List break-glasses, newest first, or end one."""
    if context.invoked_subcommand is not None:
        return
    with connect(as_name) as api:
        rows = many(GlassRow, api.get("/glass", unreviewed=not every), "glasses")
    _show(rows, as_json=as_json)


@glass_app.command()
def end(
    name: GlassId,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the record.")],
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """End a break-glass before its time."""
    with connect(as_name) as api:
        ended = GlassRow.model_validate(api.post(f"/glass/{name}/end", {"reason": reason}))
    _show((ended,), as_json=as_json)


@app.command()
def reviews(*, as_name: AsName = None, as_json: JsonFlag = False) -> None:
    """List break-glasses that have ended and wait for their review."""
    with connect(as_name) as api:
        rows = many(GlassRow, api.get("/reviews"), "glasses")
    _show(rows, as_json=as_json)


@review_app.callback()
def review() -> None:
    """Review break-glasses."""


@review_app.command()
def close(
    name: GlassId,
    *,
    finding: Annotated[str, typer.Option("--finding", help="What it came to; for the record.")],
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Close a review, as a person other than the one who broke the glass."""
    with connect(as_name) as api:
        closed = GlassRow.model_validate(api.post(f"/reviews/{name}/close", {"finding": finding}))
    _show((closed,), as_json=as_json)


def _show(rows: tuple[GlassRow, ...], *, as_json: bool) -> None:
    table = tabulate(
        ("id", "state", "of", "by", "until", "why", "review by", "finding"),
        [
            (
                row.id,
                Text(*_STATES[row.state]),
                row.scope,
                row.who,
                moment(row.ended_at or row.expires_at),
                clean(row.reason),
                moment(row.review_by),
                clean(f"{row.finding} ({row.reviewed_by})") if row.reviewed_by else "",
            )
            for row in rows
        ],
        "no glass is broken, and none waits for a review",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)
