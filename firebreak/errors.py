"""The error taxonomy. Code branches on these types; their reactions are in docs/errors.md."""

from typing import ClassVar


class FirebreakError(Exception):
    """Something went wrong in a way Firebreak has a reaction for.

    ``code`` is stable: it stands in ledger entries, receipts and API answers. ``retryable`` says
    whether the same step may be tried again after a back-off.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class DefinitionError(FirebreakError):
    """A playbook, policy, inventory or setting is wrong. Rejected at load."""

    code = "definition"


class PolicyDenied(FirebreakError):
    """No rule allows it, or one forbids it. Ask a person or stop."""

    code = "policy-denied"


class InterlockEngaged(FirebreakError):
    """A reason not to act holds. Ask a person or stop."""

    code = "interlock-engaged"

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        """Keep what each one says, a line each; the message where nobody gives any."""
        super().__init__(message)
        self.lines = lines or (message,)


class BlastRadiusExceeded(FirebreakError):
    """A cap would be passed. Ask a person or stop."""

    code = "blast-radius"


class Halted(FirebreakError):
    """A person has stopped all new effects. Stop."""

    code = "halted"


class Unreachable(FirebreakError):
    """The outside system could not be reached and nothing was sent. Retried, then the next rung."""

    code = "unreachable"
    retryable = True


class RateLimited(FirebreakError):
    """The outside system asks for patience. Same rung after ``after_s`` seconds."""

    code = "rate-limited"
    retryable = True

    def __init__(self, message: str, after_s: float) -> None:
        """Keep how long to wait, in seconds."""
        super().__init__(message)
        self.after_s = after_s


class Busy(FirebreakError):
    """Another response is acting on the same device. Tried again shortly."""

    code = "busy"
    retryable = True


class AuthFailed(FirebreakError):
    """Credentials or the host key were not accepted. Next rung; the owner must know."""

    code = "auth-failed"


class Rejected(FirebreakError):
    """The system said no, the target may not be touched, or it is too late for it. Next rung."""

    code = "rejected"


class NotThere(FirebreakError):
    """The device is not on the port or NAS that was looked at. Locate it again, then next rung."""

    code = "not-there"


class CapabilityMissing(FirebreakError):
    """The adapter cannot do this and says so. Next rung."""

    code = "capability-missing"


class StateDrifted(FirebreakError):
    """The state is not the one the plan was made from. Plan again, approve again."""

    code = "state-drifted"


class OutcomeUnknown(FirebreakError):
    """Something may have been sent and no answer was seen. Observe, then decide."""

    code = "outcome-unknown"


class VerificationFailed(FirebreakError):
    """Done, but not seen in force. Put back, then the next rung."""

    code = "verification-failed"


class RevertFailed(FirebreakError):
    """The way back did not work. A person, loudly."""

    code = "revert-failed"


class HoldStuck(FirebreakError):
    """A hold on the device could not be ended or settled. A person must end it first."""

    code = "hold-stuck"


class LedgerUnavailable(FirebreakError):
    """Nothing may be done that cannot be recorded. Retried until the ledger answers."""

    code = "ledger-unavailable"
    retryable = True


class LedgerConflict(FirebreakError):
    """An entry with this key and other content stands already, or a chain does not verify."""

    code = "ledger-conflict"


class NotFound(FirebreakError):
    """No such thing by that name."""

    code = "not-found"


class Unauthorized(FirebreakError):
    """No valid credential came with the request."""

    code = "unauthorized"


class Forbidden(FirebreakError):
    """The principal is known and may not do this."""

    code = "forbidden"


class BadInput(FirebreakError):
    """What came from outside is not in the documented shape."""

    code = "bad-input"


def every_error() -> tuple[type[FirebreakError], ...]:
    """All of the taxonomy, in the order above: what the docs are generated from."""
    return tuple(FirebreakError.__subclasses__())
