"""HTTP mode: one route, open to the world, so nothing gets in unsigned, late, twice or too large.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import re
import time
from collections.abc import Callable
from http import HTTPStatus

from slack_bolt.adapter.starlette.async_handler import (
    to_async_bolt_request,
    to_starlette_response,
)
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import Clock, SignatureVerifier
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebreak.errors import FirebreakError, Unauthorized
from integrations import secrets

PATH = "/slack/events"
WINDOW_S = 300
MOST_BYTES = 512 * 1024  # an interaction carries its whole message, which has 50 blocks at most
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class Gate:
    """Lets a request through once, when Slack signed it in the last five minutes.

    ``secret``: a reference, resolved at each request. What was seen is remembered in memory: each
    server process refuses what it has seen itself.
    """

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._seen: dict[str, float] = {}

    def check(self, body: bytes, timestamp: str, signature: str) -> None:
        """Raises Unauthorized, without saying more than it must; AuthFailed without a secret."""
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            raise Unauthorized("the request is not signed")
        verifier = SignatureVerifier(secrets.resolve(self._secret).strip(), _Now(self._clock))
        try:
            valid = verifier.is_valid(body, timestamp, signature)  # compares in constant time
        except UnicodeDecodeError:
            valid = False
        if not valid:
            raise Unauthorized("the signature does not fit, or is older than five minutes")
        now = self._clock()
        self._forget(now)
        if signature in self._seen:
            raise Unauthorized("the request was seen before")
        # Only what Slack signed is kept, for as long as its time stamp could still be accepted.
        self._seen[signature] = float(timestamp) + WINDOW_S

    def _forget(self, now: float) -> None:
        for signature in [one for one, until in self._seen.items() if until < now]:
            del self._seen[signature]


class _Now(Clock):
    """The verifier's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock()


def route(app: AsyncApp, gate: Gate) -> Route:
    """``POST /slack/events``: the Request URL of the slash command, interactivity and options."""

    async def receive(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        if body is None:
            return _refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "bad-input", "the body is too large"
            )
        try:
            gate.check(
                body,
                request.headers.get("x-slack-request-timestamp", ""),
                request.headers.get("x-slack-signature", ""),
            )
        except Unauthorized as error:
            return _refused(HTTPStatus.UNAUTHORIZED, error.code, str(error))
        except FirebreakError:  # our secret is not there: nobody can be let in
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, "auth-failed", "not configured")
        try:
            read = to_async_bolt_request(request, body)
        except (ValueError, TypeError, AttributeError, RecursionError):  # Bolt reads it unchecked
            return _refused(HTTPStatus.BAD_REQUEST, "bad-input", "this is nothing that Slack sends")
        return to_starlette_response(await app.async_dispatch(read))

    return Route(PATH, receive, methods=["POST"])


async def _body(request: Request) -> bytes | None:
    """The body as it was signed; None when it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return body


def _refused(status: HTTPStatus, code: str, detail: str) -> Response:
    return JSONResponse({"error": code, "detail": detail}, status_code=status)
