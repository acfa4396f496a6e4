"""Playbooks of a few lines, and a larger catalogue than the shipped one to write them with."""

from collections.abc import Mapping
from textwrap import dedent, indent

from firebreak.playbook.catalogue import (
    NOTE,
    PROBE,
    QUARANTINE,
    Action,
    ActionKind,
    Catalogue,
    Param,
)
from firebreak.playbook.compiler import compile_source
from firebreak.playbook.library import Library, Read
from firebreak.playbook.problems import InvalidPlaybookError, Problem
from firebreak.playbook.program import Program
from firebreak.playbook.reading import read_text

WIPE = Action(
    name="device.wipe", kind=ActionKind.EFFECT, summary="Erase the device", reversible=False
)
TICKET = Action(
    name="ticket.open",
    kind=ActionKind.EFFECT,
    summary="Open a ticket",
    inputs={
        "title": Param(required=True),
        "priority": Param(type="integer", default=3),
        "urgent": Param(type="boolean"),
        "tags": Param(type="list"),
    },
    results={"number": "string"},
)
CATALOGUE = Catalogue([QUARANTINE, PROBE, NOTE, WIPE, TICKET])

HEAD = "playbook: test\nversion: 1\nsummary: A test\n"
TRIGGERED = HEAD + "triggers:\n  - when: alert.severity >= 4\n"


def playbook(steps: str, head: str = HEAD) -> str:
    """A playbook's text from its steps."""
    return f"{head}steps:\n{indent(dedent(steps).strip(), '  ')}\n"


def named(name: str, steps: str) -> str:
    """Another playbook's text."""
    return playbook(steps, HEAD.replace("test", name))


def library(texts: Mapping[str, str]) -> Library:
    """A library of playbooks given as text, by name."""
    read: dict[str, Read] = {}
    for name, text in texts.items():
        try:
            read[name] = read_text(text, f"{name}.yaml")
        except InvalidPlaybookError as error:
            read[name] = error.problems
    return Library(read, CATALOGUE)


def compile_text(text: str, others: Mapping[str, str] | None = None) -> Program:
    """Compile a whole file's text."""
    return compile_source(
        text, file="test.yaml", catalogue=CATALOGUE, library=library(others or {})
    )


def compile_steps(steps: str, head: str = HEAD, others: Mapping[str, str] | None = None) -> Program:
    """Compile a playbook from the text of its steps."""
    return compile_text(playbook(steps, head), others)


def lint_text(text: str, others: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """The problems of a whole file's text; none when it compiles."""
    try:
        compile_text(text, others)
    except InvalidPlaybookError as error:
        return error.problems
    return ()


def lint_steps(
    steps: str, head: str = HEAD, others: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """The problems of a playbook from the text of its steps."""
    return lint_text(playbook(steps, head), others)


def codes(steps: str, head: str = HEAD, others: Mapping[str, str] | None = None) -> list[str]:
    """The codes of a playbook's problems, in the order of the text."""
    return [problem.code for problem in lint_steps(steps, head, others)]
