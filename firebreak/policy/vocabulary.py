"""What policies can speak of: the actions of the catalogue, and the Cedar schema made from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, get_args

import cedarpy

from firebreak.domain.base import digest
from firebreak.domain.device import Criticality, SafetyClass
from firebreak.domain.hold import release_action
from firebreak.domain.plan import Plan, Risk
from firebreak.errors import DefinitionError
from firebreak.playbook.catalogue import Action, ActionKind, Catalogue, Footprint

VERSION: Final = 1  # of the schema's shape; what it says of actions is the catalogue's

NO_FOOTPRINT: Final = "none"
_WIDEST_LAST = [NO_FOOTPRINT, *(footprint.value for footprint in Footprint)]

# Policy can speak of them before an adapter can do them: what cannot be undone is ruled in time.
RESERVED: Final = (
    Action(
        name="device.wipe",
        kind=ActionKind.EFFECT,
        summary="Erase the device's storage and configuration",
        reversible=False,
        risk="high",
    ),
    Action(
        name="device.retire",
        kind=ActionKind.EFFECT,
        summary="Take the device out of service for good: its identity is revoked",
        reversible=False,
        risk="high",
    ),
)

_SHAPE = """\
// People and automation hold roles: `principal in Role::"on-call"`, `principal is Automation`.
entity Role;
entity Person in [Role];
entity Automation in [Role];

// A device is in its site, its class and its redundancy group: `resource in Site::"plant-1"`.
entity Site;
entity Class;
entity RedundancyGroup;
entity Device in [Site, Class, RedundancyGroup] {{
  safety: Safety,
  criticality: Criticality,
  redundancy_group?: RedundancyGroup,
}};

{enums}

// How many other devices are held, or about to be.
type Blast = {{
  site: Long,
  class: Long,
  switch: Long,
  redundancy_group: Long,
  last_hour: Long,
}};

type Context = {{
  severity: Long,        // of the alerts, OCSF: 0 without an alert, 1 informational to 6 fatal
  confidence: Long,      // of the alerts, in percent: 0 without an alert
  risk: Risk,            // the plan's; the catalogue's where the action makes no plan
  reversible: Bool,      // action and plan have a way back
  footprint: Footprint,  // the plan's rung; the widest of the action's rungs without one
  hour: Long,            // 0 to 23 on the site's clock
  minute: Long,          // 0 to 59
  weekday: Long,         // 1 Monday to 7 Sunday
  change_window: Bool,   // a change window of the site is open
  drill: Bool,
  blast: Blast,
}};
"""


@dataclass(frozen=True)
class Word:
    """What policy knows of one action; ``footprints`` are those of its rungs, by name."""

    name: str
    summary: str
    groups: tuple[str, ...]
    risk: Risk
    reversible: bool
    footprints: Mapping[str, str]

    def footprint(self, rung: str | None) -> str:
        """The rung's footprint; the widest there is when the rung is not known."""
        if rung is not None and rung in self.footprints:
            return self.footprints[rung]
        return max(self.footprints.values(), key=_WIDEST_LAST.index, default=NO_FOOTPRINT)


class Vocabulary:
    """The actions, by name, and the schema that policies and questions are held against."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Words for the catalogue's actions, for those reserved, and for the ways back."""
        known = catalogue.actions
        actions = [*known.values(), *(one for one in RESERVED if one.name not in known)]
        words = [_word(action) for action in actions]
        words += _releases([one for one in actions if one.kind is ActionKind.CONTROL])
        self._words = {word.name: word for word in sorted(words, key=lambda word: word.name)}
        self.schema = _schema(self._words.values())
        self.handle = cedarpy.Schema.from_str(self.schema)
        self.digest = digest(self.schema)

    def __getitem__(self, action: str) -> Word:
        try:
            return self._words[action]
        except KeyError:
            known = ", ".join(self._words)
            raise DefinitionError(
                f"policy knows no action {action!r}; there are: {known}"
            ) from None

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of all actions, in order."""
        return tuple(self._words)


def reversible(word: Word, plan: Plan | None) -> bool:
    """Whether there is a way back. The way back itself has one: to contain the device again."""
    if plan is None or RELEASE in word.groups:
        return word.reversible
    return word.reversible and plan.reversible


RELEASE: Final = "release"
IRREVERSIBLE: Final = "irreversible"


def _word(action: Action) -> Word:
    groups = [action.kind.value, _family(action.name)]
    return Word(
        name=action.name,
        summary=action.summary,
        groups=(*groups, IRREVERSIBLE) if not action.reversible else tuple(groups),
        risk=action.risk,
        reversible=action.reversible,
        footprints={rung.name: rung.footprint.value for rung in action.rungs},
    )


def _releases(controls: Iterable[Action]) -> list[Word]:
    """One way back for each family of controls; it touches what its control touched."""
    by_name: dict[str, Word] = {}
    for control in controls:
        name = release_action(control.name)
        before = by_name[name].footprints if name in by_name else {}
        rungs = {rung.name: rung.footprint.value for rung in control.rungs}
        by_name[name] = Word(
            name=name,
            summary="End a hold before its time",
            groups=(RELEASE, _family(name)),
            risk="low",
            reversible=True,
            footprints={**before, **rungs},
        )
    return list(by_name.values())


def _family(action: str) -> str:
    return f"{action.partition('.')[0]}.*"


def _schema(words: Iterable[Word]) -> str:
    enums = {
        "Safety": [safety.value for safety in SafetyClass],
        "Criticality": [criticality.value for criticality in Criticality],
        "Risk": get_args(Risk),
        "Footprint": _WIDEST_LAST,
    }
    lines = [f"entity {name} enum [{_names(values)}];" for name, values in enums.items()]
    actions = list(words)
    kinds = [*(kind.value for kind in ActionKind), RELEASE, IRREVERSIBLE]
    families = sorted({_family(word.name) for word in actions})
    parts = [
        f"// What Firebreak's policies can say. Version {VERSION}.\n",
        _SHAPE.format(enums="\n".join(lines)),
        '// Groups of actions: `action in Action::"control"`, `action in Action::"network.*"`.',
        *(f'action "{group}";' for group in (*kinds, *families)),
        *(_declared(word) for word in actions),
    ]
    return "\n".join(parts) + "\n"


def _declared(word: Word) -> str:
    return (
        f"\n// {' '.join(word.summary.split())}.\n"
        f'action "{word.name}" in [{_names(word.groups)}] appliesTo {{\n'
        "  principal: [Person, Automation],\n  resource: Device,\n  context: Context,\n};"
    )


def _names(values: Iterable[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)
