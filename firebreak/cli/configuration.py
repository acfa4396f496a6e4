"""The settings of this process, and `firebreak config show`."""

import re
from typing import Any

import typer
from pydantic import ValidationError
from rich.console import Group
from rich.text import Text

from firebreak.cli.exits import ProblemError
from firebreak.cli.screen import JsonFlag, show, tabulate
from firebreak.settings import Settings

app = typer.Typer(help="Show the settings.", no_args_is_help=True)

_PASSWORD_IN_URL = re.compile(r"(?<=:)[^:@/]+(?=@)")


def load_settings() -> Settings:
    """The settings from the environment.

    Raises:
        ProblemError: one of them is wrong; says which.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        name = variable(".".join(str(part) for part in wrong["loc"][:1]))
        raise ProblemError(
            f"{name}: {wrong['msg']}", "`firebreak config show` lists them all", error="definition"
        ) from error


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return f"FIREBREAK_{field.upper()}"


@app.callback()
def config() -> None:
    """Show the settings."""


@app.command("show")
def show_settings(*, as_json: JsonFlag = False) -> None:
    """Show every setting: its variable, its value, who set it and what it does."""
    settings = load_settings()
    rows = [_row(settings, field) for field in Settings.model_fields]
    table = tabulate(
        ("variable", "value", "set by", "what it does"),
        [(r["variable"], r["value"], r["set_by"], r["description"]) for r in rows],
        "no settings",
    )
    note = Text("Set them in the environment; docs/how-to/run-on-one-machine.md says how.")
    show(rows, Group(table, Text(), note), as_json=as_json)


def _row(settings: Settings, field: str) -> dict[str, Any]:
    value = settings.model_dump(mode="json")[field]
    return {
        "variable": variable(field),
        "value": _without_secret(field, value),
        "default": Settings.model_construct().model_dump(mode="json")[field],
        "set_by": "environment" if field in settings.model_fields_set else "default",
        "description": Settings.model_fields[field].description or "",
    }


def _without_secret(field: str, value: Any) -> Any:
    if field == "token" and value:
        return "(set, not shown)"
    if field == "database_url":
        return _PASSWORD_IN_URL.sub("***", value)
    return value
