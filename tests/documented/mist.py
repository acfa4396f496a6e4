"""A Mist site with one switch, in the shapes of Mist's OpenAPI description."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "Gc2Lw0ZpQd6mJr8sTzXy4vKbNh"
SITE = "4ac1dcf4-9d8b-7211-65c4-057819f0862b"
DEVICE = "00000000-0000-0000-1000-5c4527a96580"
SWITCH_MAC = "5c4527a96580"
OTHER_MAC = "5c4527a96f00"
PORTS = tuple(f"ge-0/0/{n}" for n in range(12))

_USAGES = {
    "cameras": {"mode": "access", "port_network": "cameras"},
    "phones": {"mode": "access", "port_network": "cameras", "voip_network": "voice"},
    "trunk": {"mode": "trunk", "all_networks": True},
    "quarantine": {"mode": "access", "port_network": "quarantine"},
    "dot1x": {"mode": "access", "port_network": "cameras", "port_auth": "dot1x"},
}
_NETWORKS = {
    "cameras": {"vlan_id": 10},
    "quarantine": {"vlan_id": 666},
    "voice": {"vlan_id": "{{v}}"},
}


def _entry(usage: str, **more: object) -> dict[str, Any]:
    return {"usage": usage, "no_local_overwrite": False, **more}


@dataclass
class MistCloud:
    """The site.

    ``follows_after``: how often the statistics are asked for until the switch has committed.
    """

    token: str = TOKEN
    status: str = "connected"
    port_config: dict[str, Any] = field(
        default_factory=lambda: {
            "ge-0/0/0-3,ge-0/0/9": _entry("cameras"),
            "ge-0/0/4": _entry("trunk"),
            "ge-0/0/5": _entry("phones"),
            "ge-0/0/6": _entry("cameras", aggregated=True),
            "ge-0/0/7": {"usage": "cameras"},
            "ge-0/0/8": _entry("cameras", dynamic_usage="dynamic"),
        }
    )
    usages: dict[str, Any] = field(default_factory=lambda: dict(_USAGES))
    networks: dict[str, Any] = field(default_factory=lambda: dict(_NETWORKS))
    rules: list[dict[str, Any]] = field(default_factory=list)
    overrides: dict[str, Any] | None = None
    clients: list[dict[str, Any]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    committed: float = 1720552389
    follows_after: int = 0
    polls: int = 0
    pause_s: float = 0  # between taking a change and making it

    def plug(self, mac: str, port: str, switch: str = SWITCH_MAC, when: str = "1") -> None:
        """A client on a port, as of ``when``."""
        bare = mac.replace(":", "")
        sight = {"device_mac": switch, "port_id": port, "when": when, "vlan": 10}
        for client in self.clients:
            if client["mac"] == bare:
                client["device_mac"].append(switch)
                client["port_id"].append(port)
                client["device_mac_port"].append(sight)
                return
        client = {"mac": bare, "device_mac": [switch], "port_id": [port], "vlan": [10]}
        self.clients.append({**client, "device_mac_port": [sight], "timestamp": 1571174567.807})

    @property
    def app(self) -> Starlette:
        """The API."""
        site = "/api/v1/sites/{site}"
        local = f"{site}/devices/{{device}}/local_port_config"
        routes = [
            Route(f"{site}/devices/{{device}}", self._guarded(self._device)),
            Route(local, self._guarded(self._put), methods=["PUT"]),
            Route(local, self._guarded(self._delete), methods=["DELETE"]),
            Route(f"{site}/stats/devices/{{device}}", self._guarded(self._stats)),
            Route(f"{site}/stats/ports/search", self._guarded(self._port_stats)),
            Route(f"{site}/setting/derived", self._guarded(self._derived)),
            Route(f"{site}/wired_clients/search", self._guarded(self._clients)),
        ]
        return Starlette(routes=routes)

    def _guarded(self, handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("authorization") != f"Token {self.token}":
                return JSONResponse({"detail": "Invalid token."}, 401)
            known = {"site": SITE, "device": DEVICE}
            if any(known[name] != value for name, value in request.path_params.items()):
                return JSONResponse({"detail": "Not found."}, 404)
            answer: Response = await handler(request)
            return answer

        return endpoint

    async def _device(self, request: Request) -> Response:
        del request
        device: dict[str, Any] = {
            "id": DEVICE,
            "type": "switch",
            "mac": SWITCH_MAC,
            "site_id": SITE,
            "name": "sw",
        }
        device |= {"port_config": self.port_config}
        if self.overrides is not None:
            device |= {"local_port_config": self.overrides}
        return JSONResponse(device)

    async def _put(self, request: Request) -> Response:
        body = await request.json()
        await asyncio.sleep(self.pause_s)
        if not body or any("usage" not in entry for entry in body.values()):
            return JSONResponse({"detail": "usage is required"}, 400)
        return self._changed("PUT", body)

    async def _delete(self, request: Request) -> Response:
        del request
        return self._changed("DELETE", None)

    def _changed(self, verb: str, overrides: dict[str, Any] | None) -> Response:
        self.changes.append(verb)
        self.overrides = overrides
        self.polls = 0
        return Response(status_code=200)

    async def _stats(self, request: Request) -> Response:
        del request
        self.polls += 1
        if self.changes and self.polls > self.follows_after:
            self.committed = 1720552389 + len(self.changes)
        stats: dict[str, Any] = {
            "id": DEVICE,
            "mac": SWITCH_MAC,
            "type": "switch",
            "status": self.status,
        }
        stats |= {"config_status": "COMMITED", "config_timestamp": self.committed}
        return JSONResponse(stats)

    async def _port_stats(self, request: Request) -> Response:
        wanted = request.query_params["port_id"]
        here = request.query_params["mac"] == SWITCH_MAC
        rows = [
            {"port_id": p, "mac": SWITCH_MAC, "up": True} for p in PORTS if here and p == wanted
        ]
        return _page(rows)

    async def _derived(self, request: Request) -> Response:
        del request
        matching = {"enable": True, "rules": self.rules}
        return JSONResponse(
            {"port_usages": self.usages, "networks": self.networks, "switch_matching": matching}
        )

    async def _clients(self, request: Request) -> Response:
        query = request.query_params
        rows = [
            client
            for client in self.clients
            if query.get("mac", client["mac"]) == client["mac"]
            and query.get("device_mac", client["device_mac"][0]) in client["device_mac"]
            and query.get("port_id", client["port_id"][0]) in client["port_id"]
        ]
        return _page(rows)


def _page(rows: list[dict[str, Any]]) -> Response:
    page = {"results": rows, "limit": 100, "total": len(rows), "start": 1.0, "end": 2.0}
    return JSONResponse(page)
