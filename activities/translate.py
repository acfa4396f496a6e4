"""The one boundary between our errors and Temporal's."""

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from firebreak.errors import FirebreakError, RateLimited


def to_application_error(error: FirebreakError) -> ApplicationError:
    """Carry the code as the type; retryable errors come again after their wait."""
    delay = timedelta(seconds=error.after_s) if isinstance(error, RateLimited) else None
    return ApplicationError(
        str(error), type=error.code, non_retryable=not error.retryable, next_retry_delay=delay
    )
