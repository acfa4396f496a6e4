"""How every ticket system here is reached: one client, one bound on each request."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import httpx

from firebreak.domain.base import JsonObject
from integrations.itsm.settings import TicketSystem
from integrations.network.rest import Answer, Rest, Window


class Api:
    """A ticket system's REST API under one prefix; what it raises is what Rest raises."""

    def __init__(self, system: str, settings: TicketSystem, auth: httpx.Auth) -> None:
        self._rest = Rest(system, settings, auth)
        self._timeout_s = settings.timeout_s

    @property
    def system(self) -> str:
        """What errors call it."""
        return self._rest.system

    async def ask(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Read something; see Rest.read."""
        window = Window.of(self._timeout_s)
        return await self._rest.read("GET", path, window, params=params, accept=accept)

    async def change(
        self,
        method: str,
        path: str,
        json: JsonObject | None = None,
        *,
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Change something; see Rest.write."""
        send_by = datetime.now(UTC) + timedelta(seconds=self._timeout_s)
        return await self._rest.write(
            method,
            path,
            Window.of(self._timeout_s, send_by),
            params=params,
            headers=headers,
            json=json,
            content=content,
            accept=accept,
        )

    async def close(self) -> None:
        """Let go of every connection."""
        await self._rest.close()
