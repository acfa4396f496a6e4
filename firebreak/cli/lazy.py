"""Loads a command's module only when that command runs, so that the command line starts at once."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from firebreak.cli.exits import Exit, ProblemError, as_problem
from firebreak.cli.screen import remember_json, report, wants_json
from firebreak.errors import FirebreakError


@dataclass(frozen=True)
class Lazy:
    """Where a command is: a Typer app in a module, whole (``group``) or one command of it."""

    module: str
    app: str
    help: str
    group: bool = False
    panel: str | None = None


class LazyGroup(TyperGroup):
    """A group whose listing needs no import, and the one place where expected errors end."""

    lazy: ClassVar[Mapping[str, Lazy]] = {}

    def __init__(self, **kwargs: Any) -> None:
        """Fill the listing with stand-ins: a name and a line of help each."""
        super().__init__(**kwargs)
        for name, entry in self.lazy.items():
            self.add_command(TyperCommand(name, help=entry.help, rich_help_panel=entry.panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself, its module imported now."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name else None, rest

    def load(self, name: str) -> Any:
        """Import a command."""
        entry = self.lazy[name]
        app: typer.Typer = getattr(importlib.import_module(entry.module), entry.app)
        group = typer.main.get_group(app)
        return group if entry.group else group.commands[name]

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **kw: Any) -> Any:
        """Parse the options before the command's name."""
        as_json = "--json" in args  # noted here, since what cannot be parsed has no options
        try:
            made: Any = super().make_context(info_name, args, *more, **kw)
        except typer.TyperException as error:
            if not as_json:
                raise
            raise _told(error) from error
        remember_json(made, as_json)
        return made

    def invoke(self, ctx: Any) -> Any:
        """Run, and turn expected errors into two lines and an exit code."""
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            if not wants_json(ctx):
                raise
            raise _told(error) from error
        except (ProblemError, FirebreakError) as error:
            problem = as_problem(error)
            report(problem, as_json=wants_json(ctx))
            raise typer.Exit(problem.code) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(Exit.INTERRUPTED) from error


def _told(error: typer.TyperException) -> typer.Exit:
    """A command line that makes no sense, told to a machine; people see it as Typer draws it."""
    problem = ProblemError(error.format_message(), code=Exit.USAGE, error="bad-input")
    report(problem, as_json=True)
    return typer.Exit(problem.code)
