"""What the runners act through: every contract, given by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from activities.outcomes import Clock
from activities.witness import Witness
from firebreak.contracts import Control, Inventory, Ledger, Operation, Policy
from firebreak.errors import CapabilityMissing


@dataclass(frozen=True)
class World:
    """``send_window``: how long after its intent an attempt may still send."""

    ledger: Ledger
    policy: Policy
    inventory: Inventory
    controls: Mapping[tuple[str, str], Control]  # by action and rung
    operations: Mapping[str, Operation]  # by action
    witness: Witness
    clock: Clock
    send_window: timedelta

    def control(self, action: str, rung: str) -> Control:
        """The control for one rung. Raises CapabilityMissing."""
        found = self.controls.get((action, rung))
        if found is None:
            raise CapabilityMissing(f"no adapter here does {action} by {rung}")
        return found

    def operation(self, action: str) -> Operation:
        """The operation of an action. Raises CapabilityMissing."""
        found = self.operations.get(action)
        if found is None:
            raise CapabilityMissing(f"no adapter here does {action}")
        return found
