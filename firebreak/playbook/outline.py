"""The steps of a written playbook as a tree, each with its place in the file and its final id."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from firebreak.playbook import schema
from firebreak.playbook.reading import Report
from firebreak.strict_yaml import Place

Role = Literal["branch", "then", "else", "body", "failure"]
Placed = tuple[Place, schema.Step]


@dataclass(frozen=True)
class Block:
    """Steps within a step, one after another."""

    role: Role
    nodes: tuple["Node", ...]


@dataclass(frozen=True)
class Node:
    """A step, where it stands, and the steps within it: its blocks, then its on_failure."""

    step: schema.Step
    place: Place
    id: str
    blocks: tuple[Block, ...]
    failure: tuple["Node", ...]


def outline(playbook: schema.Playbook, report: Report) -> tuple[Node, ...]:
    """The tree of a playbook's steps. A name given twice is reported."""
    steps = _placed(playbook.steps, ("steps",))
    names = _Names()
    for place, step in _walk(steps):
        if step.id in names.taken:
            report.add((*place, "id"), "duplicate-id", f"two steps have the id {step.id!r}")
        if step.id is not None:
            names.taken.add(step.id)
    return _nodes(steps, names)


def every(nodes: Iterable[Node]) -> Iterator[Node]:
    """All steps, outer before inner, in the order of the text."""
    for node in nodes:
        yield node
        for block in node.blocks:
            yield from every(block.nodes)
        yield from every(node.failure)


def steps_of(playbook: schema.Playbook) -> Iterator[schema.Step]:
    """All steps of a playbook, in the order of the text."""
    for _, step in _walk(_placed(playbook.steps, ())):
        yield step


@dataclass
class _Names:
    """Final ids: the given ones; for the others the kind of step, numbered from the second on."""

    taken: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def of(self, step: schema.Step) -> str:
        if step.id is not None:
            return step.id
        base = _base(step)
        while True:
            number = self.counts[base] = self.counts.get(base, 0) + 1
            name = base if number == 1 else f"{base}_{number}"
            if name not in self.taken:
                self.taken.add(name)
                return name


def _base(step: schema.Step) -> str:
    match step:
        case schema.Do():
            name = step.do
        case schema.Run():
            name = f"run_{step.run}"
        case schema.ForEach():
            name = "for_each"
        case schema.Choice():
            name = "choose"
        case _:
            name = type(step).__name__.lower()
    return re.sub(r"[.-]", "_", name)[:50]


def _nodes(placed: Iterable[Placed], names: _Names) -> tuple[Node, ...]:
    return tuple(_node(place, step, names) for place, step in placed)


def _node(place: Place, step: schema.Step, names: _Names) -> Node:
    name = names.of(step)
    inner = [Block(role, _nodes(placed, names)) for role, placed in _inner(place, step)]
    blocks = tuple(block for block in inner if block.role != "failure")
    failure = next((block.nodes for block in inner if block.role == "failure"), ())
    return Node(step, place, name, blocks, failure)


def _inner(place: Place, step: schema.Step) -> list[tuple[Role, list[Placed]]]:
    """The sequences of steps within a step."""
    inner: list[tuple[Role, list[Placed]]] = []
    if isinstance(step, schema.Choice):
        inner.append(("then", _placed(step.then, (*place, "then"))))
        inner.append(("else", _placed(step.otherwise, (*place, "else"))))
    elif isinstance(step, schema.ForEach):
        inner.append(("body", _placed(step.steps, (*place, "steps"))))
    elif isinstance(step, schema.Parallel):
        for index, branch in enumerate(step.parallel):
            where = (*place, "parallel", index)
            if isinstance(branch, list):
                inner.append(("branch", _placed(branch, where)))
            else:
                inner.append(("branch", [(where, branch)]))
    if step.on_failure:
        inner.append(("failure", _placed(step.on_failure, (*place, "on_failure"))))
    return inner


def _placed(steps: Sequence[schema.Step], place: Place) -> list[Placed]:
    return [((*place, index), step) for index, step in enumerate(steps)]


def _walk(placed: Iterable[Placed]) -> Iterator[Placed]:
    for place, step in placed:
        yield place, step
        for _, inner in _inner(place, step):
            yield from _walk(inner)
