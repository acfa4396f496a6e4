"""Draws a compiled playbook as a Mermaid flowchart. Labels are escaped: authors are not trusted."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from firebreak.domain.durations import duration
from firebreak.playbook.program import (
    AnyStep,
    Approve,
    Do,
    ForEach,
    Parallel,
    Program,
    Release,
    Run,
    Set,
    Wait,
    When,
)

LINE = 80  # characters after which a line of a label goes on in the next; nothing is cut

_PLAIN = frozenset(" .,:-_/=()'@+")


def mermaid(program: Program) -> str:
    """The flowchart's text, the same for the same program."""
    chart = _Chart()
    start = chart.node("([", f"{program.name} v{program.version}", "])")
    for last in chart.sequence(program.steps, [_End(start)]):
        chart.edge(last, chart.end())
    return chart.text()


@dataclass(frozen=True)
class _End:
    """A node whose way on is still to be drawn, with what the arrow says."""

    node: str
    label: str = ""


class _Chart:
    def __init__(self) -> None:
        self._lines = ["flowchart TD"]
        self._count = 0
        self._end = ""

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def node(self, opening: str, label: str, closing: str) -> str:
        name = f"n{self._count}"
        self._count += 1
        self._lines.append(f'  {name}{opening}"{label_of(label)}"{closing}')
        return name

    def end(self) -> str:
        self._end = self._end or self.node("([", "end", "])")
        return self._end

    def edge(self, start: _End, to: str) -> None:
        arrow = f'-->|"{label_of(start.label)}"|' if start.label else "-->"
        self._lines.append(f"  {start.node} {arrow} {to}")

    def sequence(self, steps: Iterable[AnyStep], ends: list[_End]) -> list[_End]:
        """Draw steps one after another. Returns the open ends after the last."""
        for step in steps:
            ends = self._step(step, ends)
        return ends

    def _step(self, step: AnyStep, ends: list[_End]) -> list[_End]:
        node, skipped = self._entry(step, ends)
        after = [*self._inside(step, node), *skipped]
        if step.on_failure:
            after += self.sequence(step.on_failure, [_End(node, "failed")])
        return after

    def _entry(self, step: AnyStep, ends: list[_End]) -> tuple[str, list[_End]]:
        """The step's node, behind its guard if it has one."""
        skipped: list[_End] = []
        if step.when is not None:
            guard = self.node("{", step.when, "}")
            self._join(ends, guard)
            ends, skipped = [_End(guard, "yes")], [_End(guard, "no")]
        node = self.node(*_drawn(step))
        self._join(ends, node)
        return node, skipped

    def _inside(self, step: AnyStep, node: str) -> list[_End]:
        if isinstance(step, When):
            yes = self.sequence(step.then, [_End(node, "yes")])
            return [*yes, *self.sequence(step.otherwise, [_End(node, "no")])]
        if isinstance(step, Parallel):
            return [e for branch in step.branches for e in self.sequence(branch, [_End(node)])]
        if isinstance(step, ForEach):
            for end in self.sequence(step.steps, [_End(node, "each")]):
                self.edge(end, node)
            return [_End(node, "done")]
        if isinstance(step, Run):
            return self.sequence(step.steps, [_End(node)])
        if isinstance(step, Approve):
            if not step.on_failure:
                self.edge(_End(node, "denied or no answer"), self.end())
            return [_End(node, "approved")]
        return [_End(node)]

    def _join(self, ends: list[_End], node: str) -> None:
        for end in ends:
            self.edge(end, node)


def label_of(text: str) -> str:
    """Text as a Mermaid label: anything that could be syntax becomes a character code."""
    lines = [part for line in text.split("\n") for part in _broken(line)]
    return "<br>".join("".join(map(_escaped, line)) for line in lines)


def _broken(line: str) -> list[str]:
    if len(line) <= LINE:
        return [line]
    return textwrap.wrap(line, LINE, expand_tabs=False, replace_whitespace=False)


def _escaped(character: str) -> str:
    plain = character in _PLAIN or (character.isascii() and character.isalnum())
    return character if plain else f"#{ord(character)};"


def _drawn(step: AnyStep) -> tuple[str, str, str]:
    """A step's shape and label: opening, text, closing."""
    match step:
        case Do():
            hold = f"\nhold {duration(step.hold.for_s)}" if step.hold else ""
            ladder = f"\n{', then '.join(step.ladder)}" if step.ladder else ""
            return "[", f"{step.id}\n{step.action}{ladder}{hold}", "]"
        case Release():
            return "[", f"{step.id}\nrelease {', '.join(step.of) or 'all holds'}", "]"
        case Approve():
            plan = ", ".join(step.plan)
            asked = f"{step.quorum} of {step.role} within {duration(step.within_s)}"
            return "{{", f"{step.id}\n{asked}\nfor {plan}", "}}"
        case When():
            return "{", step.test, "}"
        case _:
            return _shaped(step)


def _shaped(step: Parallel | ForEach | Wait | Set | Run) -> tuple[str, str, str]:
    match step:
        case Parallel():
            return "[[", f"{step.id}\nside by side", "]]"
        case ForEach():
            return "[[", f"{step.id}\neach {step.name} of {step.items}\nat most {step.limit}", "]]"
        case Wait():
            return "(", f"{step.id}\nwait {duration(step.seconds)}", ")"
        case Set():
            return "(", f"{step.id}\nset {', '.join(step.values)}", ")"
        case Run():
            return "[[", f"{step.id}\nrun {step.playbook} v{step.version}", "]]"
