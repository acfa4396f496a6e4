"""The keys of an OpenID provider: fetched when needed, kept when it is away, never in a storm."""

import asyncio
import time
from typing import Any

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from firebreak.errors import Unreachable
from firebreak.urls import checked_url

FRESH_S = 3600.0
KEPT_S = 86400.0  # how long keys count while the provider cannot be asked
AGAIN_S = 30.0  # between two fetches, however many unknown keys are asked for
TIMEOUT_S = 5.0
MAX_BYTES = 1024 * 1024

_log = structlog.get_logger(__name__)


class ProviderKeys:
    """The key set that an issuer publishes (OpenID Connect Discovery 1.0, RFC 7517)."""

    def __init__(self, issuer: str, http: httpx.AsyncClient) -> None:
        """Nothing is fetched yet. ``http`` verifies TLS and follows no redirects."""
        self._issuer = issuer
        self._http = http
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def named(self, kid: str | None) -> KeySet:
        """The keys, fetched again when they are old or none of them has this name.

        Raises:
            Unreachable: there are none that may still be believed.
        """
        if not self._good_for(kid):
            async with self._fetching:
                if not self._good_for(kid) and time.monotonic() - self._tried_at >= AGAIN_S:
                    await self._refresh()
        if self._keys is None or time.monotonic() - self._fetched_at > KEPT_S:
            raise Unreachable("the OpenID provider does not give its keys: nobody can sign in")
        return self._keys

    def _good_for(self, kid: str | None) -> bool:
        if self._keys is None or time.monotonic() - self._fetched_at > FRESH_S:
            return False
        return kid is None or any(key.kid == kid for key in self._keys)

    async def _refresh(self) -> None:
        self._tried_at = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._keys = await self._fetch()
        except (httpx.HTTPError, httpx.InvalidURL, JoseError, ValueError, TimeoutError) as error:
            # The kept ones go on, and this says for how long nobody noticed.
            _log.error("keys of the OpenID provider cannot be fetched", error=repr(error)[:300])
        else:
            self._fetched_at = self._tried_at

    async def _fetch(self) -> KeySet:
        """Raises what httpx and joserfc do, and ValueError."""
        found = await self._json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise ValueError("the provider's document names another issuer")
        keys = await self._json(checked_url(found.get("jwks_uri")))
        # A symmetric or private key in there is a mistake; believing it would be one, too.
        public = [k for k in keys.get("keys", []) if isinstance(k, dict) and _is_public(k)]
        return KeySet.import_key_set({"keys": public})

    async def _json(self, url: str) -> dict[str, Any]:
        async with self._http.stream("GET", url) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError("the provider's answer is too large")
        found = httpx.Response(200, content=bytes(body)).json()
        if not isinstance(found, dict):
            raise ValueError("the provider's answer is no object")  # noqa: TRY004 - an outside value
        return found


def _is_public(key: dict[str, Any]) -> bool:
    return key.get("kty") in ("RSA", "EC", "OKP") and key.get("use") != "enc" and "d" not in key
