"""docs/reference/commands.md: every command with its arguments and options."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from docs.from_code.markdown import code, first_paragraph, page, section, table
from firebreak.cli import Commands, app
from firebreak.cli.exits import table as exit_table

_INTRO = """\
Every command takes `--help`. With `--json` it prints one JSON document on standard output; progress
and questions go to standard error. See [In scripts](../how-to/run-on-one-machine.md#in-scripts)."""


def render() -> str:
    """The page. Raises ValueError when a command or an option is not explained."""
    parts = [_command(name, command) for name, command in every_command()]
    return page("Commands", "the command line", _INTRO, *parts, section("Exit codes", exit_table()))


def every_command() -> list[tuple[str, Any]]:
    """All commands that do something, by their full names."""
    root = typer.main.get_group(app)
    assert isinstance(root, Commands)  # noqa: S101 - what the app was made with
    return [leaf for name in Commands.lazy for leaf in _leaves(name, root.load(name))]


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield name, command
        for inner, found in command.commands.items():
            yield from _leaves(f"{name} {inner}", found)
    else:
        yield name, command


def _command(name: str, command: Any) -> str:
    params = [param for param in command.params if _is_told(param)]
    arguments = [param for param in params if not _is_option(param)]
    wanted = [f"{_long(p)} {_value(p)}" for p in params if _is_option(p) and p.required]
    free = " [OPTIONS]" if any(_is_option(p) and not p.required for p in params) else ""
    words = [f"firebreak {name}", *(_value(argument) for argument in arguments), *wanted]
    rows = [_row(name, param) for param in params]
    listed = table(("parameter", "", "what it is"), rows) if rows else ""
    usage = f"```text\n{' '.join(words)}{free}\n```"
    return section(f"firebreak {name}", first_paragraph(command.help), usage, listed)


def _row(name: str, param: Any) -> tuple[str, str, str]:
    if not param.help:
        raise ValueError(f"{name}: {param.name} is not explained")
    if not _is_option(param):
        return code(_value(param)), "required" if param.required else "optional", param.help
    spelled = ", ".join([_long(param), *(o for o in param.opts if not o.startswith("--"))])
    shown = spelled if param.is_flag else f"{spelled} {_value(param)}"
    default = "" if param.default in (None, False, "", []) else f"default {code(param.default)}"
    notes = ["required" if param.required else default, "repeatable" if param.multiple else ""]
    return code(shown), ", ".join(note for note in notes if note), param.help


def _is_told(param: Any) -> bool:
    return "--json" not in param.opts and not getattr(param, "hidden", False)


def _is_option(param: Any) -> bool:
    return any(opt.startswith("-") for opt in param.opts)


def _long(param: Any) -> str:
    return str(next(opt for opt in param.opts if opt.startswith("--")))


def _value(param: Any) -> str:
    return str(param.metavar or param.name.upper())
