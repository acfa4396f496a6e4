"""Lint of order: what people agree to comes after, what is released was held before."""

from firebreak.playbook import schema
from firebreak.playbook.catalogue import Catalogue
from firebreak.playbook.outline import Node
from firebreak.playbook.reading import Report

Holds = frozenset[str]

_SOME = "*"  # a hold whose step cannot be named from here: in a loop, or in another playbook


def check_order(nodes: tuple[Node, ...], catalogue: Catalogue, report: Report) -> None:
    """Check approvals and releases of a playbook."""
    _Order(catalogue, report).sequence(nodes, frozenset())


class _Order:
    """Walks the steps with the holds that may exist at each."""

    def __init__(self, catalogue: Catalogue, report: Report) -> None:
        self._catalogue = catalogue
        self._report = report

    def sequence(self, nodes: tuple[Node, ...], held: Holds) -> Holds:
        """Steps one after another. Returns the holds that may exist after the last."""
        approved: set[str] = set()
        for index, node in enumerate(nodes):
            match node.step:
                case schema.Approve() as step:
                    self._plan(step, node, nodes[index + 1 :])
                    if step.when is None and not step.on_failure:
                        approved |= set(step.plan)
                case schema.Do() as step:
                    self._irreversible(step, node, asked=node.id in approved)
                case schema.Release() as step:
                    self._release(step, node, held)
            held = self._after(node, held)
        return held

    def _after(self, node: Node, held: Holds) -> Holds:
        after = held
        if isinstance(node.step, schema.Do) and node.step.hold is not None:
            after |= {node.id}
        elif isinstance(node.step, schema.Run):
            after |= {_SOME}
        elif isinstance(node.step, schema.ForEach):
            inside = [self.sequence(block.nodes, _unnamed(held)) for block in node.blocks]
            after = after.union(*map(_unnamed, inside))
        else:
            after = after.union(*(self.sequence(block.nodes, held) for block in node.blocks))
        return after | self.sequence(node.failure, after)

    def _plan(self, step: schema.Approve, node: Node, later: tuple[Node, ...]) -> None:
        following = {other.id: other.step for other in later}
        for index, name in enumerate(step.plan):
            place = (*node.place, "plan", index)
            if name in step.plan[:index]:
                self._report.add(place, "repeated-plan", f"{name!r} is in the plan twice")
            elif name not in following:
                message = f"no step {name!r} comes after this one in the same list of steps"
                hint = f"there are: {', '.join(following) or 'none'}"
                self._report.add(place, "unknown-plan", message, hint)
            elif not isinstance(following[name], schema.Do | schema.Release):
                message = f"step {name!r} is no action and no release, so it has no plan"
                self._report.add(place, "no-plan", message)

    def _irreversible(self, step: schema.Do, node: Node, *, asked: bool) -> None:
        known = step.do in self._catalogue
        if not known or self._catalogue[step.do].reversible or asked:
            return
        message = f"{step.do} has no way back, and nobody is surely asked before it"
        hint = f"put an `approve` without `when` and `on_failure` before it, with plan: [{node.id}]"
        self._report.add(node.place, "not-approved", message, hint)

    def _release(self, step: schema.Release, node: Node, held: Holds) -> None:
        if not step.of and not held:
            self._report.add(node.place, "nothing-held", "nothing before this step holds anything")
        for index, name in enumerate(step.of):
            if name not in held:
                message = f"no step {name!r} before this one, in the same scope, has a hold"
                place = (*node.place, "of", index)
                self._report.add(place, "nothing-held", message)


def _unnamed(held: Holds) -> Holds:
    return frozenset({_SOME}) if held else held
