"""Questions to policies, and policies written for one test."""

from pathlib import Path
from typing import Any

from firebreak.contracts.policy import Question
from firebreak.domain.device import Device
from firebreak.domain.people import Principal
from firebreak.domain.plan import Plan
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.vocabulary import Vocabulary

VOCABULARY = Vocabulary(SHIPPED)
AUTOMATION = Principal(id="automation", kind="automation", roles=frozenset({"automation"}))
ALLOW = '@id("ok") @summary("fine") permit (principal, action in Action::"network.*", resource);\n'


def person(*roles: str, name: str = "someone") -> Principal:
    return Principal(id=name, roles=frozenset(roles))


def device(**changes: Any) -> Device:
    fields = {"id": "cam-17", "mac": "02:00:00:00:00:17", "site": "plant", "class": "ip-camera"}
    return Device.model_validate(fields | {"criticality": "low"} | changes)


def plan(of: Device, **changes: Any) -> Plan:
    fields = {
        "rung": "switch",
        "adapter": "x",
        "device": of.id,
        "site": of.site,
        "target": "sw/1",
        "before": {},
        "after": {"vlan": 9},
        "reversible": True,
        "way_back": "vlan 1",
        "risk": "low",
        "summary": "x",
    }
    return Plan.model_validate(fields | changes)


def question(
    action: str = "network.quarantine",
    *,
    who: Principal = AUTOMATION,
    planned: dict[str, Any] | None = None,
    asked: dict[str, Any] | None = None,
    severity: int = 4,
    confidence: int = 50,
    **changes: Any,
) -> Question:
    one = device(**changes)
    return Question(
        action=action,
        plan=None if planned is None else plan(one, **{"action": action, **planned}),
        device=one,
        requester=who,
        severity=severity,
        confidence=confidence,
        **(asked or {}),
    )


def policy(where: Path, text: str, **options: Any) -> CedarPolicy:
    path = where / "policy.cedar"
    path.write_text(text)
    return CedarPolicy.load(path, VOCABULARY, **options)


def permit(condition: str, **notes: str) -> str:
    """A policy that permits everything under a condition."""
    spelled = {"id": "r", "summary": "s", **notes}
    head = " ".join(f'@{name}("{value}")' for name, value in spelled.items())
    return f"{head} permit (principal, action, resource) when {{ {condition} }};\n"
