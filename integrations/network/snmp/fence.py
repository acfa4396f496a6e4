"""The times of one operation, and how far it has come."""

from dataclasses import dataclass

from integrations.network import clock
from integrations.network.snmp.faults import TooLate


@dataclass
class Fence:
    """Both times are on ``clock``; ``unsettled`` is true from a SET to its read-back."""

    deadline: float
    send_by: float
    unsettled: bool = False
    cancelled: bool = False  # nobody waits for the result any more

    def left(self) -> float:
        """Seconds to the deadline, not below zero."""
        return max(0.0, self.deadline - clock.now())

    def pass_effect(self) -> float:
        """Say that a SET is about to be sent; returns how long it may be under way, in seconds.

        A change that was begun for a caller who has gone is brought to its end all the same.
        Raises TooLate.
        """
        window = min(self.send_by, self.deadline) - clock.now()
        if window <= 0 or (self.cancelled and not self.unsettled):
            raise TooLate("the time for sending has passed")
        self.unsettled = True
        return window
