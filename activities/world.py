"""What the runners act through: every contract, given by the composition root."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from activities.outcomes import Clock
from activities.witness import Witness
from firebreak.contracts.controls import Control, Guard, Locator, Operation
from firebreak.contracts.ledger import Ledger
from firebreak.contracts.people import Directory, Roster
from firebreak.contracts.policy import Policy, Question
from firebreak.contracts.sources import Inventory
from firebreak.domain.device import Device
from firebreak.domain.people import Decision
from firebreak.domain.plan import Plan
from firebreak.domain.step import Ask
from firebreak.errors import CapabilityMissing
from firebreak.playbook.catalogue import ActionKind, Catalogue
from firebreak.playbook.inputs import bind
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.facts import Facts
from firebreak.policy.glass import Glasses


@dataclass(frozen=True)
class World:
    """``send_window``: how long after its intent an attempt may still send."""

    catalogue: Catalogue
    ledger: Ledger
    policy: Policy
    inventory: Inventory
    controls: Mapping[tuple[str, str], Sequence[Control]]  # by action and rung, as preferred
    locator: Locator
    operations: Mapping[str, Operation]  # by action
    witness: Witness
    clock: Clock
    send_window: timedelta
    blast_radius: BlastRadius
    guards: Sequence[Guard] = ()  # all are asked; each that is engaged is a no
    glasses: Glasses | None = None  # without them nothing is ever overridden
    facts: Facts | None = None  # what policies ask about beside the plan; None: nothing
    directory: Directory | None = None  # who people are now; without one, who they were
    roster: Roster | None = None  # who is asked by name; without one, roles are

    async def decide(self, question: Question) -> Decision:
        """Policy's word, with the facts that the policies mention. Raises LedgerUnavailable.

        A person who asks has the roles of now, not those of when the response began.
        """
        if self.directory is not None:
            requester = await self.directory.current(question.requester, self.clock())
            question = question.model_copy(update={"requester": requester})
        if self.facts is None:
            return self.policy.decide(question)
        return await self.facts.decide(self.policy, question)

    def is_control(self, action: str) -> bool:
        """Whether the action changes a device's standing."""
        return action in self.catalogue and self.catalogue[action].kind is ActionKind.CONTROL

    def checked(self, ask: Ask) -> Ask:
        """The Ask with its inputs checked and filled in. Raises DefinitionError."""
        inputs = bind(self.catalogue[ask.action].inputs, ask.inputs, f"action {ask.action}")
        return ask.model_copy(update={"inputs": inputs})

    def control(self, action: str, rung: str, device: Device) -> Control:
        """The first control of a rung that leads to the device.

        Raises:
            CapabilityMissing: there is none; says why.
        """
        reasons = []
        for control in self.controls.get((action, rung), ()):
            reason = control.serves(device)
            if not reason:
                return control
            reasons.append(reason)
        raise CapabilityMissing("; ".join(reasons) or f"no adapter here does {action} by {rung}")

    def control_of(self, plan: Plan) -> Control:
        """The control that made a plan. Raises CapabilityMissing when it is no longer here."""
        for control in self.controls.get((plan.action, plan.rung), ()):
            if control.capabilities.adapter == plan.adapter:
                return control
        raise CapabilityMissing(f"no {plan.adapter} adapter here does {plan.action} by {plan.rung}")

    def operation(self, action: str) -> Operation:
        """The operation of an action. Raises CapabilityMissing."""
        found = self.operations.get(action)
        if found is None:
            raise CapabilityMissing(f"no adapter here does {action}")
        return found
