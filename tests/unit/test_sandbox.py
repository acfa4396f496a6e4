"""What the sandbox does not watch has neither a clock nor state of its own."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from firebreak.sandbox import PASSED_THROUGH
from firebreak.worker import WORKFLOWS

OURS = [name for name in PASSED_THROUGH if name.startswith("workflows.")]

# Their names may be used for types and arithmetic; what reads a clock is found among the calls.
HARMLESS = {
    "collections.abc",
    "contextlib",
    "dataclasses",
    "datetime",
    "pydantic",
    "temporalio",
    "temporalio.common",
    "temporalio.exceptions",
    "temporalio.workflow",
    "typing",
}
CLOCKS = {"now", "today", "utcnow", "fromtimestamp"}
MUTABLE = {"dict", "list", "set", "bytearray", "defaultdict", "deque", "Counter"}
DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def tree(name: str) -> ast.Module:
    file = importlib.import_module(name).__file__
    assert file is not None
    return ast.parse(Path(file).read_text())


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def clocks_read(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            read = ast.unparse(node)
            if read != "workflow.now":
                yield read


def state(module: ast.Module) -> Iterator[str]:
    """What is made at the top of a module and could change."""
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            made = node.value
            called = isinstance(made, ast.Call) and ast.unparse(made.func).split(".")[-1] in MUTABLE
            if called or isinstance(made, DISPLAYS):
                yield ast.unparse(node)


@pytest.mark.parametrize("name", OURS)
def test_a_module_that_is_passed_through_reads_no_clock_and_keeps_no_state(name: str) -> None:
    module = tree(name)
    strange = [
        each
        for each in imported(module)
        if each not in HARMLESS
        and each.split(".")[0] not in {"firebreak", "activities"}
        and each not in OURS
    ]
    assert (strange, [*clocks_read(module)], [*state(module)]) == ([], [], [])


def test_no_workflow_is_passed_through() -> None:
    assert not {workflow.__module__ for workflow in WORKFLOWS} & set(PASSED_THROUGH)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from datetime import datetime\nx = datetime.now()", ["datetime.now"]),
        ("from temporalio import workflow\nx = workflow.now()", []),
        ("def f():\n    return date.today", ["date.today"]),
    ],
)
def test_a_clock_would_be_found(source: str, found: list[str]) -> None:
    assert [*clocks_read(ast.parse(source))] == found
