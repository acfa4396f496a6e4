"""Playbooks on the command line: check, list, show and draw them. Needs no server."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from firebreak.cli.configuration import load_settings
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, output, print_json, show, tabulate
from firebreak.errors import NotFound
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.graph import mermaid
from firebreak.playbook.library import Library
from firebreak.playbook.problems import Problem
from firebreak.playbook.program import Program
from firebreak.playbook.schema import json_schema

playbook_app = typer.Typer(help="Check, list and draw playbooks.", no_args_is_help=True)

PlaybookName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the playbook.")]
Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILES]...", help="Files to check; all playbooks if none is given."),
]


@playbook_app.command()
def lint(files: Files = None, *, as_json: JsonFlag = False) -> None:
    """Find everything wrong with playbooks, with file, line and column."""
    library = _library()
    if files:
        found = [(str(file), library.check(file)) for file in files]
        problems = tuple(problem for _, of_file in found for problem in of_file)
        checked = len(found)
    else:
        problems, checked = library.problems, library.size
    body = {"checked": checked, "problems": [problem.to_json() for problem in problems]}
    show(body, _verdict(problems, checked), as_json=as_json)
    if problems:
        raise typer.Exit(Exit.USAGE)


@playbook_app.command("list")
def list_playbooks(*, as_json: JsonFlag = False) -> None:
    """List the playbooks that can be started, and those that are broken."""
    library = _library()
    rows = [_row(program) for program in library.programs()]
    table = tabulate(
        ("name", "version", "triggers", "inputs", "summary"),
        [
            (r["name"], r["version"], r["triggers"], ", ".join(r["inputs"]), r["summary"])
            for r in rows
        ],
        "no playbooks",
    )
    body = {"playbooks": rows, "problems": [problem.to_json() for problem in library.problems]}
    broken = [_problem(problem) for problem in library.problems]
    show(body, Group(table, *broken), as_json=as_json)
    if broken:
        raise typer.Exit(Exit.USAGE)


@playbook_app.command("show")
def show_playbook(name: PlaybookName, *, as_json: JsonFlag = False) -> None:
    """Show a playbook as it would run: everything spelled out."""
    program = _program(name)
    body = {**program.to_json(), "digest": program.digest}
    if as_json:
        print_json(body)
    else:
        _print_whole(json.dumps(body, indent=2))


@playbook_app.command()
def graph(name: PlaybookName, *, as_json: JsonFlag = False) -> None:
    """Draw a playbook as a Mermaid flowchart."""
    drawn = mermaid(_program(name))
    if as_json:
        print_json({"name": name, "mermaid": drawn})
    else:
        _print_whole(drawn.rstrip("\n"))


@playbook_app.command()
def schema(*, as_json: JsonFlag = False) -> None:
    """Print the JSON Schema of playbook files, for editors."""
    if as_json:
        print_json(json_schema())
    else:
        _print_whole(json.dumps(json_schema(), indent=2))


def _print_whole(text: str) -> None:
    """Text for a file or another program: lines are not wrapped at the terminal's width."""
    output().print(Text(text), soft_wrap=True)


def _library() -> Library:
    return Library.load(load_settings().playbook_dirs, SHIPPED)


def _program(name: str) -> Program:
    try:
        return _library().program(name)
    except NotFound as error:
        hint = "`firebreak playbook list` lists them, and what is wrong with others"
        raise ProblemError(str(error), hint, error=error.code) from error


def _row(program: Program) -> dict[str, Any]:
    return {
        "name": program.name,
        "version": program.version,
        "digest": program.digest,
        "triggers": len(program.triggers),
        "inputs": list(program.inputs),
        "summary": program.summary,
    }


def _verdict(problems: tuple[Problem, ...], checked: int) -> RenderableType:
    if not problems:
        return Text(f"{checked} playbooks checked, no problems")
    return Group(*(_problem(problem) for problem in problems))


def _problem(problem: Problem) -> Text:
    where = f"{problem.file}:{problem.line}:{problem.column}: "
    text = Text.assemble((clean(where) + " ", "bold"), clean(problem.message))
    text.append(f" [{problem.code}]", style="dim")
    if problem.hint:
        text.append(f"\n    {clean(problem.hint)}", style="cyan")
    return text
