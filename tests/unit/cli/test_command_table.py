"""The table of commands is true of the commands, and listing them costs no import."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from firebreak.cli import Commands, app
from tests.unit.cli.conftest import Call

ROOT = typer.main.get_group(app)


def leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(command, TyperGroup):
        for inner, found in command.commands.items():
            yield from leaves(f"{name} {inner}", found)
    else:
        yield name, command


def every_command() -> list[tuple[str, Any]]:
    assert isinstance(ROOT, Commands)
    return [leaf for name in Commands.lazy for leaf in leaves(name, ROOT.load(name))]


@pytest.mark.parametrize("name", list(Commands.lazy))
def test_the_line_in_the_listing_is_the_first_line_of_the_commands_own_help(name: str) -> None:
    assert isinstance(ROOT, Commands)
    assert str(ROOT.load(name).help).split("\n")[0].startswith(Commands.lazy[name].help)


def test_every_command_speaks_json() -> None:
    silent = [
        name
        for name, command in every_command()
        if not any("--json" in getattr(p, "opts", ()) for p in command.params)
    ]
    assert silent == []


def test_every_option_and_argument_is_explained() -> None:
    unexplained = [
        f"{name} {param.name}"
        for name, command in every_command()
        for param in command.params
        if not getattr(param, "help", None)
    ]
    assert unexplained == []


def test_listing_the_commands_loads_none_of_them() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from firebreak.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'pydantic', 'httpx', 'sqlalchemy', 'temporalio', 'fastapi'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(call: Call) -> None:
    result = call("isolat", "cam-17")
    assert result.exit_code == 2
    assert "isolate" in result.stderr
