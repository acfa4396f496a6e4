"""A ClearPass with one endpoint, in the shapes of its REST API."""

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "firebreak", "uH3yPq0wVn6zLd2kRs8t"
PROFILE = "[Cisco - Reauthenticate-Session]"
_REMOVED = "--For-Delete--"


@dataclass
class ClearPassServer:
    """The server. ``tokens`` are those it accepts; ``coas`` the MAC addresses it sent a CoA for."""

    secret: str = SECRET
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    coas: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    logins: int = 0
    coa_status: int = 200
    forgetful: bool = False  # accepts no token, not even a new one

    def enroll(self, mac: str, *, session: bool = True, **attributes: Any) -> None:
        """An endpoint that has authenticated, with or without an active session."""
        bare = mac.replace(":", "")
        number = 3000 + len(self.endpoints)
        endpoint = {"id": number, "mac_address": bare, "status": "Known", "description": ""}
        self.endpoints[bare] = endpoint | {"attributes": attributes}
        place = {"nasipaddress": "10.0.0.2", "nasportid": "GigabitEthernet1/0/5"}
        old = {"id": f"R{number}-01", "mac_address": bare, "state": "closed", **place}
        now = {"id": f"R{number}-02", "mac_address": bare, "state": "active", **place}
        self.sessions += [now, old] if session else [old]

    @property
    def app(self) -> Starlette:
        """The API under /api."""
        endpoint = "/api/endpoint/mac-address/{mac}"
        coa = "/api/session-action/coa/mac/{mac}"
        routes = [
            Route("/api/oauth", self._oauth, methods=["POST"]),
            Route(endpoint, self._guarded(self._get)),
            Route(endpoint, self._guarded(self._patch), methods=["PATCH"]),
            Route("/api/session", self._guarded(self._list)),
            Route(coa, self._guarded(self._coa), methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _oauth(self, request: Request) -> Response:
        body = await request.json()
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT}
        if body != wanted | {"client_secret": self.secret}:
            why = "The client credentials are invalid"
            return JSONResponse({"error": "invalid_client", "error_description": why}, 400)
        self.logins += 1
        self.tokens = [f"3f9a{self.logins:04d}c1"]
        answer = {"access_token": self.tokens[0], "expires_in": 28800, "token_type": "Bearer"}
        return JSONResponse(answer | {"scope": None})

    def _guarded(self, handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            known = [f"Bearer {token}" for token in self.tokens if not self.forgetful]
            if request.headers.get("authorization") not in known:
                return _problem(401, "Unauthorized", "The access token is invalid")
            answer: Response = await handler(request)
            return answer

        return endpoint

    async def _get(self, request: Request) -> Response:
        endpoint = self.endpoints.get(request.path_params["mac"])
        if endpoint is None:
            return _problem(404, "Not Found", "Endpoint not found")
        return JSONResponse(endpoint | {"attributes": endpoint["attributes"] or ""})

    async def _patch(self, request: Request) -> Response:
        endpoint = self.endpoints.get(request.path_params["mac"])
        if endpoint is None:
            return _problem(404, "Not Found", "Endpoint not found")
        changes = (await request.json())["attributes"]
        merged = endpoint["attributes"] | changes
        endpoint["attributes"] = {n: v for n, v in merged.items() if v != _REMOVED}
        self.changes.append("attribute")
        return JSONResponse(endpoint)

    async def _list(self, request: Request) -> Response:
        wanted = json.loads(request.query_params["filter"])["mac_address"]
        limit = int(request.query_params["limit"])
        items = [s for s in self.sessions if s["mac_address"] == wanted][:limit]
        return JSONResponse({"_links": {}, "_embedded": {"items": items}})

    async def _coa(self, request: Request) -> Response:
        body = await request.json()
        if body.get("enforcement_profile") != [PROFILE]:
            return _problem(422, "Unprocessable Entity", "Invalid enforcement profile")
        if self.coa_status != 200:
            return _problem(self.coa_status, "Failed", "The CoA was not acknowledged")
        self.coas.append(request.path_params["mac"])
        self.changes.append("coa")
        return JSONResponse({"action_id": "R0000-01", "status": "completed"})


def _problem(status: int, title: str, detail: str) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")
