"""Finds everything wrong with a playbook. One with problems is never compiled."""

from firebreak.playbook import schema
from firebreak.playbook.catalogue import Catalogue
from firebreak.playbook.inputs import fits, kind_of
from firebreak.playbook.lint.actions import check_do
from firebreak.playbook.lint.names import check_names
from firebreak.playbook.lint.order import check_order
from firebreak.playbook.lint.runs import Playbooks, check_runs
from firebreak.playbook.outline import Node, every, outline, steps_of
from firebreak.playbook.problems import Problem, in_order
from firebreak.playbook.reading import Authored, Report

__all__ = ["Playbooks", "lint"]


def lint(authored: Authored, catalogue: Catalogue, others: Playbooks) -> tuple[Problem, ...]:
    """Every problem of a playbook, in the order of the text; empty when it may be compiled."""
    playbook, report = authored.playbook, Report(authored.document)
    if sum(1 for _ in steps_of(playbook)) > schema.MAX_STEPS:
        report.add(("steps",), "too-large", f"a playbook has at most {schema.MAX_STEPS} steps")
        return in_order(report.problems)
    nodes = outline(playbook, report)
    _check_defaults(playbook, report)
    _check_actions(nodes, catalogue, report)
    check_names(playbook, nodes, catalogue, report)
    check_order(nodes, catalogue, report)
    check_runs(playbook, nodes, others, report)
    return in_order(report.problems)


def _check_actions(nodes: tuple[Node, ...], catalogue: Catalogue, report: Report) -> None:
    for node in every(nodes):
        if isinstance(node.step, schema.Do):
            check_do(node.step, node.place, catalogue, report)


def _check_defaults(playbook: schema.Playbook, report: Report) -> None:
    for name, declared in playbook.inputs.items():
        default, place = declared.default, ("inputs", name, "default")
        if default is None:
            continue
        if declared.required:
            report.add_key(place, "needless-default", f"input {name!r} is required")
        elif not fits(declared.type, default):
            message = f"{name} must be {declared.type}, not {kind_of(default)}"
            report.add(place, "wrong-type", message)
