"""What an error of a channel means: how long to wait, and whether it concerns one chain or all."""

from dataclasses import dataclass

from firebreak.dispatch.pace import Pace
from firebreak.errors import (
    AuthFailed,
    FirebreakError,
    LedgerUnavailable,
    OutcomeUnknown,
    RateLimited,
    Unreachable,
)
from firebreak.telling.safe import one_line


@dataclass(frozen=True)
class Trouble:
    """A failure of a channel. ``everywhere``: the next chain would most likely meet the same.

    ``pause``: all of the channel waits, however many of its calls went well just before.
    ``loud``: it does not get better by itself.
    """

    detail: str
    wait_s: float
    everywhere: bool
    pause: bool = False
    loud: bool = False


def trouble(error: Exception, attempts: int, pace: Pace) -> Trouble:
    """Judge an error by its type. ``attempts``: failures in a row, this one included."""
    detail = _detail(error)
    match error:
        case RateLimited():
            wait = min(max(error.after_s, 0.0), pace.patience_most_s)
            return Trouble(detail, wait + pace.backoff(1) * 0.1, everywhere=True, pause=True)
        case Unreachable() | TimeoutError() | OutcomeUnknown() | LedgerUnavailable():
            return Trouble(detail, pace.backoff(attempts), everywhere=True)
        case AuthFailed():
            wait = pace.slow_backoff(attempts)
            return Trouble(detail, wait, everywhere=True, pause=True, loud=True)
        case _:
            return Trouble(detail, pace.slow_backoff(attempts), everywhere=False, loud=True)


def _detail(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "unreachable: it did not answer in time"
    if isinstance(error, FirebreakError):
        return one_line(f"{error.code}: {error}", 300)
    # Its text could hold anything, a secret too; the log has where it came from.
    return f"internal: {type(error).__name__}"
