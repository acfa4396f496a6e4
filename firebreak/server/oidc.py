"""Tokens of an OpenID provider: whose they are, once everything about them has been checked."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key, KeySet
from joserfc.jws import JWSRegistry

from firebreak.domain.credential import Credential
from firebreak.domain.people import Principal
from firebreak.errors import DefinitionError, Unauthorized
from firebreak.server.jwks import ProviderKeys
from firebreak.server.text import printable
from firebreak.urls import checked_url

# By the kind of key, so that no key can be used in a way it was not made for (RFC 8725, 3.1).
ALGORITHMS = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
LEEWAY_S = 30  # between the provider's clock and ours
MAX_TOKEN = 8192
MAX_SUBJECT = 190
TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})  # ID tokens, and RFC 9068


class _Allowed(JWSRegistry):
    """The algorithms above. The library warns of ``EdDSA``, the name that providers still send."""

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


class OidcSignIn:
    """A ``SignIn``: access tokens for our audience, and ID tokens, both given to our client.

    Args:
        issuer: exactly as the provider writes it.
        client_id: of this installation. Tokens given to another client are refused.
        audience: of access tokens; empty: only ID tokens count.
        groups_claim: the claim that lists a person's groups.
        roles: the roles of each group. Nobody has any other.
        http: verifies TLS and follows no redirects; closed by who made it.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        http: httpx.AsyncClient,
        *,
        audience: str = "",
        groups_claim: str = "groups",
        roles: Mapping[str, tuple[str, ...]],
    ) -> None:
        """Raises DefinitionError: the issuer cannot be reached safely, or there is no client."""
        try:
            checked_url(issuer)
        except ValueError as error:
            raise DefinitionError(f"FIREBREAK_OIDC_ISSUER: {error}") from error
        if not client_id:
            raise DefinitionError("FIREBREAK_OIDC_ISSUER needs FIREBREAK_OIDC_CLIENT_ID")
        self._issuer = issuer
        self._client_id = client_id
        self._audience = audience
        self._groups_claim = groups_claim
        self._roles = roles
        self._keys = ProviderKeys(issuer, http)
        self._registry = _Allowed()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            sub={"essential": True},
            aud={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )

    async def verify(self, token: str) -> Credential:
        """Whose token this is.

        Raises:
            Unauthorized: it is not one that counts here; says why, never what it held.
            Unreachable: the provider's keys cannot be had.
        """
        if len(token) > MAX_TOKEN:
            raise Unauthorized("the bearer token is too long")
        kid = _kid(token)
        key = _key(await self._keys.named(kid), kid, ALGORITHMS[_header(token)["alg"]])
        try:
            found = jwt.decode(token, key, registry=self._registry)
            self._claims.validate(found.claims)
        except (JoseError, ValueError) as error:
            raise _refused(getattr(error, "error", "malformed")) from error
        self._check_purpose(found.claims)
        return self._credential(found.claims)

    def _check_purpose(self, claims: dict[str, Any]) -> None:
        """For us, and given to our client: a token for another service opens nothing here."""
        given = claims["aud"]
        audiences = {given} if isinstance(given, str) else set(given)
        mine = {self._client_id, self._audience} - {""}
        if audiences.isdisjoint(mine):
            raise Unauthorized("the bearer token is for another audience")
        clients = {str(claims[name]) for name in ("azp", "client_id") if name in claims}
        if clients - {self._client_id} or (len(audiences) > 1 and not clients):
            raise Unauthorized("the bearer token was given to another client")
        if "events" in claims:  # a logout token, OpenID Connect Back-Channel Logout 1.0
            raise Unauthorized("the bearer token is no access or ID token")

    def _credential(self, claims: dict[str, Any]) -> Credential:
        subject = claims["sub"]
        if not 0 < len(subject) <= MAX_SUBJECT or printable(subject) != subject:
            raise Unauthorized("the bearer token's subject cannot be written down")
        email = claims.get("email")
        known = claims.get("email_verified") is True and isinstance(email, str)
        return Credential(
            provider="oidc",
            account=subject,
            principal=Principal(id=f"oidc:{subject}", roles=self._mapped(claims)),
            email=str(email) if known else "",
        )

    def _mapped(self, claims: dict[str, Any]) -> frozenset[str]:
        groups = claims.get(self._groups_claim)
        if not isinstance(groups, list):
            return frozenset()
        named = (self._roles.get(group, ()) for group in groups if isinstance(group, str))
        return frozenset(role for roles in named for role in roles)


def _header(token: str) -> dict[str, Any]:
    """Read, not believed: it says which key to look for."""
    first = token.partition(".")[0]
    try:
        found = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError) as error:
        raise _refused("malformed") from error
    if not isinstance(found, dict):
        raise _refused("malformed")
    return found


def _kid(token: str) -> str | None:
    header = _header(token)
    if str(header.get("alg")) not in ALGORITHMS:
        raise Unauthorized("the bearer token is not signed in a way that counts here")
    if str(header.get("typ", "")).lower() not in TYPES:
        raise Unauthorized("the bearer token is no access or ID token")
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def _key(keys: KeySet, kid: str | None, kind: str) -> Key:
    """The one key that can have signed it."""
    fitting = [key for key in keys if key.key_type == kind and kid in (None, key.kid)]
    if len(fitting) != 1:
        raise Unauthorized("the bearer token is signed with a key the provider does not have")
    return fitting[0]


def _refused(why: str) -> Unauthorized:
    return Unauthorized(f"the bearer token does not count here: {printable(why)[:60]}")
