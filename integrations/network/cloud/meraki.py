"""Cisco Meraki: the access VLAN of a port, over the Dashboard API v1.

Source: Meraki's OpenAPI description (getDeviceSwitchPort, updateDeviceSwitchPort,
getDeviceSwitchPortsStatuses, getDeviceClients, getOrganizationDevicesAvailabilities,
getOrganizationClientsSearch).
"""

from functools import partial
from typing import Any

from pydantic import Field, model_validator

from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import Meraki, Site
from firebreak.errors import NotThere, Rejected, Unreachable
from integrations.network import checks
from integrations.network.cloud.control import CloudQuarantine
from integrations.network.cloud.ports import CloudPorts, Followed, Managed
from integrations.network.cloud.sightings import mac_or_none
from integrations.network.ports import PortReading, PortState, Sighting
from integrations.network.rest import Rest, Shape, Window, segment
from integrations.network.rest_auth import Key

_NOT_FOUND = 404
_SIGHTING_S = 1800  # a client not seen for half an hour may be anywhere
_HERE = ("online", "alerting")  # the dashboard's words for a switch that it reaches
# With these the port's own VLAN applies; behind any other policy a RADIUS server may choose one.
_STATIC = (None, "Open", "MAC allow list", "Sticky MAC allow list")


class _Profile(Shape):
    enabled: bool = False


class _Port(Shape):
    enabled: bool
    type: str = Field(min_length=1, max_length=64)
    vlan: int | None = Field(default=None, ge=1, le=4094)
    voice_vlan: int | None = Field(default=None, alias="voiceVlan")
    access_policy: str | None = Field(default=None, alias="accessPolicyType", max_length=64)
    profile: _Profile | None = None


class _Rows(Shape):
    """The dashboard answers with bare lists."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, rows: Any) -> Any:
        return {"rows": rows}


class _Status(Shape):
    port: str = Field(alias="portId")
    uplink: bool = Field(default=False, alias="isUplink")


class _Statuses(_Rows):
    rows: tuple[_Status, ...]


class _Client(Shape):
    mac: str | None = None
    switchport: str | None = Field(default=None, max_length=64)
    vlan: str | int | None = None


class _Clients(_Rows):
    rows: tuple[_Client, ...]


class _Availability(Shape):
    serial: str
    mac: str
    status: str = Field(max_length=32)


class _Availabilities(_Rows):
    rows: tuple[_Availability, ...]


class _Record(Shape):
    status: str | None = None
    switch: str | None = Field(default=None, alias="recentDeviceMac")
    switchport: str | None = Field(default=None, max_length=64)


class _Found(Shape):
    records: tuple[_Record, ...] = ()


class MerakiPorts:
    """The ports of an organization's switches. See CloudPorts."""

    def __init__(self, rest: Rest, organization: str) -> None:
        self._rest = rest
        self._organization = f"/organizations/{segment(organization)}"

    async def look(
        self, managed: Managed, port: str, device: Device, window: Window
    ) -> tuple[PortState, bool, tuple[str, ...]]:
        """Raises Rejected for a trunk, an uplink, a phone, a RADIUS-governed or crowded port."""
        reading = await self._reading(managed, port, window)
        checks.access_port(reading)
        switch_mac = await self._present(managed, window)
        await self._no_uplink(managed, port, window)
        clients = await self._clients(managed, window)
        sighted, where = checks.whereabouts(
            device, managed.switch, port, _sighting(clients, device, port)
        )
        if not sighted:
            await self._not_elsewhere(device, switch_mac, window)
        return reading.state, sighted, (where,)

    async def read(self, managed: Managed, port: str, window: Window) -> PortState:
        """The port's configuration. Raises Rejected when a RADIUS server may choose the VLAN."""
        return (await self._reading(managed, port, window)).state

    async def write(
        self, managed: Managed, now: PortState, wanted: PortState, window: Window
    ) -> Followed:
        """Change the VLAN, and nothing else: what the body leaves out stays as it is."""
        del now
        await self._present(managed, window)
        path = _port_path(managed, wanted.port)
        await self._rest.write("PUT", path, window, json={"vlan": wanted.vlan})
        return partial(self._followed, managed, wanted)

    async def close(self) -> None:
        """Close every connection."""
        await self._rest.close()

    async def _reading(self, managed: Managed, port: str, window: Window) -> PortReading:
        path = _port_path(managed, port)
        answer = await self._rest.read("GET", path, window, accept=(_NOT_FOUND,))
        where = f"port {port} of switch {managed.switch.id}"
        if answer.status == _NOT_FOUND:
            raise Rejected(
                f"Meraki does not know port {port} of switch {managed.switch.id} "
                f"({managed.id}), or the API key may not see it"
            )
        found = answer.shaped(_Port)
        if found.access_policy not in _STATIC:
            raise Rejected(
                f"{where} has access policy {found.access_policy!r}: a RADIUS server may choose "
                "its VLAN, so changing the port's own proves nothing; use rung nac or radius"
            )
        if found.profile is not None and found.profile.enabled:
            raise Rejected(
                f"{where} takes its VLAN from a port profile, so it has none of its own to change"
            )
        return _as_reading(managed, port, found)

    async def _present(self, managed: Managed, window: Window) -> str:
        """The switch's MAC address. Raises Unreachable when the dashboard does not reach it."""
        path = f"{self._organization}/devices/availabilities"
        answer = await self._rest.read("GET", path, window, params={"serials[]": managed.id})
        rows = [row for row in answer.shaped(_Availabilities).rows if row.serial == managed.id]
        if not rows:
            raise Rejected(f"switch {managed.switch.id} ({managed.id}) is not in the organization")
        if rows[0].status not in _HERE:
            raise Unreachable(
                f"switch {managed.switch.id} is {rows[0].status} in the dashboard: a change would "
                "wait in the cloud; nothing was sent"
            )
        return rows[0].mac

    async def _no_uplink(self, managed: Managed, port: str, window: Window) -> None:
        path = f"/devices/{segment(managed.id)}/switch/ports/statuses"
        answer = await self._rest.read("GET", path, window)
        if any(row.port == port and row.uplink for row in answer.shaped(_Statuses).rows):
            raise Rejected(
                f"port {port} of switch {managed.switch.id} is an uplink by the dashboard's word; "
                "it is never touched"
            )

    async def _clients(self, managed: Managed, window: Window) -> tuple[_Client, ...]:
        path = f"/devices/{segment(managed.id)}/clients"
        answer = await self._rest.read("GET", path, window, params={"timespan": _SIGHTING_S})
        return answer.shaped(_Clients).rows

    async def _not_elsewhere(self, device: Device, switch_mac: str, window: Window) -> None:
        """Raises NotThere when the organization has the device online behind another device."""
        path = f"{self._organization}/clients/search"
        answer = await self._rest.read(
            "GET", path, window, params={"mac": device.mac}, accept=(_NOT_FOUND,)
        )
        if answer.status == _NOT_FOUND or not answer.content:
            return
        for record in answer.shaped(_Found).records:
            other = mac_or_none(record.switch)
            if record.status == "Online" and other not in (None, mac_or_none(switch_mac)):
                raise NotThere(
                    f"the device has moved to {other} port {record.switchport}: Meraki has "
                    f"{device.mac} online there; correct `attached` in the inventory"
                )

    async def _followed(self, managed: Managed, wanted: PortState, window: Window) -> bool:
        """Whether every client of the port is in the VLAN; a silent one cannot be waited for."""
        clients = await self._clients(managed, window)
        vlans = {str(c.vlan) for c in clients if c.switchport == wanted.port}
        return vlans <= {str(wanted.vlan)}


class MerakiQuarantine(CloudQuarantine[PortState, Meraki]):
    """Rung ``controller`` on Meraki: the port's access VLAN becomes the site's quarantine VLAN."""

    adapter = "meraki"

    def _controller(self, site: Site) -> Meraki | None:
        return site.controller if isinstance(site.controller, Meraki) else None

    def _open(self, site: Site, controller: Meraki) -> CloudPorts[PortState]:
        rest = Rest(f"Meraki of site {site.id}", controller, Key(controller.key, "Bearer "))
        return MerakiPorts(rest, controller.organization)

    def _state(self, record: JsonObject) -> PortState:
        return PortState.from_record(record)

    def _after(self, before: PortState, site: Site, controller: Meraki) -> tuple[PortState, str]:
        del controller
        checks.access_port(PortReading(before))
        vlan = site.quarantine_vlan
        after = before.model_copy(update={"vlan": vlan})
        return after, f"move VLAN {before.vlan} to quarantine VLAN {vlan}"

    def _way_back(self, before: PortState) -> str:
        return f"set the access VLAN of {before.switch} {before.port} back to {before.vlan}"


def _port_path(managed: Managed, port: str) -> str:
    return f"/devices/{segment(managed.id)}/switch/ports/{segment(port)}"


def _as_reading(managed: Managed, port: str, found: _Port) -> PortReading:
    if found.type == "access" and found.vlan is None:
        raise Rejected(
            f"port {port} of switch {managed.switch.id} has no VLAN that could be restored"
        )
    state = PortState(
        switch=managed.switch.id,
        port=port,
        mode=found.type,
        vlan=found.vlan or 0,
        admin="up" if found.enabled else "down",
    )
    return PortReading(state, voice_vlan=str(found.voice_vlan or ""))


def _sighting(clients: tuple[_Client, ...], device: Device, port: str) -> Sighting:
    seen = [(mac_or_none(c.mac), c.switchport) for c in clients if c.switchport]
    return Sighting(
        on_port=frozenset(mac for mac, where in seen if mac and where == port),
        device_at=tuple(where for mac, where in seen if mac == device.mac and where),
    )
