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
            "vars": self._merged("_vars"),
            "steps": self._merged("_steps"),
            **self._loop_names(),
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

    def skip(self, step: str) -> None:
        """Publish that a step did not run."""
        self._steps[step] = {
            "outcome": "skipped", "contained": False, "result": {}, "error": "", "detail": "",
        }  # fmt: skip

    def _merged(self, table: str) -> dict[str, JsonValue]:
        outer = self._around._merged(table) if self._around else {}
        own: dict[str, JsonValue] = getattr(self, table)
        return {**outer, **own}

    def _loop_names(self) -> dict[str, JsonValue]:
        outer = self._around._loop_names() if self._around else {}
        return {**outer, **self._names}
