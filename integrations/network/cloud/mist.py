"""Juniper Mist: a port usage (profile) for one port, as a local override of its configuration.

Source: Mist's OpenAPI description (getSiteDevice, updateSiteLocalSwitchPortConfig,
deleteSiteLocalSwitchPortConfig, getSiteDeviceStats, getSiteSettingDerived, searchSiteWiredClients,
searchSiteSwOrGwPorts). The overrides of a switch are written in one piece, all of them.
"""

from functools import partial
from typing import Self

from pydantic import Field, ValidationError

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Device, Slug
from firebreak.domain.estate import Mist, Site
from firebreak.errors import NotThere, Rejected, StateDrifted, Unreachable
from integrations.network import checks
from integrations.network.cloud.control import CloudQuarantine
from integrations.network.cloud.mist_config import (
    Derived,
    PortMap,
    SwitchConfig,
    check_port,
    check_usage,
    override_of,
)
from integrations.network.cloud.ports import CloudPorts, Followed, Managed
from integrations.network.cloud.sightings import mac_or_none
from integrations.network.ports import Sighting
from integrations.network.rest import Rest, Shape, Window, segment
from integrations.network.rest_auth import Key

_SIGHTING = "30m"  # a client not seen for half an hour may be anywhere
# What an override keeps of one that stood before: the link, not the network.
_LINK = ("speed", "duplex", "disable_autoneg", "poe_disabled", "mtu", "description", "disabled")


class PortOverride(Model):
    """The state record: the port's own local override, None when it has none."""

    switch: Slug
    port: str = Field(min_length=1, max_length=64)
    override: JsonObject | None

    def record(self) -> JsonObject:
        """The record that stands in plans and observations."""
        return self.model_dump(mode="json")

    @classmethod
    def from_record(cls, record: JsonObject) -> Self:
        """Read a plan's record back.

        Raises:
            Rejected: the plan was not made by this control.
        """
        try:
            return cls.model_validate(record)
        except ValidationError as error:
            raise Rejected("the plan holds no Mist port override") from error


class _Stats(Shape):
    mac: str
    status: str = Field(default="unknown", max_length=32)
    config_timestamp: float | None = None


class _Sight(Shape):
    device_mac: str | None = None
    port_id: str | None = Field(default=None, max_length=64)
    when: str = ""


class _Client(Shape):
    mac: str | None = None
    device_mac: tuple[str, ...] = ()
    port_id: tuple[str, ...] = ()
    device_mac_port: tuple[_Sight, ...] = ()


class _Clients(Shape):
    results: tuple[_Client, ...]


class _PortStats(Shape):
    port_id: str = Field(max_length=64)


class _Ports(Shape):
    results: tuple[_PortStats, ...]


class MistPorts:
    """The ports of one Mist site's switches. See CloudPorts."""

    def __init__(self, rest: Rest, controller: Mist, quarantine_vlan: int) -> None:
        self._rest = rest
        self._site = f"/api/v1/sites/{segment(controller.site_id)}"
        self._usage = controller.quarantine_usage
        self._vlan = quarantine_vlan

    async def look(
        self, managed: Managed, port: str, device: Device, window: Window
    ) -> tuple[PortOverride, bool, tuple[str, ...]]:
        """Raises Rejected for a trunk, a bundle, a phone, a crowded port or an unfit usage."""
        stats = await self._present(managed, window)
        await self._known(managed, port, stats, window)
        config = await self._config(managed, window)
        answer = await self._rest.read("GET", f"{self._site}/setting/derived", window)
        derived = answer.shaped(Derived)
        check_port(config, derived, managed.switch.id, port)
        check_usage(config, derived, self._usage, self._vlan)
        sighting = await self._sighting(port, device, stats, window)
        sighted, where = checks.whereabouts(device, managed.switch, port, sighting)
        return _state(managed, port, config), sighted, (where,)

    async def read(self, managed: Managed, port: str, window: Window) -> PortOverride:
        """The port's override."""
        return _state(managed, port, await self._config(managed, window))

    async def write(
        self, managed: Managed, now: PortOverride, wanted: PortOverride, window: Window
    ) -> Followed:
        """Replace all overrides of the switch by the same ones, but for this port's.

        Mist knows no condition on the write: an override that someone sets in the moment between
        reading and writing is lost.
        """
        stats = await self._present(managed, window)
        config = await self._config(managed, window)
        if _state(managed, wanted.port, config) != now:
            raise StateDrifted(
                f"{managed.switch.id} {wanted.port} was changed this moment; nothing was sent"
            )
        overrides: PortMap = dict(config.local_port_config or {})
        overrides.pop(wanted.port, None)
        if wanted.override is not None:
            overrides[wanted.port] = wanted.override
        path = f"{self._device(managed)}/local_port_config"
        if overrides:
            await self._rest.write("PUT", path, window, json=dict(overrides))
        else:
            await self._rest.write("DELETE", path, window)
        return partial(self._followed, managed, stats.config_timestamp)

    async def close(self) -> None:
        """Close every connection."""
        await self._rest.close()

    def _device(self, managed: Managed) -> str:
        return f"{self._site}/devices/{segment(managed.id)}"

    async def _config(self, managed: Managed, window: Window) -> SwitchConfig:
        answer = await self._rest.read("GET", self._device(managed), window)
        return answer.shaped(SwitchConfig)

    async def _stats(self, managed: Managed, window: Window) -> _Stats:
        path = f"{self._site}/stats/devices/{segment(managed.id)}"
        return (await self._rest.read("GET", path, window)).shaped(_Stats)

    async def _present(self, managed: Managed, window: Window) -> _Stats:
        """Raises Unreachable when the cloud does not reach the switch."""
        stats = await self._stats(managed, window)
        if stats.status != "connected":
            raise Unreachable(
                f"switch {managed.switch.id} is {stats.status} in Mist: a change would wait in the "
                "cloud; nothing was sent"
            )
        return stats

    async def _known(self, managed: Managed, port: str, stats: _Stats, window: Window) -> None:
        """Mist takes an override for any name, so a port that is not there is refused here."""
        path = f"{self._site}/stats/ports/search"
        query: dict[str, str | int] = {"mac": _bare(stats.mac), "port_id": port, "limit": 10}
        answer = await self._rest.read("GET", path, window, params=query)
        if all(row.port_id != port for row in answer.shaped(_Ports).results):
            raise Rejected(f"Mist does not know port {port} of switch {managed.switch.id}")

    async def _clients(self, window: Window, **query: str) -> tuple[_Client, ...]:
        path = f"{self._site}/wired_clients/search"
        params: dict[str, str | int] = {"duration": _SIGHTING, "limit": 100, **query}
        answer = await self._rest.read("GET", path, window, params=params)
        return answer.shaped(_Clients).results

    async def _sighting(self, port: str, device: Device, stats: _Stats, window: Window) -> Sighting:
        """Raises NotThere when the site has the device on another switch, or on several ports."""
        here = mac_or_none(stats.mac)
        places = {
            place
            for client in await self._clients(window, mac=_bare(device.mac))
            if mac_or_none(client.mac) == device.mac
            for place in _places(client)
        }
        elsewhere = any(switch != here for switch, _ in places)
        if elsewhere or len(places) > 1:
            named = ", ".join(f"{switch} port {where}" for switch, where in sorted(places))
            raise NotThere(
                f"the device has moved to {named}: Mist has {device.mac} there; correct `attached` "
                "in the inventory"
            )
        on_port = await self._clients(window, device_mac=_bare(stats.mac), port_id=port)
        return Sighting(
            on_port=frozenset(
                mac
                for client in on_port
                if (here or "", port) in _places(client) and (mac := mac_or_none(client.mac))
            ),
            device_at=tuple(sorted(where for _, where in places)),
        )

    async def _followed(self, managed: Managed, before: float | None, window: Window) -> bool:
        """Whether the switch has committed a configuration since (unconfirmed: what it counts)."""
        after = (await self._stats(managed, window)).config_timestamp
        return before is None or after is None or after > before


class MistQuarantine(CloudQuarantine[PortOverride, Mist]):
    """Rung ``controller`` on Mist: the port gets the quarantine usage as a local override."""

    adapter = "mist"

    def _controller(self, site: Site) -> Mist | None:
        return site.controller if isinstance(site.controller, Mist) else None

    def _open(self, site: Site, controller: Mist) -> CloudPorts[PortOverride]:
        rest = Rest(f"Mist of site {site.id}", controller, Key(controller.token, "Token "))
        return MistPorts(rest, controller, site.quarantine_vlan)

    def _state(self, record: JsonObject) -> PortOverride:
        return PortOverride.from_record(record)

    def _after(
        self, before: PortOverride, site: Site, controller: Mist
    ) -> tuple[PortOverride, str]:
        del site
        what = f"override the usage with {controller.quarantine_usage!r}"
        stands = before.override or {}
        if stands.get("usage") == controller.quarantine_usage:
            return before, what
        kept = {name: stands[name] for name in _LINK if name in stands}
        override = {**kept, "usage": controller.quarantine_usage}
        return before.model_copy(update={"override": override}), what

    def _way_back(self, before: PortOverride) -> str:
        what = "remove" if before.override is None else "restore"
        return f"{what} the local override of {before.switch} {before.port}"


def _state(managed: Managed, port: str, config: SwitchConfig) -> PortOverride:
    override = override_of(config.local_port_config or {}, port)
    return PortOverride(switch=managed.switch.id, port=port, override=override)


def _places(client: _Client) -> set[tuple[str, str]]:
    """Where the client was seen last, else everywhere it was seen."""
    sights = [
        (s.when, mac, s.port_id)
        for s in client.device_mac_port
        if s.port_id and (mac := mac_or_none(s.device_mac))
    ]
    if sights:
        _, switch, port = max(sights)
        return {(switch, port)}
    switches = [mac for text in client.device_mac if (mac := mac_or_none(text))]
    return {(switch, port) for switch in switches for port in client.port_id}


def _bare(mac: str) -> str:
    """As Mist writes an address: twelve digits."""
    return mac.replace(":", "")
