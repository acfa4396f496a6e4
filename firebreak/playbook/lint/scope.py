"""What expressions can see at a point, as shapes: which fields exist, without their values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from firebreak.domain.alert import Alert
from firebreak.domain.base import Model
from firebreak.domain.device import Attachment, Device

# A mapping has these fields; a one-item tuple is a list of that; None has no fields; ANY may have.
Shape: TypeAlias = Mapping[str, Any] | tuple[Any] | str | None
Fields: TypeAlias = Mapping[str, Shape]
ANY = "any"


def _fields(model: type[Model]) -> Fields:
    return {info.alias or name: None for name, info in model.model_fields.items()}


ALERT: Shape = {**_fields(Alert), "devices": (None,)}
DEVICE: Shape = {**_fields(Device), "attached": _fields(Attachment)}
INCIDENT: Shape = dict.fromkeys(("id", "requester", "reason", "started_at"))
TRIGGER: Fields = {"alert": ALERT, "device": DEVICE}
FACTS: Fields = {**TRIGGER, "alerts": (ALERT,), "incident": INCIDENT}


def outcome(results: Iterable[str]) -> Shape:
    """``steps.<id>`` of an action with these results."""
    plain = dict.fromkeys(("outcome", "contained", "error", "detail"))
    return {**plain, "result": dict.fromkeys(results, ANY)}


@dataclass(frozen=True)
class Scope:
    """What is visible at a point of a playbook.

    ``steps`` and ``variables`` hold what every path to this point has set. ``alert_sure``: there
    is an alert, because a trigger or a condition asked for one.
    """

    facts: Fields
    steps: Fields
    variables: Fields
    alert_sure: bool

    @property
    def shape(self) -> Fields:
        """All names."""
        return {**self.facts, "steps": self.steps, "vars": self.variables}

    def ran(self, step: str, results: Iterable[str]) -> "Scope":
        """After an action."""
        return replace(self, steps={**self.steps, step: outcome(results)})

    def assigned(self, variables: Iterable[str]) -> "Scope":
        """After variables were set."""
        return replace(self, variables={**self.variables, **dict.fromkeys(variables, ANY)})

    def named(self, name: str, shape: Shape) -> "Scope":
        """With a name of its own: a loop variable, or ``result``."""
        return replace(self, facts={**self.facts, name: shape})

    def sure_of_alert(self) -> "Scope":
        """Behind a condition that asked whether there is an alert."""
        return replace(self, alert_sure=True)

    def joined(self, others: Iterable["Scope"]) -> "Scope":
        """After branches that all ran."""
        scope = self
        for other in others:
            steps = {**scope.steps, **other.steps}
            variables = {**scope.variables, **other.variables}
            scope = replace(scope, steps=steps, variables=variables)
        return scope


def lost(shape: Shape, path: Sequence[str]) -> int | None:
    """Which part of a path does not exist in a shape; None when all of it does."""
    for index, part in enumerate(path):
        if shape == ANY:
            return None
        if isinstance(shape, Mapping) and part in shape:
            shape = shape[part]
        elif isinstance(shape, tuple) and part.removeprefix("-").isdecimal():
            shape = shape[0]
        else:
            return index
    return None


def known(shape: Shape, path: Sequence[str]) -> list[str]:
    """The fields that exist where a path leads."""
    for part in path:
        if isinstance(shape, tuple):
            shape = shape[0]
        else:
            shape = shape[part] if isinstance(shape, Mapping) else None
    return sorted(shape) if isinstance(shape, Mapping) else []
