"""What Slack's refusals mean, in our own errors."""

from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from firebreak.errors import (
    AuthFailed,
    FirebreakError,
    NotFound,
    RateLimited,
    Rejected,
    Unreachable,
)

# https://docs.slack.dev/reference/methods/chat.postMessage#errors and its siblings.
_PATIENCE = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_MEND = frozenset(
    {
        *("not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired"),
        *("missing_scope", "no_permission", "not_allowed_token_type", "access_denied"),
        *("org_login_required", "ekm_access_denied", "team_access_not_granted"),
        *("not_in_channel", "two_factor_setup_required"),
    }
)
_LATER = frozenset(
    {
        *("internal_error", "fatal_error", "service_unavailable", "request_timeout"),
        *("team_added_to_org", "accesslimited"),
    }
)
_GONE = frozenset({"message_not_found", "thread_not_found", "users_not_found", "user_not_found"})
_WAIT_S, _LONGEST_WAIT_S = 30.0, 600.0
_SERVER_ERROR, _TOO_MANY = 500, 429


def translated(method: str, error: Exception) -> FirebreakError:
    """The error of ours that a call which failed in the SDK means."""
    if isinstance(error, SlackApiError):
        return _judged(method, error.response)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return AuthFailed("the certificate of Slack is not trusted")
    return Unreachable(f"Slack did not answer {method} ({type(error).__name__})")


def _judged(method: str, answer: Any) -> FirebreakError:
    """What a refusal means. ``answer``: the SDK's response, or aiohttp's when it was no JSON."""
    status: int = getattr(answer, "status_code", 0) or getattr(answer, "status", 0)
    data = getattr(answer, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == _TOO_MANY or code in _PATIENCE:
        return RateLimited(f"Slack asks for patience with {method}", _after(answer.headers))
    if status >= _SERVER_ERROR or code in _LATER:
        return Unreachable(f"Slack cannot do {method} now: {code or status}")
    if code in _GONE:
        return NotFound(f"Slack does not have it: {code}")
    if code in _MEND:
        needed = str(data.get("needed", "")) if isinstance(data, dict) else ""
        return AuthFailed(f"Slack refuses {method}: {code}{f' (needs {needed})' if needed else ''}")
    return Rejected(f"Slack refuses {method}: {code or f'status {status}'}")


def _after(headers: Mapping[str, str]) -> float:
    said = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    try:
        wait = float(said)
    except ValueError:
        return _WAIT_S
    return min(max(wait, 1.0), _LONGEST_WAIT_S) if wait == wait else _WAIT_S  # noqa: PLR0124 - NaN
