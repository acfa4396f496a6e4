"""What expressions can see at a point of a playbook, and where results go."""

from collections.abc import Mapping

from pydantic import JsonValue

from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.playbook.expressions import render


class Scope:
    """Names visible to a step, and the prefix that makes its key unique in the response.

    A for_each item opens a child scope that sees everything around it; an inlined playbook opens
    a scope of its own that sees only the facts and its inputs.
    """

    def __init__(
        self,
        facts: Mapping[str, JsonValue],
        inputs: Mapping[str, JsonValue],
        *,
        prefix: str = "",
        around: "Scope | None" = None,
        names: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """``facts``: alert, alerts, device, incident. ``names``: loop variables."""
        self._facts = dict(facts)
        self._inputs = dict(inputs)
        self._around = around
        self._names = dict(names or {})
        self._vars: dict[str, JsonValue] = {}
        self._steps: dict[str, JsonValue] = {}
        self.prefix = prefix

    def item(self, name: str, value: JsonValue, key: str) -> "Scope":
        """A scope for one item of a for_each."""
        return Scope(
            self._facts,
            self._inputs,
            prefix=f"{self.prefix}{key}/",
            around=self,
            names={name: value},
        )

    def inlined(self, step: str, inputs: Mapping[str, JsonValue]) -> "Scope":
        """A scope for an inlined playbook."""
        return Scope(self._facts, inputs, prefix=f"{self.prefix}{step}/")

    def key(self, step: str) -> str:
        """The step's key: unique and the same in every replay."""
        return self.prefix + step

    def context(self) -> dict[str, JsonValue]:
        """All names, as plain JSON."""
        return {
            **self._facts,
            "inputs": self._inputs,
            "vars": self.variables,
            "steps": self.results,
            **self.loop_names,
        }

    def render(self, template: JsonValue) -> JsonValue:
        """A template's value here."""
        return render(template, self.context())

    def assign(self, name: str, value: JsonValue) -> None:
        """Set ``vars.<name>``."""
        self._vars[name] = value

    def finish(self, step: str, outcome: Outcome) -> None:
        """Publish a step's outcome as ``steps.<id>``."""
        self._steps[step] = {
            "outcome": outcome.kind.value,
            "contained": outcome.kind is OutcomeKind.ENFORCED,
            "result": outcome.result,
            "error": outcome.error,
            "detail": outcome.detail,
        }

    def fail(self, step: str, outcome: OutcomeKind, detail: str) -> None:
        """Publish why a step never came to an outcome of its own; one that it has stays."""
        self._steps.setdefault(
            step,
            {
                "outcome": outcome.value,
                "contained": False,
                "result": {},
                "error": "",
                "detail": detail,
            },
        )

    def skip(self, step: str) -> None:
        """Publish that a step did not run."""
        self._steps[step] = {
            "outcome": "skipped", "contained": False, "result": {}, "error": "", "detail": "",
        }  # fmt: skip

    @property
    def variables(self) -> dict[str, JsonValue]:
        """``vars``: what was set here and around."""
        return {**(self._around.variables if self._around else {}), **self._vars}

    @property
    def results(self) -> dict[str, JsonValue]:
        """``steps``: what ended here and around."""
        return {**(self._around.results if self._around else {}), **self._steps}

    @property
    def loop_names(self) -> dict[str, JsonValue]:
        """The items of the for_each steps around."""
        return {**(self._around.loop_names if self._around else {}), **self._names}
