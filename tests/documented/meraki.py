"""A Meraki organization with one switch, in the shapes of Meraki's OpenAPI description."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "6bec40cf957de430a6f1f2baa056b99a4fac9ea0"
ORGANIZATION = "549236"
SERIAL = "Q2QN-9J8L-SLPD"
SWITCH_MAC = "88:15:44:00:00:01"
OTHER_MAC = "88:15:44:00:00:02"
_MOST_VLAN = 4094


def new_port(number: str, **changes: object) -> dict[str, Any]:
    """A port as getDeviceSwitchPort answers."""
    return {
        "portId": number,
        "name": f"Port {number}",
        "tags": ["cameras"],
        "enabled": True,
        "poeEnabled": True,
        "type": "access",
        "vlan": 10,
        "voiceVlan": None,
        "allowedVlans": "all",
        "isolationEnabled": False,
        "rstpEnabled": True,
        "stpGuard": "disabled",
        "linkNegotiation": "100 Megabit full duplex (forced)",
        "linkNegotiationCapabilities": ["Auto negotiate", "100 Megabit full duplex (forced)"],
        "portScheduleId": None,
        "udld": "Alert only",
        "accessPolicyType": "Open",
        "profile": {"enabled": False, "id": "", "iname": ""},
        **changes,
    }


@dataclass
class MerakiCloud:
    """The organization.

    ``follows_after``: how often the clients are asked for until they are seen in a new VLAN.
    ``held``: a change waits for it. ``deaf``: it takes a change, says yes, and makes none.
    ``owned``: it has the switch claimed.
    """

    key: str = KEY
    status: str = "online"
    ports: dict[str, dict[str, Any]] = field(default_factory=dict)
    clients: list[dict[str, Any]] = field(default_factory=list)
    elsewhere: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    follows_after: int = 0
    polls: int = 0
    held: asyncio.Event | None = None
    deaf: bool = False
    owned: bool = True

    def plug(self, mac: str, port: str) -> None:
        """A client on a port."""
        vlan = str(self.ports[port]["vlan"])
        self.clients.append({"id": f"k{len(self.clients)}", "mac": mac, "ip": None, "vlan": vlan})
        self.clients[-1] |= {"switchport": port, "description": None, "usage": {"sent": 1.0}}

    @property
    def app(self) -> Starlette:
        """The API under /api/v1."""
        device, org = "/api/v1/devices/{serial}", "/api/v1/organizations/{org}"
        routes = [
            Route(f"{device}/switch/ports/statuses", self._guarded(self._statuses)),
            Route(f"{device}/switch/ports/{{port}}", self._guarded(self._port)),
            Route(f"{device}/switch/ports/{{port}}", self._guarded(self._put), methods=["PUT"]),
            Route(f"{device}/clients", self._guarded(self._clients)),
            Route(f"{org}/devices/availabilities", self._guarded(self._availabilities)),
            Route(f"{org}/clients/search", self._guarded(self._search)),
        ]
        return Starlette(routes=routes)

    def _guarded(self, handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                return _errors(401, "Invalid API key")
            known = {"serial": SERIAL, "org": ORGANIZATION}
            if any(known.get(name, value) != value for name, value in request.path_params.items()):
                return Response(status_code=404)
            answer: Response = await handler(request)
            return answer

        return endpoint

    async def _port(self, request: Request) -> Response:
        port = self.ports.get(request.path_params["port"])
        return JSONResponse(port) if port else _errors(404, "Port not found")

    async def _put(self, request: Request) -> Response:
        port = self.ports.get(request.path_params["port"])
        body = await request.json()
        if self.held is not None:
            await self.held.wait()
        if port is None:
            return _errors(404, "Port not found")
        vlan = body.get("vlan")
        if "vlan" in body and (type(vlan) is not int or not 1 <= vlan <= _MOST_VLAN):
            return _errors(400, "'vlan' must be between 1 and 4094")
        unknown = set(body) - set(port)
        if unknown:
            return _errors(400, f"unknown parameters {sorted(unknown)}")
        self.changes.append({"port": port["portId"], **body})
        self.polls = 0
        if not self.deaf:
            port.update(body)
        return JSONResponse(port | body)

    async def _statuses(self, request: Request) -> Response:
        del request
        return JSONResponse(
            [
                {
                    "portId": number,
                    "enabled": port["enabled"],
                    "status": "Connected",
                    "isUplink": "up" in port["name"],
                    "errors": [],
                    "warnings": [],
                    "speed": "100 Mbps",
                    "duplex": "full",
                    "clientCount": sum(c["switchport"] == number for c in self.clients),
                }
                for number, port in self.ports.items()
            ]
        )

    async def _clients(self, request: Request) -> Response:
        assert int(request.query_params["timespan"]) <= 31 * 86400
        self.polls += 1
        if self.polls > self.follows_after:
            for client in self.clients:
                client["vlan"] = str(self.ports[client["switchport"]]["vlan"])
        return JSONResponse(self.clients)

    async def _availabilities(self, request: Request) -> Response:
        del request
        row = {"serial": SERIAL, "mac": SWITCH_MAC, "name": "sw-1", "status": self.status}
        if not self.owned:
            return JSONResponse([])
        return JSONResponse([row | {"productType": "switch", "network": {"id": "N_1"}, "tags": []}])

    async def _search(self, request: Request) -> Response:
        mac = request.query_params["mac"]
        record = self.elsewhere.get(mac)
        if record is None:
            return _errors(404, "Client not found")
        return JSONResponse({"clientId": "k1", "mac": mac, "records": [record]})


def _errors(status: int, text: str) -> Response:
    return JSONResponse({"errors": [text]}, status)
