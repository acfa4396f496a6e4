"""The places people are told in: how each stands, whether the file is right, and a test message."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from firebreak.cli.client import AsName, connect, many, path
from firebreak.cli.configuration import load_settings
from firebreak.cli.durations import moment
from firebreak.cli.exits import ProblemError
from firebreak.cli.screen import JsonFlag, show, tabulate
from firebreak.domain.channel import ChannelStanding, ChannelStatus
from firebreak.telling.templates import Templates
from firebreak.wiring.channels import load_channels, tools

app = typer.Typer()

_STYLES = {
    ChannelStanding.OK: "green",
    ChannelStanding.BEHIND: "yellow",
    ChannelStanding.FAILING: "bold red",
    ChannelStanding.STANDBY: "dim",
}

File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="A channels file; else the one of the settings."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name in the channels file.")]


@app.callback(invoke_without_command=True)
def channels(context: typer.Context, *, as_name: AsName = None, as_json: JsonFlag = False) -> None:
    """List, check and test the channels that people are told by.

    Without a command: each channel, what waits for it since when, and its last error.
    """
    if context.invoked_subcommand is not None:
        return
    with connect(as_name) as api:
        rows = many(ChannelStatus, api.get("/channels"), "channels")
    _show(rows, as_json=as_json)


@app.command()
def check(file: File = None, *, as_json: JsonFlag = False) -> None:
    """Check a channels file, and that every template can be read. No network."""
    settings = load_settings()
    chosen = file or settings.channels_file
    if chosen is None:
        raise ProblemError(
            "there is no channels file to check",
            "name one, or set FIREBREAK_CHANNELS_FILE",
            error="definition",
        )
    loaded = load_channels(chosen, tools(settings))
    asyncio.run(loaded.close())
    Templates(settings.template_dirs).check()
    rows: list[dict[str, Any]] = [
        {"name": r.name, "kind": r.kind, "standby": r.standby, "instead": r.instead}
        for r, _ in loaded.channels
    ]
    table = tabulate(
        ("name", "kind", "", "instead"),
        [(r["name"], r["kind"], "standby" * r["standby"], r["instead"] or "") for r in rows],
        "the file names no channels: nobody is told anything",
    )
    show({"file": str(chosen), "channels": rows}, table, as_json=as_json)


@app.command("test")
def send_test(name: Name, *, as_name: AsName = None, as_json: JsonFlag = False) -> None:
    """Send a message that says it is a test; then what waits is tried at once."""
    with connect(as_name) as api:
        answer = api.post(path("channels", name, "test"), {})
    _show(many(ChannelStatus, answer, "channels"), as_json=as_json)


def _show(rows: tuple[ChannelStatus, ...], *, as_json: bool) -> None:
    table = tabulate(
        ("channel", "kind", "tells", "state", "waits", "since", "last told", "last error"),
        [
            (
                row.name,
                row.kind,
                row.tells,
                Text(row.standing.value, style=_STYLES[row.standing]),
                row.backlog or "",
                moment(row.oldest),
                moment(row.last_told),
                row.last_error,
            )
            for row in rows
        ],
        "there are no channels; FIREBREAK_CHANNELS_FILE names the file",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)
