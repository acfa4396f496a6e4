"""Exit codes, in one place: what each means, and which error of the taxonomy leads to it."""

from collections.abc import Sequence
from enum import IntEnum

from firebreak.errors import FirebreakError


class Exit(IntEnum):
    """What a command says to the script that called it."""

    DONE = 0
    NOT_DONE = 1
    USAGE = 2
    NO_SERVER = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.DONE: "Done",
    Exit.NOT_DONE: "What was asked for did not happen: denied, failed, cancelled or not contained",
    Exit.USAGE: "Wrong usage, input or definition (playbook, policy, estate, setting)",
    Exit.NO_SERVER: "The Firebreak server, or something that it needs, cannot be reached",
    Exit.NOT_ALLOWED: "No valid token, or this token's owner may not do it",
    Exit.NOT_FOUND: "No such device, incident, hold, approval or playbook",
    Exit.INTERRUPTED: "Interrupted; what was started on the server goes on",
}

# What to do next when the error itself does not say.
_NEXT = {
    Exit.NOT_DONE: "`firebreak incident show ID` says what was done and what was not",
    Exit.USAGE: "the command's --help says what is expected",
    Exit.NO_SERVER: "see GET /healthz and the server's log; `firebreak up` names its logs",
    Exit.NOT_ALLOWED: "use a token with the right role: --as NAME, or set FIREBREAK_TOKEN",
    Exit.NOT_FOUND: "list what there is: firebreak devices, holds, incidents, approvals ...",
}

# By `code` of firebreak.errors; every other error is NOT_DONE.
_BY_ERROR = {
    "definition": Exit.USAGE,
    "bad-input": Exit.USAGE,
    "unreachable": Exit.NO_SERVER,
    "ledger-unavailable": Exit.NO_SERVER,
    "unauthorized": Exit.NOT_ALLOWED,
    "forbidden": Exit.NOT_ALLOWED,
    "policy-denied": Exit.NOT_ALLOWED,
    "not-found": Exit.NOT_FOUND,
}


def exit_for(error: str) -> Exit:
    """The exit code for an error code of the taxonomy."""
    return _BY_ERROR.get(error, Exit.NOT_DONE)


def table() -> str:
    """The exit codes as a Markdown table: what the docs show."""
    rows = [f"| {code.value} | {code.meaning} |" for code in Exit]
    return "\n".join(["| exit code | meaning |", "| --- | --- |", *rows])


class ProblemError(Exception):
    """Something expected went wrong: what it is, and what to do next, one line each."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        error: str = "",
        code: Exit | None = None,
        details: Sequence[str] = (),
    ) -> None:
        """Without ``code`` the error's own exit code counts. ``details``: a line each."""
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.error = error or "failed"
        self.code = exit_for(error) if code is None else code
        self.hint = hint or _NEXT.get(self.code, "")


def as_problem(error: ProblemError | FirebreakError) -> ProblemError:
    """What the command line says about an error of the taxonomy that reached it."""
    if isinstance(error, ProblemError):
        return error
    return ProblemError(str(error), error=error.code)
