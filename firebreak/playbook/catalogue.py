"""The actions a step can do: their kind, inputs, results and rungs."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from firebreak.domain.base import Model
from firebreak.domain.plan import Risk
from firebreak.errors import DefinitionError

ValueType = Literal["string", "integer", "number", "boolean", "list", "object"]


class ActionKind(StrEnum):
    """``CONTROL`` changes a device's standing, ``EFFECT`` something else, ``OBSERVE`` looks."""

    CONTROL = "control"
    EFFECT = "effect"
    OBSERVE = "observe"


class Param(Model):
    """One input of an action."""

    type: ValueType = "string"
    required: bool = False
    default: JsonValue = None
    summary: str = ""


class Action(Model):
    """A named, typed thing a step can do.

    ``results`` are the fields a playbook may read as ``steps.<id>.result.<field>``. ``rungs`` are
    the methods a ladder may name, the gentlest first. ``quick`` actions end within a second and
    run as local activities; everything else runs as an ordinary one.
    """

    name: str = Field(pattern=r"^[a-z]+\.[a-z-]+$")
    kind: ActionKind
    summary: str
    inputs: dict[str, Param] = Field(default_factory=dict)
    results: dict[str, ValueType] = Field(default_factory=dict)
    rungs: tuple[str, ...] = ()
    reversible: bool = True
    risk: Risk = "low"
    quick: bool = False


class Catalogue:
    """Actions by name; looking up an unknown one is an error."""

    def __init__(self, actions: Iterable[Action]) -> None:
        """Index the actions. Raises DefinitionError on a name given twice."""
        self._actions: dict[str, Action] = {}
        for action in actions:
            if action.name in self._actions:
                raise DefinitionError(f"action {action.name} is defined twice")
            self._actions[action.name] = action

    def __contains__(self, name: str) -> bool:
        return name in self._actions

    def __getitem__(self, name: str) -> Action:
        try:
            return self._actions[name]
        except KeyError:
            known = ", ".join(sorted(self._actions))
            raise DefinitionError(f"no action named {name!r}; there are: {known}") from None

    @property
    def actions(self) -> Mapping[str, Action]:
        """All actions by name."""
        return dict(self._actions)


QUARANTINE = Action(
    name="network.quarantine",
    kind=ActionKind.CONTROL,
    summary="Move the device to the site's quarantine network, or shut its port",
    rungs=("switch", "port-down"),
    risk="medium",
)
PROBE = Action(
    name="device.probe",
    kind=ActionKind.OBSERVE,
    summary="Look from a sentinel whether the device can be reached in production",
    results={"reach": "string", "reachable": "boolean", "detail": "string"},
)
NOTE = Action(
    name="incident.note",
    kind=ActionKind.EFFECT,
    summary="Write a line into the incident's record",
    inputs={"text": Param(required=True, summary="What to write, up to 2,000 characters")},
    quick=True,
)

SHIPPED = Catalogue([QUARANTINE, PROBE, NOTE])
