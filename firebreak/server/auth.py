"""Who is asking: bearer tokens, and signatures of detectors. Nothing is open unless it says so."""

import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from firebreak.domain.credential import Credential
from firebreak.domain.people import Principal
from firebreak.domain.scopes import OF_OPERATION
from firebreak.errors import FirebreakError, Forbidden, Unauthorized
from firebreak.server import roles
from firebreak.server.roles import ADMIN, Rule
from firebreak.server.services import Services, Source, Use
from firebreak.server.subjects import say_subject
from firebreak.server.trail import admit, visit

SIGNATURE_HEADER = "x-firebreak-signature"
SIGNATURE_WINDOW_S = 300
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
_MAX_TOKEN = 500
_JWT_DOTS = 2
WHOAMI = "whoami"

_log = structlog.get_logger(__name__)
_bearer = HTTPBearer(auto_error=False, description="An API token: `firebreak token create`")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def identify(
    request: Request, services: Services, credentials: HTTPAuthorizationCredentials | None
) -> Principal:
    """Whose bearer token came with the request, with the roles they have at this moment.

    Raises:
        Unauthorized: nobody's.
        Forbidden: the token is not good for this operation.
    """
    if credentials is None:
        raise Unauthorized("no bearer token came with the request")
    credential = await _credential(services, credentials.credentials)
    principal = await _whose(services, credential)
    seen = visit(request)
    seen.principal, seen.by = principal.id, credential.provider
    if credential.scopes is not None:
        _check_scope(request, principal, credential.scopes)
    return principal


async def _credential(services: Services, secret: str) -> Credential:
    found = None
    if services.sign_in is not None and secret.count(".") == _JWT_DOTS:
        return await services.sign_in.verify(secret)
    if len(secret) <= _MAX_TOKEN:
        found = await services.tokens.authenticate(secret)
    if found is None:
        raise Unauthorized("the bearer token is not known, has expired or was revoked")
    return found


async def _whose(services: Services, credential: Credential) -> Principal:
    """The one person behind an account; automation is itself."""
    if credential.principal.kind != "person":
        return credential.principal
    now, directory = datetime.now(UTC), services.directory
    found = await directory.principal(credential.provider, credential.account, now)
    if found is None and credential.email:
        found = await directory.principal("email", credential.email, now)
    if found is not None:
        return found
    if credential.provider == "oidc" and services.settings.people_file is not None:
        # Somebody the people file does not know could be somebody it does know, a second time.
        raise Unauthorized("nobody in the people file has this account; add it there")
    return await directory.current(credential.principal, now)


def _check_scope(request: Request, who: Principal, scopes: frozenset[str]) -> None:
    operation = str(getattr(request.scope.get("route"), "operation_id", ""))
    needed = OF_OPERATION.get(operation)
    if operation != WHOAMI and needed not in scopes:
        lacks = f"has no scope {needed}" if needed else "is a service: no scope allows this"
        raise Forbidden(f"{who.id} {lacks}")


async def caller(request: Request, use: Use, credentials: Credentials) -> Principal:
    """Whoever has a valid token."""
    return await identify(request, use, credentials)


Caller = Annotated[Principal, Depends(caller)]


def within(rule: Rule) -> Callable[..., Awaitable[Principal]]:
    """A dependency: the principal, who keeps to the rule; checked before the body counts."""

    async def allowed(request: Request, use: Use, credentials: Credentials) -> Principal:
        principal = await identify(request, use, credentials)
        await say_subject(request)
        rule.check(principal)
        await admit(request, principal, use.audit)
        return principal

    return allowed


def answering(rule: Rule) -> Callable[..., Awaitable[Principal]]:
    """Like ``within``; but whoever was named to answer this very request needs no role for it."""

    async def allowed(request: Request, use: Use, credentials: Credentials) -> Principal:
        principal = await identify(request, use, credentials)
        approval = str(request.path_params["approval"])
        await use.delegates.check_answering(rule, principal, approval)
        await admit(request, principal, use.audit)
        return principal

    return allowed


Reader = Annotated[Principal, Depends(within(roles.READ))]
Starter = Annotated[Principal, Depends(within(roles.START))]
Operator = Annotated[Principal, Depends(within(roles.OPERATE))]
Person = Annotated[Principal, Depends(within(roles.DECIDE))]
RequestReader = Annotated[Principal, Depends(answering(roles.READ))]
Answerer = Annotated[Principal, Depends(answering(roles.DECIDE))]
Auditor = Annotated[Principal, Depends(within(roles.AUDIT))]
Resumer = Annotated[Principal, Depends(within(roles.RESUME))]
Breaker = Annotated[Principal, Depends(within(roles.BREAK))]
Mender = Annotated[Principal, Depends(within(roles.MEND))]
Reviewer = Annotated[Principal, Depends(within(roles.REVIEW))]


def may_post(principal: Principal, source: str) -> None:
    """Raises Forbidden unless the principal may post alerts of this source."""
    if principal.roles.isdisjoint({ADMIN, f"source:{source}"}):
        raise Forbidden(f"{principal.id} needs the role source:{source} to post these alerts")


class Signature:
    """The ``X-Firebreak-Signature: t=<unix>,v1=<hex>`` of a request, before its body is read.

    ``v1`` is HMAC-SHA256 with the source's secret over ``<t>.<raw body>``. A copy sent again within
    the window changes nothing: alerts are known by their fingerprint.
    """

    def __init__(self, header: str) -> None:
        """Raises Unauthorized when it is malformed or not of the last 300 seconds."""
        found = _SIGNATURE.fullmatch(header)
        if found is None:
            raise Unauthorized(f"{SIGNATURE_HEADER} must read t=<unix seconds>,v1=<64 hex digits>")
        self._time, self._digest = found[1], found[2]
        if abs(time.time() - int(self._time)) > SIGNATURE_WINDOW_S:
            raise Unauthorized(f"the signature is not of the last {SIGNATURE_WINDOW_S} seconds")

    def check(self, name: str, source: Source | None, services: Services, body: bytes) -> Principal:
        """The source as a principal. Raises Unauthorized unless it signed this body."""
        key = _key(name, source, services)
        expected = hmac.new(key, f"{self._time}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self._digest):
            raise Unauthorized("the signature does not fit the body")
        role = f"source:{name}"
        return Principal(id=role, kind="automation", roles=frozenset({role}))


def _key(name: str, source: Source | None, services: Services) -> bytes:
    if source is None or not source.secret:
        raise Unauthorized("this source takes no signatures; use a bearer token")
    try:
        secret = services.resolve_secret(source.secret)
    except FirebreakError as error:
        _log.error("secret of an alert source cannot be read", source=name, ref=source.secret)
        raise Unauthorized("this source's secret is not available on the server") from error
    if not secret:
        raise Unauthorized("this source's secret is not available on the server")
    return secret.encode()
