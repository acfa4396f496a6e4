"""What the first shipped policy said, kept so that no later one says less.

It was a YAML file of rules, read by an engine of our own; this is its meaning, rule by rule.
"""

from firebreak.contracts.policy import Question
from firebreak.domain.people import Decision, Effect, Gate, united

ON_DUTY = frozenset({"automation", "analyst", "on-call", "soc-lead", "admin"})
PEOPLE_ON_DUTY = ON_DUTY - {"automation"}
CONTAINING = ("quarantine", "deny", "revoke", "rotate", "wipe", "retire")

ON_CALL = Gate(role="on-call", within_s=900)
SOC_LEAD = Gate(role="soc-lead", within_s=900)


def first_default(asked: Question) -> Decision:
    device, who = asked.device, asked.requester
    verb = asked.action.rpartition(".")[2]
    if who.kind == "automation" and device.safety == "life-support" and verb in CONTAINING:
        return Decision(effect=Effect.FORBID)
    if asked.action in ("device.probe", "incident.note"):
        return Decision(effect=Effect.ALLOW)
    if asked.action == "network.quarantine" and who.roles & ON_DUTY:
        return _quarantine(asked)
    if asked.action == "network.release" and who.kind == "automation":
        return Decision(effect=Effect.APPROVE, gates=(Gate(role="on-call", within_s=3600),))
    if asked.action == "network.release" and who.roles & PEOPLE_ON_DUTY:
        return Decision(effect=Effect.ALLOW)
    return Decision(effect=Effect.FORBID)


def _quarantine(asked: Question) -> Decision:
    device = asked.device
    harmless = device.safety == "none" and device.criticality in ("low", "medium")
    gates: list[Gate] = []
    if harmless and asked.severity <= 2:
        gates.append(ON_CALL)
    if device.criticality == "high":
        gates.append(ON_CALL)
    if device.criticality == "critical" or device.safety != "none":
        gates += [ON_CALL, SOC_LEAD]
    if gates:
        return Decision(effect=Effect.APPROVE, gates=united(gates))
    return Decision(effect=Effect.ALLOW if harmless else Effect.FORBID)


def is_as_strict(new: Decision, old: Decision) -> bool:
    """Whether ``new`` lets nothing happen that ``old`` would not, with nobody less agreeing."""
    order = (Effect.ALLOW, Effect.APPROVE, Effect.FORBID)
    if new.effect is not old.effect:
        return order.index(new.effect) > order.index(old.effect)
    asked = {gate.role: gate for gate in new.gates}
    return all(
        gate.role in asked
        and asked[gate.role].quorum >= gate.quorum
        and asked[gate.role].within_s <= gate.within_s
        for gate in old.gates
    )
