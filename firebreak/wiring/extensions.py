"""Adapters of your own: modules named in the settings, configured in the estate file."""

import importlib
from collections.abc import Iterable, Sequence
from typing import cast

from firebreak.contracts.controls import AdapterModule, Control, Extension
from firebreak.domain.estate import Estate
from firebreak.errors import DefinitionError
from firebreak.playbook.catalogue import QUARANTINE


def load(modules: Sequence[str], estate: Estate) -> list[Extension]:
    """Build what each module brings.

    Only the settings say which code is run; the estate file configures it and names nothing else.

    Raises:
        DefinitionError: a module cannot be imported, has no ``extend``, serves a rung that the
            catalogue does not have, or the estate configures one that is not loaded.
    """
    if strangers := sorted(set(estate.adapters) - set(modules)):
        raise DefinitionError(
            f"the estate configures adapters {', '.join(strangers)}, which FIREBREAK_ADAPTERS does "
            "not name"
        )
    return [_extension(name, estate) for name in modules]


def _extension(name: str, estate: Estate) -> Extension:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise DefinitionError(f"FIREBREAK_ADAPTERS: cannot import {name}: {error}") from error
    if not callable(getattr(module, "extend", None)):
        raise DefinitionError(f"FIREBREAK_ADAPTERS: {name} has no function `extend`")
    extension = cast("AdapterModule", module).extend(estate, estate.adapters.get(name, {}))
    for control in extension.controls:
        if control.capabilities.rung not in QUARANTINE.ladder:
            raise DefinitionError(
                f"FIREBREAK_ADAPTERS: {name} serves rung {control.capabilities.rung!r}; there are: "
                f"{', '.join(QUARANTINE.ladder)}"
            )
    return extension


def check_names(controls: Iterable[Control]) -> None:
    """No two controls share adapter and rung, by which plans find them. Raises DefinitionError."""
    seen: set[tuple[str, str]] = set()
    for control in controls:
        name = control.capabilities.adapter, control.capabilities.rung
        if name in seen:
            raise DefinitionError(
                f"two adapters call themselves {name[0]} on rung {name[1]}; a hold would not know "
                "which of them to ask for its way back"
            )
        seen.add(name)
