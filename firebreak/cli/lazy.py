"""Loads a command's module only when that command runs, so that the command line starts at once."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from firebreak.cli.exits import Exit, ProblemError, as_problem
from firebreak.cli.screen import report, wants_json
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

    def invoke(self, ctx: Any) -> Any:
        """Run, and turn expected errors into two lines and an exit code."""
        try:
            return super().invoke(ctx)
        except (ProblemError, FirebreakError) as error:
            problem = as_problem(error)
            report(problem, as_json=wants_json(ctx))
            raise typer.Exit(problem.code) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(Exit.INTERRUPTED) from error
