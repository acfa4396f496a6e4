"""How people sign in, from the settings."""

import contextlib
from collections.abc import AsyncIterator

import httpx

from firebreak.server.oidc import OidcSignIn
from firebreak.settings import Settings


@contextlib.asynccontextmanager
async def sign_in(settings: Settings) -> AsyncIterator[OidcSignIn | None]:
    """The check of an OpenID provider's tokens, or None without one.

    Raises:
        DefinitionError: the settings name a provider that cannot be used.
    """
    if not settings.oidc_issuer:
        yield None
        return
    async with httpx.AsyncClient(timeout=5, follow_redirects=False) as http:
        yield OidcSignIn(
            settings.oidc_issuer,
            settings.oidc_client_id,
            http,
            audience=settings.oidc_audience,
            groups_claim=settings.oidc_groups_claim,
            roles=settings.oidc_roles,
        )
