"""Every road that leads to a device: the controls of network.quarantine, and the search.

One control for each adapter and rung. Which of them leads to a device, each control says itself.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from firebreak.contracts.controls import AuthorizationSource, Control, Extension, Locator
from firebreak.domain.estate import (
    ClearPassNac,
    Estate,
    FreeRadiusSql,
    FreeRadiusUsers,
    IseNac,
    PacketFenceNac,
    Site,
)
from firebreak.wiring.extensions import check_names
from integrations.network.cli.controls import PortDown, SwitchQuarantine
from integrations.network.cli.finder import CliFinder
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.cloud.meraki import MerakiQuarantine
from integrations.network.cloud.mist import MistQuarantine
from integrations.network.locate import SiteLocator
from integrations.network.nac.clearpass import ClearPass
from integrations.network.nac.control import NacQuarantine
from integrations.network.nac.ise import IseAnc
from integrations.network.nac.packetfence import PacketFence
from integrations.network.nac.source import NacSource
from integrations.network.radius.cli_ports import CliPorts
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.controls import RadiusQuarantine
from integrations.network.radius.freeradius_sql import FreeRadiusSqlSource
from integrations.network.radius.freeradius_users import FreeRadiusUsersSource
from integrations.network.radius.port_down import RadiusPortDown
from integrations.network.snmp.controls import Dot1xBlock, SnmpPortDown, SnmpQuarantine
from integrations.network.snmp.finder import SnmpFinder
from integrations.network.snmp.fleet import SnmpFleet

Close = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True)
class Roads:
    """The controls by action and rung, and who finds a device. ``close`` lets go of every line."""

    controls: Mapping[tuple[str, str], Sequence[Control]]
    locator: Locator
    close: Close


def network_roads(
    estate: Estate, extensions: Sequence[Extension] = (), *, switch_deadline_s: float
) -> Roads:
    """What the estate asks for, and what extensions bring. Connects to nothing yet.

    Raises:
        DefinitionError: a host key is no public key, a CA file holds no certificate, or two
            adapters share their name and rung.
    """
    sites = {site.id: site for site in estate.sites}
    switches = {switch.id: switch for switch in estate.switches}
    cli = SwitchFleet(estate.switches, deadline_s=switch_deadline_s)
    snmp = SnmpFleet(estate.switches, deadline_s=switch_deadline_s)
    radius = DynamicAuthorization(switches)
    nacs = {site.id: nac for site in estate.sites if (nac := _nac(site)) is not None}
    ports = CliPorts(cli)
    by_session = RadiusQuarantine(radius, sites, _sources(estate, nacs), ports=ports)
    disable = RadiusPortDown(radius, ports, ports)
    clouds = (MerakiQuarantine(sites, switches), MistQuarantine(sites, switches))
    by_rung: Sequence[Control] = (
        *(control for extension in extensions for control in extension.controls),
        *_nac_controls(nacs),
        by_session,
        *clouds,
        SwitchQuarantine(cli, sites),
        SnmpQuarantine(snmp, sites),
        Dot1xBlock(snmp),
        SnmpPortDown(snmp),
        disable,
        PortDown(cli),
    )
    check_names(by_rung)
    first = [each.close for each in extensions]
    first += [each.close for each in (by_session, disable, *clouds)]  # they use those below
    last = [*(nac.close for nac in nacs.values()), radius.close, snmp.close, cli.close]
    return Roads(
        controls=_by_rung(by_rung),
        locator=SiteLocator(switches, (CliFinder(cli), SnmpFinder(snmp))),
        close=_all_of([*first, *last]),
    )


def _nac(site: Site) -> NacSource | None:
    match site.nac:
        case None:
            return None
        case IseNac():
            return IseAnc(site.id, site.nac)
        case PacketFenceNac():
            return PacketFence(site.id, site.nac)
        case ClearPassNac():
            return ClearPass(site.id, site.nac)


def _nac_controls(nacs: Mapping[str, NacSource]) -> list[Control]:
    """One control for each kind of NAC in use."""
    kinds = sorted({nac.adapter for nac in nacs.values()})
    return [
        NacQuarantine(kind, {site: nac for site, nac in nacs.items() if nac.adapter == kind})
        for kind in kinds
    ]


def _sources(estate: Estate, nacs: Mapping[str, NacSource]) -> Mapping[str, AuthorizationSource]:
    """Where each site's RADIUS server takes its answers from: its own data, or its NAC."""
    sources: dict[str, AuthorizationSource] = dict(nacs)
    for site in estate.sites:
        match site.authorization:
            case FreeRadiusUsers() as users:
                sources[site.id] = FreeRadiusUsersSource(users, site.quarantine_vlan)
            case FreeRadiusSql() as sql:
                sources[site.id] = FreeRadiusSqlSource(sql, site.quarantine_vlan)
            case None:
                pass
    return sources


def _by_rung(controls: Sequence[Control]) -> Mapping[tuple[str, str], Sequence[Control]]:
    found: dict[tuple[str, str], list[Control]] = {}
    for control in controls:
        found.setdefault(("network.quarantine", control.capabilities.rung), []).append(control)
    return found


def _all_of(closes: Sequence[Close]) -> Close:
    async def close() -> None:
        for each in closes:
            await each()

    return close
