"""What a status means, and how much of an answer is read at all."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator, Collection, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from firebreak.errors import (
    AuthFailed,
    FirebreakError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)

_MOST_BYTES = 4 * 2**20
_MOST_SAID = 200
_WAIT_S, _LONGEST_WAIT_S = 5.0, 300.0
# Where vendors say why: ISE (title), PacketFence and Meraki (message, errors), ClearPass and Mist
# (detail), OAuth (error_description), Jira (errorMessage).
_REASONS = (
    *("title", "message", "detail", "error_description", "errors", "messages", "error"),
    "errorMessage",
)
_DEEPEST_REASON = 4


class Unfit(httpx.TransportError):
    """An answer that is not read to its end: too large, or compressed without being asked."""


def with_limit(
    inner: httpx.AsyncBaseTransport, most_bytes: int = _MOST_BYTES
) -> httpx.AsyncBaseTransport:
    """The transport, with every answer bounded: those of logins and refusals too."""
    return _Limited(inner, most_bytes)


class _Limited(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, most_bytes: int) -> None:
        self._inner = inner
        self._most = most_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        coding = response.headers.get("content-encoding", "identity")
        if coding != "identity":  # a few bytes could unpack to any number
            await response.aclose()
            raise Unfit("the answer is compressed")
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(response, self._most),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Counted(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, most: int) -> None:
        self._response = response
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for chunk in self._response.aiter_raw():
            count += len(chunk)
            if count > self._most:
                raise Unfit(f"the answer is larger than {self._most} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def judge(
    system: str, response: httpx.Response, *, changes: bool, accept: Collection[int] = ()
) -> None:
    """Return when the status is 2xx or in ``accept``, and raise what it means otherwise.

    Raises:
        AuthFailed: 401, 403.
        RateLimited: 429, or 503 with Retry-After.
        Rejected: any other 4xx, and a redirect that was asked nothing but a question.
        Unreachable: 5xx to a question.
        OutcomeUnknown: 5xx or a redirect to a change.
    """
    status = response.status_code
    if response.is_success or status in accept:
        return
    raise _meaning(system, response, changes=changes)


def _meaning(system: str, response: httpx.Response, *, changes: bool) -> FirebreakError:
    status, after = response.status_code, response.headers.get("retry-after")
    said = f"{system} answered {status}"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return AuthFailed(f"{said}: the credential is not accepted or may not do this")
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and after is not None
    ):
        return RateLimited(f"{said}: it asks for patience", _wait(after))
    if response.is_client_error:
        return Rejected(f"{said}: {reason(response)}")
    if changes:
        return OutcomeUnknown(f"{said} to a change, which does not say whether it was made")
    if response.is_redirect:
        return Rejected(f"{said}: redirects are not followed; correct the url in the estate")
    return Unreachable(said)


def _wait(after: str | None) -> float:
    """Seconds to wait: Retry-After is a number of seconds or an HTTP date (RFC 9110, 10.2.3)."""
    text = (after or "").strip()
    if text.isascii() and text.isdigit():
        wait = float(text[:9])
    else:
        try:
            wait = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):  # no date, or one without a zone
            wait = _WAIT_S
    return min(max(wait, 1.0), _LONGEST_WAIT_S)


def reason(response: httpx.Response) -> str:
    """Why the system said no, in its own words: short, printable, and without our credential."""
    try:
        found = _reason(json.loads(response.content), _DEEPEST_REASON)
    except (ValueError, RecursionError):
        found = ""
    for secret in _credentials(response.request):
        found = found.replace(secret, "[credential]")
    return plain(found) or "no reason given"


def plain(text: str) -> str:
    """What another system said, fit for a line of ours: short, and without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MOST_SAID]


def _reason(said: Any, depth: int) -> str:
    if isinstance(said, str) or depth == 0:
        return said if isinstance(said, str) else ""
    if isinstance(said, list):
        return _reason(said[0], depth - 1) if said else ""
    if not isinstance(said, dict):
        return ""
    inside = [said[name] for name in _REASONS if name in said]
    if not inside and len(said) == 1:  # an envelope: {"ERSResponse": {...}}
        inside = [value for value in said.values() if isinstance(value, dict)]
    return next(filter(None, (_reason(part, depth - 1) for part in inside)), "")


def _credentials(request: httpx.Request) -> Iterator[str]:
    """What a system might echo and nobody may read, as it went out."""
    for name in ("authorization", "cookie", "x-csrf-token"):
        scheme, _, credential = request.headers.get(name, "").rpartition(" ")
        if scheme == "Basic":
            yield b64decode(credential).decode().partition(":")[2]
        if credential:
            yield credential
