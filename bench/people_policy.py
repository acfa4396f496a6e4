"""Decisions of policy, 1,000 policies and 10,000 devices, beside bare cedarpy on the same inputs.

Bare cedarpy gets everything ready-made: parsed policies and schema, and each request and its
entities as cedarpy wants them. Ours begins with a question and ends with a decision.
"""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cedarpy

from firebreak.contracts.policy import Question
from firebreak.domain.device import Device
from firebreak.domain.people import Effect, Principal
from firebreak.domain.plan import Plan
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy.files import shipped
from firebreak.policy.live import LivePolicy
from firebreak.policy.request import entities, request
from firebreak.policy.vocabulary import Vocabulary

POLICIES, DEVICES = 1_000, 10_000
SITES, CLASSES, GROUPS = 40, 25, 500
ROUNDS, AT_ONCE = 20, 50
_AT = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
_ROLES = ("analyst", "on-call", "soc-lead", "admin")


@dataclass(frozen=True)
class Asked:
    """The same thing for both sides."""

    question: Question
    request: dict[str, Any]
    entities: list[dict[str, Any]]


def _site_policies(count: int) -> Iterator[str]:
    """As an operator of many sites writes them: by site and class, role, hour and evidence."""
    for number in range(count):
        site, kind, role = number % SITES, number // SITES % CLASSES, _ROLES[number % 4]
        action = f'action == Action::"network.quarantine", resource in Site::"site-{site}"'
        where = f'resource in Class::"class-{kind}"'
        who, gate, when = {
            0: ("forbid (principal is Automation", "", "context.hour < 2 || context.hour > 20"),
            1: ("permit (principal", f'@approve("1 {role} within 15m")', "context.severity < 4"),
            2: ("forbid (principal", "", "context.drill"),
            3: (f'permit (principal in Role::"{role}"', "", "context.confidence >= 80"),
        }[number // 2 % 4]
        notes = f'@id("site-{number}") @summary("rule {number}") {gate}'
        yield f"{notes} {who}, {action}) when {{ {where} && ({when}) }};"


def _text() -> str:
    default = (shipped() / "default.cedar").read_text(encoding="utf-8")
    return "\n".join([default, *_site_policies(POLICIES - default.count('@id("'))])


def _device(number: int) -> Device:
    return Device.model_validate(
        {
            "id": f"device-{number}",
            "mac": f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            "site": f"site-{number % SITES}",
            "class": f"class-{number // 7 % CLASSES}",
            "criticality": ("low", "medium", "high", "critical")[number // 3 % 4],
            "safety": ("none", "none", "monitoring", "protective")[number // 11 % 4],
            "redundancy_group": f"group-{number % GROUPS}" if number % 2 else None,
        }
    )


def _question(number: int, chance: random.Random) -> Question:
    device = _device(number)
    who = Principal(id="automation", kind="automation", roles=frozenset({"automation"}))
    if chance.random() < 0.3:
        who = Principal(id="maria", roles=frozenset({chance.choice(_ROLES)}))
    plan = Plan(
        action="network.quarantine",
        rung=chance.choice(["switch", "nac"]),
        adapter="bench",
        device=device.id,
        site=device.site,
        target=device.id,
        before={},
        after={"vlan": 9},
        reversible=True,
        way_back="back",
        risk="medium",
        summary="bench",
    )
    return Question(
        action=plan.action,
        plan=plan,
        device=device,
        requester=who,
        severity=chance.randint(0, 6),
        confidence=chance.randint(0, 100),
        at=_AT.replace(hour=chance.randrange(24)),
    )


def _measured(act: Callable[[Asked], object], batch: list[Asked]) -> list[float]:
    took = []
    for asked in batch:
        began = time.perf_counter()
        act(asked)
        took.append(time.perf_counter() - began)
    return took


def measure() -> dict[str, object]:
    """Both sides in turns, over devices at random; times in microseconds."""
    chance, vocabulary = random.Random(4), Vocabulary(SHIPPED)  # noqa: S311 - inputs, no secret
    with tempfile.TemporaryDirectory(prefix="firebreak-bench-") as folder:
        path = Path(folder) / "bench.cedar"
        path.write_text(_text(), encoding="utf-8")
        began = time.perf_counter()
        policy = LivePolicy.load(path, vocabulary)
        load_s = time.perf_counter() - began
        parsed = cedarpy.PolicySet.from_str(path.read_text(encoding="utf-8"))

        def bare(asked: Asked) -> object:
            return cedarpy.is_authorized(
                asked.request, parsed, asked.entities, vocabulary.handle
            ).decision

        def ours(asked: Asked) -> object:
            return policy.decide(asked.question)

        took: dict[str, list[float]] = {"bare": [], "ours": []}
        effects = dict.fromkeys(Effect, 0)
        for number in range(ROUNDS):
            batch = [_asked(_question(n, chance), vocabulary) for n in _some(chance)]
            sides = (("bare", bare), ("ours", ours))
            for name, act in sides if number % 2 else reversed(sides):
                took[name] += _measured(act, batch)
            for asked in batch:
                effects[policy.decide(asked.question).effect] += 1
    figures = {f"policy_{name}": _figures(values) for name, values in took.items()}
    return {
        "policies": POLICIES,
        "devices": DEVICES,
        "policy_load_s": round(load_s, 3),
        **figures,
        "policy_effects": {effect.value: count for effect, count in effects.items()},
        "policy_ratio": round(sum(took["bare"]) / sum(took["ours"]), 3),
    }


def _some(chance: random.Random) -> list[int]:
    return [chance.randrange(DEVICES) for _ in range(AT_ONCE)]


def _asked(question: Question, vocabulary: Vocabulary) -> Asked:
    return Asked(
        question, request(question, vocabulary, question.at or _AT, "UTC"), entities(question)
    )


def _figures(took: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took, n=100)
    return {
        "per_s": round(len(took) / sum(took), 1),
        "p50_us": round(statistics.median(took) * 1e6, 1),
        "p99_us": round(cuts[98] * 1e6, 1),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
