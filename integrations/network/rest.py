"""One client for every system behind a REST API: bounded, verified, and exact about what was sent.

Adapters see the error taxonomy and never httpx. What makes the difference between "nothing
happened" and "nobody knows" is whether the first byte of a change left, and that is watched here.
"""

import asyncio
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from firebreak.domain.base import JsonObject
from firebreak.errors import (
    AuthFailed,
    DefinitionError,
    FirebreakError,
    OutcomeUnknown,
    Rejected,
    Unreachable,
)
from integrations.network import clock
from integrations.network.rest_answers import Unfit, judge, reason, with_limit

_CONNECTIONS = 8
_SENDING = "http11.send_request_headers.started"  # httpx documents its `trace` extension


class Address(Protocol):
    """Where a system is and whom to trust there: the estate's models have this shape."""

    @property
    def url(self) -> str:
        """Begins with https:// except on loopback."""
        ...

    @property
    def ca_file(self) -> str | None:
        """The one authority that is trusted; None: the system's."""
        ...

    @property
    def timeout_s(self) -> float:
        """Bounds one request."""
        ...


class Shape(BaseModel):
    """A part of a vendor's answer: what is named must be there, what else comes is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


Shaped = TypeVar("Shaped", bound=Shape)


def segment(text: str) -> str:
    """The text as one segment of a path."""
    return quote(text, safe="")


@dataclass(frozen=True)
class Window:
    """The times of one operation, on ``clock``: its end, and the end of sending."""

    ends: float
    send_by: float

    @classmethod
    def of(cls, deadline_s: float, send_by: datetime | None = None) -> Self:
        """The window of an operation that begins now; without ``send_by`` it may change nothing."""
        now = clock.now()
        sending = (send_by - datetime.now(UTC)).total_seconds() if send_by else 0.0
        return cls(ends=now + deadline_s, send_by=now + min(sending, deadline_s))

    def left(self) -> float:
        """Seconds to the end, not below zero."""
        return max(0.0, self.ends - clock.now())

    def may_send(self) -> bool:
        """Whether a change may still be sent."""
        return clock.now() < self.send_by


@contextmanager
def unsettled(change: str) -> Iterator[None]:
    """A change is out and its effect not seen: whatever fails in here is OutcomeUnknown."""
    try:
        yield
    except OutcomeUnknown:
        raise
    except FirebreakError as error:
        raise OutcomeUnknown(f"{change} was sent and its effect not seen: {error}") from error


@dataclass(frozen=True)
class Answer:
    """What a system said: the status that was asked for, and a body still to be believed."""

    system: str
    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)
    reason: str = ""  # why not, in the system's own words, when the status is no 2xx

    def shaped(self, shape: type[Shaped]) -> Shaped:
        """The JSON body in the documented shape.

        Raises:
            Rejected: it has another one.
        """
        try:
            return shape.model_validate_json(self.content)
        except ValidationError as error:
            first = error.errors(include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])[:80]
            # The error itself could quote the body.
            raise Rejected(
                f"{self.system} answered in an undocumented shape: {where}: {first['type']}"
            ) from None


@dataclass
class _Passage:
    """Watches one request leave: late changes are stopped at the door."""

    system: str
    window: Window
    changes: bool
    sent: bool = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx at every step of the request, before the step is made."""
        del info
        if event != _SENDING:
            return
        if self.changes and not self.window.may_send():
            raise Unreachable(f"{self.system}: the time for sending has passed")
        self.sent = True


class Rest:
    """One system's REST API.

    Args:
        system: what errors call it: ``ISE of site plant-1``.
        api: where it is and whom to trust.
        auth: puts the credential on each request, resolved at call time; see rest_auth.

    Raises:
        DefinitionError: ``ca_file`` holds no certificate.
    """

    def __init__(self, system: str, api: Address, auth: httpx.Auth) -> None:
        self.system = system
        self._timeout_s = api.timeout_s
        self.url = api.url.rstrip("/")
        limits = httpx.Limits(max_connections=_CONNECTIONS)
        self._client = httpx.AsyncClient(
            auth=auth,
            transport=with_limit(httpx.AsyncHTTPTransport(verify=_trust(api), limits=limits)),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    async def read(
        self,
        method: str,
        path: str,
        window: Window,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: JsonObject | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Ask something that changes nothing; ``accept`` are statuses beyond 2xx to return.

        Raises:
            Unreachable: no answer, or 5xx.
            AuthFailed: the certificate is not trusted, or 401 or 403.
            RateLimited: 429, or 503 with Retry-After.
            Rejected: any other status, with the system's reason; or an answer too large to read.
        """
        passage = _Passage(self.system, window, changes=False)
        request = self._request(method, path, passage, headers=headers, params=params, json=json)
        return await self._answer(request, passage, accept)

    async def write(
        self,
        method: str,
        path: str,
        window: Window,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: JsonObject | None = None,
        content: bytes | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Ask for a change, unless ``window.send_by`` has passed. Its answer is never proof.

        Raises:
            Unreachable: nothing was sent.
            AuthFailed, RateLimited, Rejected: as for ``read``; the change was turned down.
            OutcomeUnknown: the change may have been sent and the answer settles nothing: none
                came, it broke off, 5xx or a redirect.
        """
        passage = _Passage(self.system, window, changes=True)
        request = self._request(
            method, path, passage, headers=headers, params=params, json=json, content=content
        )
        return await self._answer(request, passage, accept)

    def _request(
        self,
        method: str,
        path: str,
        passage: _Passage,
        *,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str | int] | None,
        json: JsonObject | None,
        content: bytes | None = None,
    ) -> httpx.Request:
        return self._client.build_request(
            method,
            f"{self.url}{path}",
            headers=headers,
            params=params,
            json=json,
            content=content,
            timeout=min(self._timeout_s, passage.window.left()),
            extensions={"trace": passage.trace},
        )

    async def _answer(
        self, request: httpx.Request, passage: _Passage, accept: Collection[int]
    ) -> Answer:
        try:
            async with asyncio.timeout(passage.window.left()):
                response = await self._client.send(request)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._translated(error, passage) from error
        judge(self.system, response, changes=passage.changes, accept=accept)
        why = "" if response.is_success else reason(response)
        return Answer(self.system, response.status_code, response.headers, response.content, why)

    def _translated(self, error: Exception, passage: _Passage) -> FirebreakError:
        what = type(error).__name__
        if passage.changes and passage.sent:
            return OutcomeUnknown(f"{self.system}: a change was sent and not answered ({what})")
        if isinstance(error, Unfit):
            return Rejected(f"{self.system} cannot be read: {error}")
        distrust = _distrust(error)
        if distrust is not None:
            return AuthFailed(f"the certificate of {self.system} is not trusted: {distrust}")
        return Unreachable(f"{self.system} did not answer ({what}); nothing was changed")

    def beside(self, system: str, url: str) -> "Rest":
        """Another address of the same system: same trust, credential and connections.

        It is closed with this one.
        """
        other = copy(self)
        other.system, other.url = system, url.rstrip("/")
        return other

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


def _trust(api: Address) -> ssl.SSLContext:
    """The system's certificate authorities, or only the estate's own when it names some."""
    try:
        return ssl.create_default_context(cafile=api.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise DefinitionError(f"no CA certificate can be read from {api.ca_file}") from error


def _distrust(error: BaseException) -> str | None:
    """Why the certificate was refused, when that is what went wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None
