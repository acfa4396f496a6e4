"""The guarded line under netmiko: it ends at its deadline, sees that it broke, and reads at once.

netmiko polls: it sleeps, looks whether bytes came, and looks again; a closed channel looks to it
like one without news. Every byte in both directions passes here, so this is where the promise is
kept that nothing is sent after the deadline.
"""

from dataclasses import dataclass

import paramiko
from netmiko.channel import SSHChannel
from netmiko.netmiko_globals import MAX_BUFFER

from integrations.network import clock
from integrations.network.cli.faults import LineLost, TooLate

# How long one look waits for the first byte. An answer is seen when it comes, not at the next poll.
_LOOK_S = 0.02


@dataclass
class LineTime:
    """How long a turn on the line may take, on ``clock``."""

    deadline: float
    first_by: float | None = None  # a kept session must have answered by then
    answered: bool = False  # the switch has answered at least one command

    def left(self) -> float:
        """Seconds to the end, not below zero."""
        end = self.deadline
        if self.first_by is not None and not self.answered:
            end = min(end, self.first_by)
        return max(0.0, end - clock.now())


@dataclass
class Fence:
    """The times of one caller, on ``clock``, and how far its effect has come.

    Several callers may share a turn on the line; what is sent for each passes its own fence.
    """

    deadline: float
    send_by: float
    unsettled: bool = False  # an effect may have left and the state was not read since
    cancelled: bool = False  # nobody waits for the result any more

    def left(self) -> float:
        """Seconds to the deadline, not below zero."""
        return max(0.0, self.deadline - clock.now())

    def window(self) -> float:
        """Seconds in which something may still be sent, not below zero."""
        return max(0.0, min(self.send_by, self.deadline) - clock.now())

    def check_time(self) -> None:
        """Raise TooLate when nothing may be sent any more that changes something.

        A change that was begun for a caller who has gone is brought to its end all the same.
        """
        gone = self.cancelled and not self.unsettled
        if gone or not self.window():
            raise TooLate("the time for sending has passed")

    def keep_back(self, seconds: float) -> None:
        """Leave so much of the time before the deadline for reading back what was sent."""
        self.send_by = min(self.send_by, self.deadline - seconds)


class GuardedChannel(SSHChannel):
    """netmiko's SSH channel, held to the time of the turn under way."""

    def __init__(self, conn: paramiko.Channel, encoding: str, limit: LineTime) -> None:
        super().__init__(conn, encoding)
        self.limit = limit

    def write_channel(self, out_data: str) -> None:
        """Send, unless the deadline has passed. Raises LineLost."""
        self._check()
        conn = self._open()
        conn.settimeout(max(self.limit.left(), 0.001))
        try:
            super().write_channel(out_data)
        except OSError as error:  # a full window past the deadline, or a closed socket
            raise LineLost(f"the line broke while sending: {error}") from error

    def read_channel(self) -> str:
        """What has come, waiting a moment for the first byte. Raises LineLost."""
        self._check()
        conn = self._open()
        conn.settimeout(_LOOK_S)
        try:
            data: bytes = conn.recv(MAX_BUFFER)
        except TimeoutError:
            return ""
        if not data:
            raise LineLost("the switch closed the connection")
        while conn.recv_ready():
            data += conn.recv(MAX_BUFFER)
        return data.decode(self.encoding, "ignore")

    def _check(self) -> None:
        if not self.limit.left():
            raise LineLost("the switch did not answer in time")

    def _open(self) -> paramiko.Channel:
        if self.remote_conn is None or self.remote_conn.closed:
            raise LineLost("the connection is closed")
        return self.remote_conn
