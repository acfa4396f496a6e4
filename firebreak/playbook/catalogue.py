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


class Footprint(StrEnum):
    """How much of a network one rung of a control touches, the gentlest first."""

    SESSION = "session"  # the device's own access session
    PORT = "port"  # whatever hangs on its port
    LINK = "link"  # the port goes dark


class Rung(Model):
    """One method of a control, whatever adapter does it."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    footprint: Footprint
    summary: str


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
    rungs: tuple[Rung, ...] = ()
    reversible: bool = True
    risk: Risk = "low"
    quick: bool = False

    @property
    def ladder(self) -> tuple[str, ...]:
        """The rungs' names, the gentlest first."""
        return tuple(rung.name for rung in self.rungs)

    def rung(self, name: str) -> Rung:
        """One rung by name. Raises DefinitionError."""
        for rung in self.rungs:
            if rung.name == name:
                return rung
        raise DefinitionError(f"{self.name} has no rung {name!r}")


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
    rungs=(
        Rung(
            name="nac", footprint=Footprint.SESSION, summary="ask the NAC to quarantine its session"
        ),
        Rung(
            name="radius",
            footprint=Footprint.SESSION,
            summary="change its RADIUS authorization and have it authenticate again (RFC 5176)",
        ),
        Rung(
            name="controller",
            footprint=Footprint.PORT,
            summary="move its port, by the cloud controller",
        ),
        Rung(name="switch", footprint=Footprint.PORT, summary="move its port, by the switch's CLI"),
        Rung(name="snmp", footprint=Footprint.PORT, summary="move its port, by SNMPv3"),
        Rung(
            name="dot1x",
            footprint=Footprint.PORT,
            summary="force its 802.1X port unauthorized, by SNMPv3",
        ),
        Rung(name="snmp-port-down", footprint=Footprint.LINK, summary="shut its port, by SNMPv3"),
        Rung(
            name="radius-port-down",
            footprint=Footprint.LINK,
            summary="shut its port, by Cisco's disable-host-port (RFC 5176)",
        ),
        Rung(
            name="port-down", footprint=Footprint.LINK, summary="shut its port, by the switch's CLI"
        ),
    ),
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
