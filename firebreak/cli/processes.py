"""`firebreak worker` and `firebreak server`: the processes of a deployment."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from firebreak.cli.configuration import load_settings
from firebreak.cli.exits import Exit
from firebreak.cli.screen import JsonFlag
from firebreak.settings import Settings

app = typer.Typer()

Held = Annotated[
    bool,
    typer.Option("--held", hidden=True, help="Load; begin when a line names the estate file."),
]


@app.command()
def worker(*, as_json: JsonFlag = False, held: Held = False) -> None:
    """Run a worker."""
    from firebreak.wiring.worker import run_worker  # noqa: PLC0415 - neither needs the other's libraries

    run_worker(_settings(as_json=as_json, held=held))


@app.command()
def server(*, as_json: JsonFlag = False, held: Held = False) -> None:
    """Run the API server."""
    from firebreak.wiring.server import run_server  # noqa: PLC0415 - as above

    run_server(_settings(as_json=as_json, held=held))


def _settings(*, as_json: bool, held: bool) -> Settings:
    changes: dict[str, Any] = {"log_json": True} if as_json else {}
    if held:
        changes["estate_file"] = _told()
    return load_settings().model_copy(update=changes)


def _told() -> Path:
    """The estate file, once `firebreak up` has made everything that is needed to begin."""
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        raise typer.Exit(Exit.NOT_DONE)  # `up` is gone
    return Path(line.removesuffix("\n"))
