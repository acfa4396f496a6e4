"""PacketFence: an open security event isolates a node, and PacketFence re-evaluates its access.

Source: PacketFence's own controllers (pf::UnifiedApi::Controller::Nodes, api-frontend/aaa). Two
things are both called ``security_event_id`` there: to apply, it is the event's class; to close, it
is the row of one occurrence. Applying is forced and would add another row each time.
"""

from http import HTTPStatus

import httpx
from pydantic import Field, ValidationError

from firebreak.domain.estate import PacketFenceNac
from firebreak.errors import NotThere, Rejected
from integrations.network.nac.source import NacSource, Sight, Standing
from integrations.network.rest import Rest, Shape, Window, segment
from integrations.network.rest_answers import plain
from integrations.network.rest_auth import LoginToken
from integrations.secrets import resolve

_STILL = {None, "", "0000-00-00 00:00:00"}  # the end of what has not ended


class _Token(Shape):
    token: str = Field(min_length=1, max_length=4096)


class _Event(Shape):
    id: int
    security_event_id: int
    status: str


class _Events(Shape):
    items: tuple[_Event, ...]


class _Location(Shape):
    role: str | None = None
    vlan: str | int | None = None
    switch: str | None = None
    port: str | int | None = None
    end_time: str | None = None


class _Node(Shape):
    status: str | None = None
    locationlog: _Location | None = None


class _NodeItem(Shape):
    item: _Node


class PacketFence(NacSource):
    """One site's PacketFence.

    Records: ``{"security_event": "3000001" | null, "quarantined": bool}``.

    Raises:
        DefinitionError: the CA file holds no certificate.
    """

    adapter = "packetfence"
    key = "security_event"
    noun = "security event"

    def __init__(
        self, site: str, api: PacketFenceNac, *, deadline_s: float = 30.0, settle_s: float = 10.0
    ) -> None:
        system = f"PacketFence of site {site}"
        auth = LoginToken(system, lambda: _login(api), lambda a: _token(system, a), "Bearer ")
        super().__init__(
            system,
            Rest(system, api, auth),
            str(api.security_event),
            secrets=(api.password,),
            deadline_s=deadline_s,
            settle_s=settle_s,
        )
        self._event = api.security_event
        self._role = api.role

    async def _see(self, mac: str, window: Window) -> Sight:
        rows = await self._open_rows(mac, window)
        assigned = self.assigns if rows else None
        place = await self._place(mac, window)
        told = f"{self.system} has {'an open' if rows else 'no open'} event {self._event} for {mac}"
        if place is None:
            return Sight(
                Standing(assigned, quarantined=bool(rows)),
                (told, f"it has no location of {mac}"),
                sighted=False,
            )
        isolated = place.role == self._role if self._role else bool(rows)
        where = plain(f"it is on {place.switch} {place.port}, role {place.role}, VLAN {place.vlan}")
        return Sight(Standing(assigned, quarantined=isolated), (told, where))

    async def _place(self, mac: str, window: Window) -> _Location | None:
        """Where the node is connected now, or None when it is not."""
        answer = await self._rest.read("GET", _node(mac), window, accept=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            raise NotThere(f"{self.system} does not know {mac}")
        place = answer.shaped(_NodeItem).item.locationlog
        return place if place is not None and place.end_time in _STILL else None

    async def _open_rows(self, mac: str, window: Window) -> tuple[int, ...]:
        """The open occurrences of our event; rows are volatile and never leave this module."""
        answer = await self._rest.read(
            "GET", f"{_node(mac)}/security_events", window, accept=(HTTPStatus.NOT_FOUND,)
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            raise NotThere(f"{self.system} does not know {mac}")
        events = answer.shaped(_Events).items
        return tuple(
            e.id for e in events if e.security_event_id == self._event and e.status == "open"
        )

    async def _assign(self, mac: str, what: str, window: Window) -> None:
        await self._rest.write(
            "PUT", f"{_node(mac)}/apply_security_event", window, json={"security_event_id": what}
        )

    async def _clear(self, mac: str, what: str, window: Window) -> None:
        del what  # the class; what is closed is each of its rows
        for row in await self._open_rows(mac, window):
            await self._rest.write(
                "PUT",
                f"{_node(mac)}/close_security_event",
                window,
                json={"security_event_id": str(row)},
                # Closing one row closes all of its class, so that the next may be gone already.
                accept=(HTTPStatus.NOT_FOUND,),
            )

    async def _reevaluate(self, mac: str, window: Window) -> None:
        await self._rest.write("PUT", f"{_node(mac)}/reevaluate_access", window)


def _node(mac: str) -> str:
    return f"/api/v1/node/{segment(mac)}"


def _login(api: PacketFenceNac) -> httpx.Request:
    body = {"username": api.username, "password": resolve(api.password)}
    return httpx.Request("POST", f"{api.url.rstrip('/')}/api/v1/login", json=body)


def _token(system: str, answer: httpx.Response) -> str:
    try:
        return _Token.model_validate_json(answer.content).token
    except ValidationError:
        # Without the cause: it would hold the answer, and the answer a token.
        raise Rejected(f"{system} gave no token to the login") from None
