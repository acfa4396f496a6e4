"""An ISE-like API: ERS ancendpoint as JSON, MnT sessions and CoA as XML, on one address.

Written from Cisco's API documentation and SDKs, not from an ISE. What of its behavior is a guess is
marked unconfirmed.
"""

import hmac
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebreak.cyber_range.api_server import ApiServer, body_of
from firebreak.cyber_range.faults import FaultKind
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nac_sessions import NacSessions
from firebreak.domain.device import normalize_mac

PERMIT = "PermitAccess"
_ENDPOINTS = "/ers/config/ancendpoint"
_MNT = "/admin/API/mnt"


@dataclass(frozen=True)
class IseSetup:
    """How this ISE is configured. ``policy`` quarantines by giving ``profile``.

    ``others`` are ANC policies that do something else. ``coa_on_clear`` False: a cleared session
    stays where it is until it is made to authenticate (unconfirmed which way a real one does it).
    """

    username: str
    password: str = field(repr=False)
    policy: str = "Quarantine"
    profile: str = "Quarantine-VLAN"
    others: tuple[str, ...] = ("Monitor",)
    csrf: bool = True
    coa_on_clear: bool = True


class IseApi(ApiServer):
    """Cisco ISE as Firebreak sees it."""

    def __init__(
        self, name: str, setup: IseSetup, sessions: NacSessions, folder: Path, journal: Journal
    ) -> None:
        super().__init__(name, folder, journal)
        self.setup = setup
        self.policies: dict[str, str] = {}  # by MAC address
        self._ids: dict[str, str] = {}
        self._sessions = sessions
        self._csrf = secrets.token_hex(16)

    def routes(self) -> list[Route]:
        """ERS and MnT."""
        read, write = self.reading, self.writing
        reauth = _MNT + "/CoA/Reauth/{node}/{mac}/{kind:int}"
        return [
            Route(_ENDPOINTS, read(self._list), methods=["GET"]),
            Route(_ENDPOINTS + "/apply", write(self._apply), methods=["PUT"]),
            Route(_ENDPOINTS + "/clear", write(self._clear), methods=["PUT"]),
            Route(_ENDPOINTS + "/{id}", read(self._detail), methods=["GET"]),
            Route(_MNT + "/Session/MACAddress/{mac}", read(self._session), methods=["GET"]),
            Route(reauth, read(self._reauth), methods=["GET"]),
        ]

    def assign(self, mac: str, policy: str | None) -> None:
        """What an operator does in the GUI."""
        if policy is None:
            self.policies.pop(mac, None)
        else:
            self.policies[mac] = policy
            self._ids.setdefault(mac, secrets.token_hex(12))
        self._sessions.decide(mac, isolated=policy == self.setup.policy)
        if policy is not None or self.setup.coa_on_clear:
            self._coa(mac)

    def refuse(self, request: Request) -> Response | None:
        """HTTP Basic, and for writes the CSRF token."""
        given = request.headers.get("authorization", "")
        self.logins += bool(given)
        known = f"{self.setup.username}:{self.setup.password}".encode()
        right = hmac.compare_digest(given.encode(), b"Basic " + b64encode(known))
        if not right or self.faults.strike(FaultKind.WRONG_PASSWORD):
            return Response(status_code=401)
        token = request.headers.get("x-csrf-token", "")
        asked = request.method != "GET" and self.setup.csrf
        if asked and not hmac.compare_digest(token.encode(), self._csrf.encode()):
            return Response(status_code=403)
        return None

    def rejection(self, request: Request) -> Response:
        """ERS says no with 500 and a reason (seen in the field)."""
        title = "the ANC operation failed"
        return JSONResponse(
            {
                "ERSResponse": {
                    "operation": f"{request.method}-{request.url.path.rpartition('/')[2]}",
                    "messages": [{"title": title, "type": "ERROR", "code": "CRUD operation"}],
                }
            },
            status_code=500,
        )

    async def _list(self, request: Request) -> Response:
        if "filter" in request.query_params:
            return JSONResponse({"ERSResponse": {"messages": [{"title": "no such filter"}]}}, 400)
        size = min(int(request.query_params.get("size", "20")), 100)
        first = (int(request.query_params.get("page", "1")) - 1) * size
        macs = sorted(self.policies)
        resources = [
            {"id": self._ids[mac], "name": mac.upper()} for mac in macs[first : first + size]
        ]
        headers = {}
        if self.setup.csrf and request.headers.get("x-csrf-token") == "fetch":
            headers["X-CSRF-TOKEN"] = self._csrf
        content = {"SearchResult": {"total": len(macs), "resources": resources}}
        return JSONResponse(content, headers=headers)

    async def _detail(self, request: Request) -> Response:
        known = {self._ids[mac]: mac for mac in self.policies}
        mac = known.get(request.path_params["id"])
        if mac is None:
            return Response(status_code=404)
        endpoint = {
            "id": self._ids[mac],
            "macAddress": mac.upper(),
            "policyName": self.policies[mac],
        }
        return JSONResponse({"ErsAncEndpoint": endpoint})

    async def _apply(self, request: Request) -> Response:
        mac, policy = await _operation(request)
        known = {self.setup.policy, *self.setup.others}
        # Unconfirmed: what exactly a real one says to an endpoint that has a policy.
        if mac is None or policy not in known or mac in self.policies:
            self.note(request, mac or "", took_effect=False)
            return self.rejection(request)
        self.note(request, mac)
        self.assign(mac, policy)
        return Response(status_code=204)

    async def _clear(self, request: Request) -> Response:
        mac, policy = await _operation(request)
        if mac is None or self.policies.get(mac) != policy:
            self.note(request, mac or "", took_effect=False)
            return self.rejection(request)
        self.note(request, mac)
        self.assign(mac, None)
        return Response(status_code=204)

    async def _session(self, request: Request) -> Response:
        mac = _mac(request.path_params["mac"])
        place = self._sessions.place(mac) if mac else None
        if mac is None or place is None:
            told = f"Session data is not available for {request.path_params['mac']}."
            return _xml("mnt-rest-result", {"http-code": "500", "internal-error-info": told}, 500)
        switch, port = place
        return _xml(
            "sessionParameters",
            {
                "passed": "true",
                "failed": "false",
                "calling_station_id": mac.upper(),
                "nas_ip_address": switch.name,
                "nas_port_id": port.name,
                "acs_server": self.name,
                "selected_azn_profiles": self.setup.profile
                if self._sessions.in_quarantine(mac)
                else PERMIT,
            },
        )

    async def _reauth(self, request: Request) -> Response:
        mac = _mac(request.path_params["mac"])
        done = mac is not None and request.path_params["node"] == self.name and self._coa(mac)
        return _xml("remoteCoA", {"results": str(done).lower()})

    def _coa(self, mac: str) -> bool:
        """A lie: the NAS said yes and did nothing."""
        if self.faults.strike(FaultKind.LIE):
            return True
        return self._sessions.reauthorize(mac)


async def _operation(request: Request) -> tuple[str | None, str]:
    """The MAC address and the policy of an OperationAdditionalData."""
    body = await body_of(request)
    try:
        pairs = body["OperationAdditionalData"]["additionalData"]  # type: ignore[index]
        data = {str(pair["name"]): str(pair["value"]) for pair in pairs}
    except (KeyError, TypeError):
        return None, ""
    return _mac(data.get("macAddress", "")), data.get("policyName", "")


def _mac(text: str) -> str | None:
    try:
        return normalize_mac(text)
    except ValueError:
        return None


def _xml(root: str, fields: dict[str, str], status: int = 200) -> Response:
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    text = f"{head}<{root}>{inside}</{root}>"
    return Response(text, status, media_type="application/xml")
