"""Faults between an agent and what drives it; they never leave this package."""

from integrations.network.snmp.mib import SET_SERIAL, Oid

# RFC 3416, section 3.
STATUS = (
    "noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType",
    "wrongLength", "wrongEncoding", "wrongValue", "noCreation", "inconsistentValue",
    "resourceUnavailable", "commitFailed", "undoFailed", "authorizationError", "notWritable",
    "inconsistentName",
)  # fmt: skip
_FORBIDDEN = {"noAccess", "authorizationError"}
_NEVER = {"notWritable", "readOnly", "noSuchName", "noCreation", "inconsistentName"}


class Silent(Exception):
    """No answer came in time."""


class Denied(Exception):
    """The agent's security model reported an error (RFC 3414): digest, user, level, decryption."""


class TooLate(Exception):
    """The time for sending has passed; nothing was sent by the step that raised this."""


class Lost(Exception):
    """A SET was sent and how it ended was not told."""


class Renumbered(Exception):
    """The switch has given its interfaces other numbers since they were read."""


class Refused(Exception):
    """The agent answered a request with an error status."""

    def __init__(self, status: int, oid: Oid) -> None:
        self.status = STATUS[status] if 0 <= status < len(STATUS) else f"error {status}"
        self.oid = oid
        super().__init__(f"the agent refused {'.'.join(map(str, oid))}: {self.status}")

    @property
    def forbidden(self) -> bool:
        """The user has no right to it: the switch's views or groups say so."""
        return self.status in _FORBIDDEN

    @property
    def outrun(self) -> bool:
        """Another manager's SET came between: the serial number has moved on."""
        return self.oid == SET_SERIAL and self.status == "inconsistentValue"

    @property
    def in_parts(self) -> bool:
        """The same objects may be taken one after the other."""
        return not self.forbidden and self.status not in _NEVER
