"""Lint of `run` steps: the other playbook exists, takes these inputs, and the nesting ends."""

from typing import Protocol

from firebreak.playbook import schema
from firebreak.playbook.lint.actions import check_inputs
from firebreak.playbook.outline import Node, every, steps_of
from firebreak.playbook.reading import Report, closest

MAX_NESTED = 8  # playbooks within playbooks


class Playbooks(Protocol):
    """The other playbooks that one may run."""

    def names(self) -> tuple[str, ...]:
        """Every playbook that can be run."""
        ...

    def written(self, name: str) -> schema.Playbook | None:
        """A playbook that could be read, whatever else is wrong with it."""
        ...

    def is_good(self, name: str) -> bool:
        """Whether a playbook has no problems. Its own `run` steps must not lead in a circle."""
        ...


def check_runs(
    playbook: schema.Playbook, nodes: tuple[Node, ...], others: Playbooks, report: Report
) -> None:
    """Check every `run` step, and the size of the whole."""
    runs = [(node, node.step) for node in every(nodes) if isinstance(node.step, schema.Run)]
    good = [step.run for node, step in runs if _check(step, node, playbook, others, report)]
    sizes: dict[str, int] = {}
    own = sum(1 for _ in every(nodes))
    size = own + sum(_size(name, others, sizes) for name in good)
    if size > schema.MAX_STEPS:
        message = f"{size} steps, with those of the playbooks it runs; at most {schema.MAX_STEPS}"
        report.add(("steps",), "too-large", message)


def _check(
    step: schema.Run, node: Node, playbook: schema.Playbook, others: Playbooks, report: Report
) -> bool:
    place = (*node.place, "run")
    target = others.written(step.run)
    if step.run != playbook.playbook and target is None:
        hint = closest(step.run, list(others.names())) or "`firebreak playbook list` shows them"
        report.add(place, "unknown-playbook", f"no playbook named {step.run!r}", hint)
        return False
    nesting = _nesting(step.run, playbook.playbook, others)
    if nesting:
        report.add(place, "endless-run", nesting)
        return False
    if target is None or not others.is_good(step.run):
        hint = f"`firebreak playbook lint` says what is wrong with {step.run}"
        report.add(place, "broken-playbook", f"playbook {step.run!r} has problems", hint)
        return False
    check_inputs(target.inputs, step.inputs, node.place, f"playbook {step.run}", report)
    return True


def _nesting(name: str, own: str, others: Playbooks) -> str:
    """What is wrong with the playbooks below: a circle back to this one, or too many levels."""
    level = {name}
    for _ in range(MAX_NESTED):
        if own in level:
            return f"playbook {name!r} leads back to {own!r}"
        level = {below for above in level for below in _runs(others.written(above))}
        if not level:
            return ""
    return f"playbooks run playbooks more than {MAX_NESTED} levels deep"


def _runs(playbook: schema.Playbook | None) -> list[str]:
    if playbook is None:
        return []
    return [step.run for step in steps_of(playbook) if isinstance(step, schema.Run)]


def _size(name: str, others: Playbooks, sizes: dict[str, int]) -> int:
    if name not in sizes:
        written = others.written(name)
        own = sum(1 for _ in steps_of(written)) if written else 0
        sizes[name] = own + sum(_size(below, others, sizes) for below in _runs(written))
    return sizes[name]
