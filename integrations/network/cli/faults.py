"""Faults between a platform and the session that drives it; they never leave this package."""


class Refused(Exception):
    """The switch answered a command with a complaint.

    ``strayed``: it is not in the mode that the command leads to.
    """

    def __init__(self, command: str, complaint: str, *, strayed: bool = False) -> None:
        super().__init__(f"the switch refused {command!r}: {complaint}")
        self.command = command
        self.complaint = complaint
        self.strayed = strayed


class NoConfig(Refused):
    """The switch did not enter configuration mode."""


class Unreadable(Exception):
    """The switch's answer is not in a shape this platform is known to give."""

    def __init__(self, command: str, why: str, output: str) -> None:
        line = next((text.strip() for text in output.splitlines() if text.strip()), "")
        super().__init__(
            f"the answer to {command!r} was not understood ({why}); it began {line[:120]!r}"
        )


class LineLost(Exception):
    """The connection broke, or the switch stopped answering."""


class NotSent(LineLost):
    """The step that raised this has sent nothing, and the line still works."""


class TooLate(NotSent):
    """The time for sending has passed."""
