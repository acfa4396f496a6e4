"""Decides whether an alert starts a playbook. A trigger that breaks starts nothing, and says so."""

from dataclasses import dataclass

from firebreak.domain.alert import Alert
from firebreak.domain.device import Device
from firebreak.errors import DefinitionError
from firebreak.playbook.expressions import truth
from firebreak.playbook.program import Program


@dataclass(frozen=True)
class Match:
    """Whether a playbook's triggers match. ``problems``: what each broken trigger said."""

    matched: bool
    problems: tuple[str, ...] = ()


def match(program: Program, alert: Alert, device: Device) -> Match:
    """Whether any trigger of a playbook is true of an alert about a device. Raises nothing."""
    context = {"alert": alert.to_json(), "device": device.to_json()}
    problems: list[str] = []
    for number, trigger in enumerate(program.triggers, start=1):
        try:
            if truth(trigger, context):
                return Match(matched=True, problems=tuple(problems))
        except DefinitionError as error:
            problems.append(f"playbook {program.name}, trigger {number}: {error}")
    return Match(matched=False, problems=tuple(problems))
