"""Lint of names along the flow: every expression reads only what surely exists when it runs.

A step's outcome or a variable counts from where every path has set it: what happens in one branch
of a choice, in `on_failure` or in a loop is not visible after it. An action behind a guard is: one
that was skipped has the outcome `skipped`.
"""

from firebreak.playbook import schema
from firebreak.playbook.catalogue import Catalogue
from firebreak.playbook.grammar import RESERVED
from firebreak.playbook.lint.scope import ALERT, ANY, FACTS, TRIGGER, Scope, Shape
from firebreak.playbook.lint.uses import Uses, used
from firebreak.playbook.outline import Node, every
from firebreak.playbook.reading import Report
from firebreak.strict_yaml import Place

_TAKEN = RESERVED | {*FACTS, "inputs", "vars", "steps", "result"}


def check_names(
    playbook: schema.Playbook, nodes: tuple[Node, ...], catalogue: Catalogue, report: Report
) -> None:
    """Check every trigger, condition and template of a playbook."""
    uses = Uses(frozenset(node.id for node in every(nodes)), report)
    for index, trigger in enumerate(playbook.triggers):
        place = ("triggers", index, "when")
        uses.condition(trigger.when, place, Scope(TRIGGER, {}, {}, alert_sure=True))
    facts = {**FACTS, "inputs": dict.fromkeys(playbook.inputs, ANY)}
    start = Scope(facts, {}, {}, alert_sure=bool(playbook.triggers))
    _Flow(catalogue, uses, report).sequence(nodes, start)


class _Flow:
    """Walks the steps in the order they run, with what each can see."""

    def __init__(self, catalogue: Catalogue, uses: Uses, report: Report) -> None:
        self._catalogue = catalogue
        self._uses = uses
        self._report = report

    def sequence(self, nodes: tuple[Node, ...], scope: Scope) -> Scope:
        """Steps one after another. Returns what is visible after the last."""
        asked: dict[str, Scope] = {}
        for node in nodes:
            if isinstance(node.step, schema.Do) and node.id in asked:
                self._planned(node.step, node.place, asked[node.id], scope)
            if isinstance(node.step, schema.Approve):
                asked |= dict.fromkeys(node.step.plan, scope)
            scope = self._node(node, scope)
        return scope

    def _node(self, node: Node, before: Scope) -> Scope:
        """What is visible after a step: all it sets, or only its outcome if it may not finish."""
        guard = node.step.when if isinstance(node.step, schema.Guarded) else None
        scope = before
        if guard is not None:
            self._uses.condition(guard, (*node.place, "when"), before)
            scope = _behind(guard, before)
        after = self._step(node, scope)
        tried = before
        if isinstance(node.step, schema.Do):
            tried = before.ran(node.id, self._results(node.step.do) or ())
            after = tried
        self.sequence(node.failure, tried)
        return after if guard is None and not node.failure else tried

    def _step(self, node: Node, scope: Scope) -> Scope:
        place = node.place
        match node.step:
            case schema.Do() as step:
                self._do(step, place, scope)
            case schema.Approve() as step:
                self._uses.template(step.approve.reason, (*place, "approve", "reason"), scope)
            case schema.Run() as step:
                self._uses.template(step.inputs, (*place, "with"), scope)
            case schema.Set() as step:
                self._uses.template(step.set, (*place, "set"), scope)
                return scope.assigned(step.set)
            case schema.Choice() as step:
                return self._choice(step, node, scope)
            case schema.ForEach() as step:
                self._for_each(step, node, scope)
            case schema.Parallel():
                return scope.joined([self.sequence(block.nodes, scope) for block in node.blocks])
        return scope

    def _do(self, step: schema.Do, place: Place, scope: Scope) -> None:
        self._uses.template(step.inputs, (*place, "with"), scope)
        self._uses.template(step.device, (*place, "device"), scope)
        if step.until is not None:
            seen = scope.named("result", self._result(step.do))
            self._uses.condition(step.until, (*place, "until"), seen)
        if isinstance(step.hold, schema.Hold) and step.hold.until is not None:
            until, where = step.hold.until, (*place, "hold", "until")
            seen = Scope({"result": self._result(until.do)}, {}, {}, alert_sure=False)
            self._uses.condition(until.that, (*where, "that"), seen)
            self._uses.literal(until.inputs, (*where, "with"))

    def _planned(self, step: schema.Do, place: Place, asked: Scope, scope: Scope) -> None:
        for key, template in (("with", step.inputs), ("device", step.device)):
            self._uses.known_when_asked(template, (*place, key), asked, scope)

    def _choice(self, step: schema.Choice, node: Node, scope: Scope) -> Scope:
        self._uses.condition(step.when, (*node.place, "when"), scope)
        inner = _behind(step.when, scope)
        ends = [self.sequence(block.nodes, inner).variables for block in node.blocks]
        return scope.assigned(name for name in ends[0] if all(name in end for end in ends))

    def _for_each(self, step: schema.ForEach, node: Node, scope: Scope) -> None:
        self._uses.expression(step.for_each, (*node.place, "for_each"), scope)
        if step.as_ in _TAKEN or step.as_ in scope.facts:
            place = (*node.place, "as")
            self._report.add(place, "taken-name", f"{step.as_!r} has a meaning already")
        item = ALERT if step.for_each.strip() == "alerts" else ANY
        for block in node.blocks:
            self.sequence(block.nodes, scope.named(step.as_, item))

    def _results(self, action: str) -> dict[str, Shape] | None:
        if action not in self._catalogue:
            return None  # reported where actions are checked
        return dict.fromkeys(self._catalogue[action].results, ANY)

    def _result(self, action: str) -> Shape:
        results = self._results(action)
        return ANY if results is None else results


def _behind(condition: str, scope: Scope) -> Scope:
    return scope.sure_of_alert() if "alert" in (used(condition) or ()) else scope
