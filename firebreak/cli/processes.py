"""`firebreak worker` and `firebreak server`: the processes of a deployment."""

import typer

from firebreak.cli.configuration import load_settings
from firebreak.cli.screen import JsonFlag
from firebreak.settings import Settings

app = typer.Typer()


@app.command()
def worker(*, as_json: JsonFlag = False) -> None:
    """Run a worker."""
    from firebreak.wiring.worker import run_worker  # noqa: PLC0415 - neither needs the other's libraries

    run_worker(_settings(as_json=as_json))


@app.command()
def server(*, as_json: JsonFlag = False) -> None:
    """Run the API server."""
    from firebreak.wiring.server import run_server  # noqa: PLC0415 - as above

    run_server(_settings(as_json=as_json))


def _settings(*, as_json: bool) -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"log_json": True}) if as_json else settings
