"""API tokens: who a request comes from. Only a hash of each is kept."""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

import structlog
from pydantic import AwareDatetime
from sqlalchemy import Connection, bindparam, insert, select, update

from firebreak.domain.base import Model
from firebreak.domain.credential import Credential
from firebreak.domain.people import NO_PERSONS, Principal
from firebreak.domain.scopes import SCOPES
from firebreak.errors import BadInput, NotFound
from firebreak.ledger.database import Database
from firebreak.ledger.rows import AnyRow
from firebreak.ledger.tables import tokens

PREFIX = "fb_"
SOURCE = "source:"
AUTOMATION = "automation"
SERVICE = "service"
SERVICE_TTL = timedelta(days=90)
SOON = timedelta(days=7)
WARN_AGAIN_S = 86400.0
CACHE_S = 2.0
CACHE_SIZE = 1000
SECRET = re.compile(r"fb_[A-Za-z0-9_-]{43}")  # 32 random bytes, base64url without padding
ROLE = re.compile(r"[a-z][a-z0-9-]{0,62}|source:[a-z0-9][a-z0-9._-]{0,62}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,99}")

_log = structlog.get_logger(__name__)

_BY_HASH = select(tokens).where(tokens.c.hash == bindparam("of_hash"))


class Token(Model):
    """A token as it can be shown: everything but its secret. ``scopes`` None: a person's."""

    name: str
    roles: frozenset[str]
    scopes: frozenset[str] | None = None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None

    def expires_soon(self, now: datetime) -> bool:
        """Whether it is good for less than seven days more."""
        until = self.expires_at
        return self.revoked_at is None and until is not None and now < until <= now + SOON


class Tokens:
    """The tokens in a ledger's database.

    A token that was found good is remembered for ``CACHE_S`` seconds: one revoked by another
    process is refused after that time at the latest, one revoked here at once.
    """

    def __init__(self, database: Database) -> None:
        """Use the database of an open ledger (``SqlLedger.database``)."""
        self._database = database
        self._known: dict[str, tuple[Token, float]] = {}
        self._revocations = 0
        self._warned: dict[str, float] = {}

    async def create(
        self,
        name: str,
        roles: Iterable[str] = (),
        ttl: timedelta | None = None,
        scopes: Iterable[str] = (),
    ) -> str:
        """Make a token and return its secret, which cannot be had again.

        A role ``source:<source>`` makes a token for a detector: it may post the alerts of that
        source and nothing else, so it can have no other role. Scopes make one for a service: it is
        automation, may do what they name and nothing else, and ends after 90 days or ``ttl``.

        Raises:
            BadInput: a name, role, scope or lifetime that cannot be.
            LedgerConflict: a live token has this name.
        """
        named = frozenset(scopes)
        wanted = _service(frozenset(roles), named) if named else frozenset(roles)
        ttl = (ttl or SERVICE_TTL) if named and ttl != timedelta(0) else ttl
        _check(name, wanted, ttl, service=bool(named))
        secret = PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        row = {
            "hash": _hash(secret),
            "name": name,
            "roles": json.dumps(sorted(wanted)),
            "scopes": json.dumps(sorted(named)) if named else None,
            "created_at": now,
            "expires_at": None if ttl is None else now + ttl,
        }

        def write(connection: Connection) -> None:
            past = (tokens.c.expires_at <= now) & tokens.c.revoked_at.is_(None)
            expired = update(tokens).where(tokens.c.name == name, past)
            connection.execute(expired, {"revoked_at": now})
            connection.execute(insert(tokens), row)

        await self._database.write(write)
        return secret

    async def authenticate(self, secret: str) -> Credential | None:
        """Whose token this is; None when it is unknown, expired or revoked."""
        if not SECRET.fullmatch(secret):
            return None
        digest = _hash(secret)
        token = self._remembered(digest) or await self._find(digest)
        if token is None or not _live(token):
            return None
        self._warn(token)
        return Credential(
            provider="token",
            account=token.name,
            principal=Principal(id=token.name, roles=token.roles, kind=_kind(token.roles)),
            scopes=token.scopes,
        )

    async def current(self, principal: Principal, at: datetime) -> Principal:
        """The principal with the roles that their token has at that moment; none when it is gone.

        For an installation without a people file, where every token is a person of its own.
        """
        live = select(tokens).where(
            tokens.c.name == principal.id,
            tokens.c.revoked_at.is_(None),
            tokens.c.expires_at.is_(None) | (tokens.c.expires_at > at),
        )

        def read(connection: Connection) -> Token | None:
            row = connection.execute(live).one_or_none()
            return None if row is None else _token(row)

        token = await self._database.read(read)
        roles = token.roles if token else frozenset()
        return Principal(id=principal.id, roles=roles, kind=_kind(roles))

    async def revoke(self, name: str) -> None:
        """End a token. Raises NotFound when no live token has this name."""
        now = datetime.now(UTC)
        live = update(tokens).where(tokens.c.name == name, tokens.c.revoked_at.is_(None))

        def write(connection: Connection) -> bool:
            return connection.execute(live, {"revoked_at": now}).rowcount == 1

        found = await self._database.write(write)
        self._known.clear()
        self._revocations += 1
        if not found:
            raise NotFound(f"no live token is named {name}")

    async def list(self) -> tuple[Token, ...]:
        """All tokens, revoked ones too, oldest first."""
        query = select(tokens).order_by(tokens.c.created_at, tokens.c.name)

        def read(connection: Connection) -> tuple[Token, ...]:
            return tuple(_token(row) for row in connection.execute(query))

        return await self._database.read(read)

    def _warn(self, token: Token) -> None:
        """Once a day for each service whose token is used and about to end."""
        if token.scopes is None or not token.expires_soon(datetime.now(UTC)):
            return
        now = time.monotonic()
        if now - self._warned.get(token.name, float("-inf")) >= WARN_AGAIN_S:
            self._warned[token.name] = now
            _log.warning("token of a service ends soon", name=token.name, ends=token.expires_at)

    def _remembered(self, digest: str) -> Token | None:
        token, until = self._known.get(digest, (None, 0.0))
        return token if time.monotonic() < until else None

    async def _find(self, digest: str) -> Token | None:
        def read(connection: Connection) -> Token | None:
            row = connection.execute(_BY_HASH, {"of_hash": digest}).one_or_none()
            # The row was found by its hash; this says so again in a time that tells nothing.
            if row is None or not hmac.compare_digest(row.hash, digest):
                return None
            return _token(row)

        asked_at, revocations = time.monotonic(), self._revocations
        token = await self._database.read(read)
        # What was read while a token was being revoked may be the state before.
        if token is not None and _live(token) and revocations == self._revocations:
            if len(self._known) >= CACHE_SIZE:
                self._known.clear()
            self._known[digest] = (token, asked_at + CACHE_S)
        return token


def source_of(principal: Principal) -> str | None:
    """The source whose alerts this principal may post; None when it is no detector."""
    named = [role.removeprefix(SOURCE) for role in principal.roles if role.startswith(SOURCE)]
    return named[0] if len(named) == 1 and len(principal.roles) == 1 else None


def _service(roles: frozenset[str], scopes: frozenset[str]) -> frozenset[str]:
    """The roles of a token with scopes: its scopes are all it has."""
    if roles:
        raise BadInput("a token has roles or scopes: one with scopes can do only what they name")
    if unknown := sorted(scopes.difference(SCOPES)):
        raise BadInput(f"{unknown[0]!r} is no scope; there are: {', '.join(SCOPES)}")
    return frozenset({AUTOMATION, SERVICE})


def _check(name: str, roles: frozenset[str], ttl: timedelta | None, *, service: bool) -> None:
    if not NAME.fullmatch(name):
        raise BadInput("a token's name has letters, digits and @ . _ - and at most 100 of them")
    if name.lower() in NO_PERSONS:
        raise BadInput(f"{name} is what the record calls the engine itself; take another name")
    for role in roles:
        if not ROLE.fullmatch(role):
            raise BadInput(f"{role!r} is no role; write it like on-call or source:suricata")
    if len(roles) > 1 and any(role.startswith(SOURCE) for role in roles):
        raise BadInput("a source's token can have no other role")
    if SERVICE in roles and not service:
        raise BadInput(f"the role {SERVICE} comes with scopes; name those")
    if ttl is not None and ttl <= timedelta(0):
        raise BadInput("a token lives for some time, or without end")


def _kind(roles: frozenset[str]) -> Literal["person", "automation"]:
    machine = AUTOMATION in roles or any(role.startswith(SOURCE) for role in roles)
    return "automation" if machine else "person"


def _live(token: Token) -> bool:
    expired = token.expires_at is not None and token.expires_at <= datetime.now(UTC)
    return token.revoked_at is None and not expired


def _hash(secret: str) -> str:
    # A plain hash is enough: there is no guessing at 256 random bits.
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: AnyRow) -> Token:
    return Token(
        name=row.name,
        roles=frozenset(json.loads(row.roles)),
        scopes=None if row.scopes is None else frozenset(json.loads(row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
