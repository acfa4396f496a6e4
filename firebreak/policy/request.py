"""A question as Cedar is asked it: who, what, on which device, and under what circumstances."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from firebreak.contracts.policy import Question
from firebreak.domain.device import Device
from firebreak.domain.people import Principal
from firebreak.policy.vocabulary import Vocabulary, reversible

_KINDS = {"person": "Person", "automation": "Automation"}


def request(question: Question, vocabulary: Vocabulary, at: datetime, zone: str) -> dict[str, Any]:
    """Principal, action, resource and context.

    Raises:
        DefinitionError: an action that policy does not know.
        ValueError: the plan is for something else than what is asked.
    """
    return {
        "principal": _principal_id(question.requester),
        "action": _uid("Action", question.action),
        "resource": _uid("Device", question.device.id),
        "context": _context(question, vocabulary, at, zone),
    }


def entities(question: Question) -> list[dict[str, Any]]:
    """The principal with its roles, and the device with what it belongs to."""
    who = {
        "uid": _principal_id(question.requester),
        "attrs": {},
        "parents": [_uid("Role", role) for role in sorted(question.requester.roles)],
    }
    return [who, _device(question.device)]


def _device(device: Device) -> dict[str, Any]:
    parents = [_uid("Site", device.site), _uid("Class", device.device_class)]
    attributes = {
        "safety": _entity("Safety", device.safety.value),
        "criticality": _entity("Criticality", device.criticality.value),
    }
    if device.redundancy_group is not None:
        parents.append(_uid("RedundancyGroup", device.redundancy_group))
        attributes["redundancy_group"] = _entity("RedundancyGroup", device.redundancy_group)
    return {"uid": _uid("Device", device.id), "attrs": attributes, "parents": parents}


def _context(question: Question, vocabulary: Vocabulary, at: datetime, zone: str) -> dict[str, Any]:
    word, plan = vocabulary[question.action], question.plan
    if plan is not None and (plan.action, plan.device) != (question.action, question.device.id):
        raise ValueError(f"asked about {question.action}, and the plan is for {plan.action}")
    local = at.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    return {
        "severity": question.severity,
        "confidence": question.confidence,
        "risk": _entity("Risk", plan.risk if plan else word.risk),
        "reversible": reversible(word, plan),
        "footprint": _entity("Footprint", word.footprint(plan.rung if plan else None)),
        "hour": local.hour,
        "minute": local.minute,
        "weekday": local.isoweekday(),
        "change_window": question.change_window,
        "drill": question.drill,
        "blast": {
            "site": question.blast.site,
            "class": question.blast.device_class,
            "switch": question.blast.switch,
            "redundancy_group": question.blast.redundancy_group,
            "last_hour": question.blast.last_hour,
        },
    }


def _principal_id(who: Principal) -> dict[str, str]:
    return _uid(_KINDS[who.kind], who.id)


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _entity(kind: str, name: str) -> dict[str, dict[str, str]]:
    return {"__entity": _uid(kind, name)}
