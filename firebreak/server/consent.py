"""Whether a person may end a hold by hand: policy decides, as it does for a response that asks."""

import structlog

from firebreak.contracts.policy import Decide, Question
from firebreak.contracts.sources import Inventory
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold, release_action, release_plan
from firebreak.domain.people import Decision, Effect, Gate, Principal, passed
from firebreak.errors import NotFound, PolicyDenied

_log = structlog.get_logger(__name__)


async def may_release(hold: Hold, who: Principal, decide: Decide, inventory: Inventory) -> None:
    """Ask policy for ``<prefix>.release`` on the hold's device in the name of ``who``.

    A request by hand has no alert, so its severity and confidence are 0. Where policy wants one
    agreement, a person of that role who releases by hand gives it; where it wants more than one
    person, no single call can have them.

    Raises:
        PolicyDenied: policy forbids it or wants others to agree; says why, whom and by which rules.
        NotFound: the device is not in the inventory.
        LedgerUnavailable: what policy wants to know cannot be read.
    """
    action = release_action(hold.action)
    decision = await decide(
        Question(
            action=action,
            plan=release_plan(hold),
            device=_device(hold, inventory),
            requester=who,
        )
    )
    allowed = _allows(decision, who)
    log = _log.info if allowed else _log.warning
    log(
        "release by hand",
        hold=hold.id,
        incident=hold.incident,
        who=who.id,
        allowed=allowed,
        effect=decision.effect.value,
        rules=decision.rules,
    )
    if not allowed:
        raise PolicyDenied(f"{action} of {hold.device}: {_refusal(decision, who)}")


def _device(hold: Hold, inventory: Inventory) -> Device:
    try:
        return inventory.device(hold.device)
    except NotFound as error:
        raise NotFound(
            f"policy cannot be asked about {hold.device}: it is not in the inventory any more; "
            "put it back there, or let the hold run out"
        ) from error


def _allows(decision: Decision, who: Principal) -> bool:
    if decision.effect is Effect.APPROVE:
        # An approval that names nobody is no agreement.
        return bool(decision.gates) and passed(decision.gates, (who,))
    return decision.effect is Effect.ALLOW


def _refusal(decision: Decision, who: Principal) -> str:
    because = f"{decision.reason} (rules: {', '.join(decision.rules) or 'none'})"
    if decision.effect is Effect.FORBID:
        return because
    people = " and ".join(f"{gate.quorum} x {gate.role}" for gate in decision.gates)
    if _one_person_is_enough(decision.gates):
        return f"{because}; {people} has to agree, and {who.id} is none: ask them to release it"
    return (
        f"{because}; {people or 'people it does not name'} have to agree, more than one person: "
        "only a playbook with a release step can ask them"
    )


def _one_person_is_enough(gates: tuple[Gate, ...]) -> bool:
    return len(gates) == 1 and gates[0].quorum == 1
