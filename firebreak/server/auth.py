"""Who is asking: bearer tokens, and signatures of detectors. Nothing is open unless it says so."""

import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from firebreak.domain.glass import BREAK_GLASS
from firebreak.domain.people import Principal
from firebreak.errors import FirebreakError, Forbidden, Unauthorized
from firebreak.server.services import Services, Source, Use

ADMIN = "admin"
READERS = frozenset({ADMIN, "analyst", "on-call", "soc-lead", "auditor"})
STARTERS = frozenset({ADMIN, "analyst", "on-call"})
RESUMERS = frozenset({"on-call", "soc-lead"})
OPERATORS = frozenset({ADMIN, "analyst", "on-call", "soc-lead"})
BREAKERS = frozenset({BREAK_GLASS})  # nobody by default, and no other role stands in for it
MENDERS = OPERATORS | BREAKERS
REVIEWERS = frozenset({"soc-lead", "auditor"})

SIGNATURE_HEADER = "x-firebreak-signature"
SIGNATURE_WINDOW_S = 300
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
_MAX_TOKEN = 500

_log = structlog.get_logger(__name__)
_bearer = HTTPBearer(auto_error=False, description="An API token: `firebreak token create`")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def identify(
    request: Request, services: Services, credentials: HTTPAuthorizationCredentials | None
) -> Principal:
    """Whose bearer token came with the request. Raises Unauthorized."""
    if credentials is None:
        raise Unauthorized("no bearer token came with the request")
    secret = credentials.credentials
    found = await services.tokens.authenticate(secret) if len(secret) <= _MAX_TOKEN else None
    if found is None:
        raise Unauthorized("the bearer token is not known, has expired or was revoked")
    request.state.principal = found.id
    return found


def holder_of(roles: frozenset[str]) -> Callable[..., Awaitable[Principal]]:
    """A dependency: the principal, who must hold one of these roles."""

    async def allowed(request: Request, use: Use, credentials: Credentials) -> Principal:
        principal = await identify(request, use, credentials)
        if principal.roles.isdisjoint(roles):
            raise Forbidden(f"{principal.id} needs one of the roles {', '.join(sorted(roles))}")
        return principal

    return allowed


Reader = Annotated[Principal, Depends(holder_of(READERS))]
Starter = Annotated[Principal, Depends(holder_of(STARTERS))]
Operator = Annotated[Principal, Depends(holder_of(OPERATORS))]


async def person(principal: Operator) -> Principal:
    """A human operator: a script cannot agree to anything."""
    return _human(principal)


async def resumer(principal: Annotated[Principal, Depends(holder_of(RESUMERS))]) -> Principal:
    """A human who may let effects go on after a halt."""
    return _human(principal)


def _human(principal: Principal) -> Principal:
    if principal.kind != "person":
        raise Forbidden(f"{principal.id} is no person; only people decide")
    return principal


async def breaker(principal: Annotated[Principal, Depends(holder_of(BREAKERS))]) -> Principal:
    """A human who may break the glass."""
    return _human(principal)


async def mender(principal: Annotated[Principal, Depends(holder_of(MENDERS))]) -> Principal:
    """A human who may end a break-glass: ending one is always safe."""
    return _human(principal)


async def reviewer(principal: Annotated[Principal, Depends(holder_of(REVIEWERS))]) -> Principal:
    """A human who may review a break-glass."""
    return _human(principal)


Person = Annotated[Principal, Depends(person)]
Breaker = Annotated[Principal, Depends(breaker)]
Mender = Annotated[Principal, Depends(mender)]
Reviewer = Annotated[Principal, Depends(reviewer)]
Resumer = Annotated[Principal, Depends(resumer)]


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
