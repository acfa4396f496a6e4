"""Aruba ClearPass: an attribute of the endpoint that its policy reads, then a CoA of the session.

Source: ClearPass REST API, resources oauth, endpoint, session and session-action (as in HPE's own
pyclearpass); how an attribute is removed: PowerArubaCP, whose tests run against a ClearPass. The
API does not tell which role a session has: whether it followed is for the independent probe to say.
"""

import json
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import Field, JsonValue, ValidationError, field_validator

from firebreak.domain.base import JsonObject
from firebreak.domain.estate import ClearPassNac
from firebreak.errors import NotThere, Rejected
from integrations.network.nac.source import NacSource, Sight, Standing
from integrations.network.rest import Rest, Shape, Window, segment, unsettled
from integrations.network.rest_answers import plain
from integrations.network.rest_auth import LoginToken
from integrations.secrets import resolve

QUARANTINE = "quarantine"  # the value of the attribute; see estate.ClearPassNac
_REMOVED = "--For-Delete--"  # as a value it removes an endpoint's attribute
_LOGIN = "/api/oauth"
_SESSIONS = 25  # the newest of them; older ones have ended


class _Token(Shape):
    access_token: str = Field(min_length=1, max_length=4096)


class _Endpoint(Shape):
    attributes: dict[str, JsonValue]

    @field_validator("attributes", mode="before")
    @classmethod
    def _none(cls, attributes: Any) -> Any:
        """An endpoint without any is answered as ``""``, ``[]`` or ``{}``."""
        return attributes or {}


class _Session(Shape):
    state: str = Field(max_length=32)
    nasipaddress: str | None = None
    nasportid: str | None = None


class _Items(Shape):
    items: tuple[_Session, ...] = ()


class _Sessions(Shape):
    embedded: _Items = Field(alias="_embedded")


class ClearPass(NacSource):
    """One site's ClearPass. Records: ``{"value": "quarantine" | null, "quarantined": bool}``.

    ``value`` is the attribute's, null when the endpoint has none; a revert removes it again.

    Raises:
        DefinitionError: the CA file holds no certificate.
    """

    adapter = "clearpass"
    key = "value"
    noun = "attribute value"

    def __init__(
        self, site: str, api: ClearPassNac, *, deadline_s: float = 30.0, settle_s: float = 10.0
    ) -> None:
        system = f"ClearPass of site {site}"
        auth = LoginToken(system, lambda: _login(api), lambda a: _token(system, a), "Bearer ")
        super().__init__(
            system,
            Rest(system, api, auth),
            QUARANTINE,
            secrets=(api.client_secret,),
            deadline_s=deadline_s,
            settle_s=settle_s,
        )
        self._attribute = api.attribute
        self._profile = api.profile

    async def _see(self, mac: str, window: Window) -> Sight:
        answer = await self._rest.read(
            "GET", _endpoint(mac), window, accept=(HTTPStatus.NOT_FOUND,)
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            raise NotThere(f"{self.system} does not know {mac}; it has never authenticated there")
        value = answer.shaped(_Endpoint).attributes.get(self._attribute)
        if value is not None and not isinstance(value, str):
            raise Rejected(
                f"{self.system} has attribute {self._attribute} as something else than text"
            )
        standing = Standing(value, quarantined=value == QUARANTINE)
        told = plain(f"{self.system} has {self._attribute} = {value!r} for {mac}")
        sessions = await self._active(mac, window)
        if not sessions:
            return Sight(standing, (told, f"it has no active session of {mac}"), sighted=False)
        where = plain(f"it has a session on {sessions[0].nasipaddress} {sessions[0].nasportid}")
        return Sight(standing, (told, where))

    async def _active(self, mac: str, window: Window) -> tuple[_Session, ...]:
        query: dict[str, str | int] = {
            "filter": json.dumps({"mac_address": _bare(mac)}),
            "sort": "-id",
            "limit": _SESSIONS,
        }
        answer = await self._rest.read("GET", "/api/session", window, params=query)
        found = answer.shaped(_Sessions).embedded.items
        return tuple(session for session in found if session.state == "active")

    async def _assign(self, mac: str, what: str, window: Window) -> None:
        await self._set(mac, what, window)
        # The attribute stands now: a session that could not be told is in an unknown state.
        with unsettled(self._change_of(mac)):
            await self._reevaluate(mac, window)

    async def _clear(self, mac: str, what: str, window: Window) -> None:
        del what
        await self._set(mac, _REMOVED, window)

    async def _released(self, mac: str, window: Window) -> None:
        await self._reevaluate(mac, window)

    async def _set(self, mac: str, value: str, window: Window) -> None:
        """Set one attribute; the others stay as they are."""
        body: JsonObject = {"attributes": {self._attribute: value}}
        await self._rest.write("PATCH", _endpoint(mac), window, json=body)

    async def _reevaluate(self, mac: str, window: Window) -> None:
        """Send the CoA, unless there is no session: the next one will be authorized anew."""
        if await self._active(mac, window):
            await self._rest.write(
                "POST",
                f"/api/session-action/coa/mac/{segment(_bare(mac))}",
                window,
                params={"async": "false"},
                json={"enforcement_profile": [self._profile]},
            )


def _login(api: ClearPassNac) -> httpx.Request:
    """OAuth 2.0 client credentials (RFC 6749, 4.4), in JSON as ClearPass takes it."""
    return httpx.Request(
        "POST",
        api.url.rstrip("/") + _LOGIN,
        json={
            "grant_type": "client_credentials",
            "client_id": api.client_id,
            "client_secret": resolve(api.client_secret),
        },
    )


def _token(system: str, answer: httpx.Response) -> str:
    try:
        return _Token.model_validate_json(answer.content).access_token
    except ValidationError:
        # The error itself could quote the token.
        raise Rejected(f"{system} answered the login without a token") from None


def _endpoint(mac: str) -> str:
    return f"/api/endpoint/mac-address/{segment(_bare(mac))}"


def _bare(mac: str) -> str:
    """As ClearPass keeps an address: twelve digits."""
    return mac.replace(":", "")
