"""The three controls over SNMP: another VLAN, nobody authorized on the port, the port shut."""

from collections.abc import Mapping
from datetime import datetime
from typing import Generic

from firebreak.contracts.controls import Capabilities, Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import Site, Switch
from firebreak.domain.plan import Plan, Risk
from firebreak.errors import CapabilityMissing, Rejected
from integrations.network import checks
from integrations.network.ports import PortReading, PortState, Sighting
from integrations.network.snmp.agent import Line, writable
from integrations.network.snmp.change import bring, read_at
from integrations.network.snmp.cisco import CiscoVlans
from integrations.network.snmp.fleet import SnmpFleet
from integrations.network.snmp.levers import (
    AdminStatus,
    Dot1xState,
    Lever,
    PortAccess,
    Reading,
    State,
    VlanLever,
)
from integrations.network.snmp.qbridge import BridgedPort, QBridge
from integrations.network.snmp.tables import interfaces, mac_table, neighbors

ACTION = "network.quarantine"
ADAPTER = "snmp"

_Words = tuple[str, str]  # what a plan does, and how it is undone


class _SnmpControl(Generic[State]):
    """What the controls share; each adds its lever and its target state."""

    rung: str
    risk: Risk

    def __init__(self, fleet: SnmpFleet) -> None:
        self._fleet = fleet

    def _lever(self, switch: Switch) -> Lever[State]:
        raise NotImplementedError

    def _parse(self, switch: Switch, record: JsonObject) -> State:
        raise NotImplementedError

    @property
    def capabilities(self) -> Capabilities:
        """What this rung can do; the secrets are those of every agent it may write to."""
        agents = [s.snmp for s in self._fleet.switches.values() if s.snmp and s.snmp.write]
        return Capabilities(
            adapter=ADAPTER,
            rung=self.rung,
            reversible=True,
            idempotent=True,
            deadline_s=self._fleet.deadline_s,
            secrets=tuple(sorted({ref for a in agents for ref in (a.auth_key, a.priv_key)})),
        )

    def serves(self, device: Device) -> str:
        """Any device that is not known to hang on a switch this rung can't write to."""
        if device.attached is None:
            return ""
        try:
            self._switch(device.attached.switch)
        except CapabilityMissing as error:
            return str(error)
        return ""

    def _switch(self, name: str) -> Switch:
        switch = self._fleet.switch(name)
        writable(switch)
        return switch

    async def observe(self, device: Device) -> Observation:
        """Read the port the device hangs on, and see in the MAC table that the device is on it.

        Raises:
            Rejected: the port may not be touched; says why.
            NotThere: the device hangs on another port, or nobody has said on which.
            CapabilityMissing: the agent lacks the objects, or the estate does not allow writing.
        """
        attached = checks.attachment(device)
        switch = self._switch(attached.switch)
        checks.same_site(device, switch)

        async def look(line: Line) -> tuple[State, bool, str]:
            port = await read_at(line, vlan_lever(switch), attached.port)
            checks.no_uplink(await interfaces(line), switch, port.state.port)
            checks.access_port(PortReading(port.state, port.bundle, port.voice_vlan))
            sighted, where = await _sight(line, device, switch, port.state.port)
            await self._also(line, device, port)
            seen = await read_at(line, self._lever(switch), port.state.port)
            return seen.state, sighted, where

        state, sighted, where = await self._fleet.run(switch.id, look, self._fleet.fence())
        return Observation(
            target=f"{switch.id} {state.port}",
            state=state.record(),
            evidence=(f"{device.id} is looked for on {switch.id} {state.port}", where),
            sighted=sighted,
        )

    async def _also(self, line: Line, device: Device, port: Reading[PortState]) -> None:
        """More to look at while the line is there."""

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Bring ``plan.after`` into force; sends nothing when it is already.

        Raises:
            StateDrifted: the port is neither as planned nor as wanted.
            Unreachable, OutcomeUnknown, AuthFailed, Rejected: see contracts.Control.
        """
        return await self._bring(plan, plan.before, plan.after, send_by)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Restore ``plan.before``; sends nothing when it is already.

        Raises:
            StateDrifted: someone has changed the port since; what they did is not overwritten.
            Unreachable, OutcomeUnknown, AuthFailed, Rejected: see contracts.Control.
        """
        return await self._bring(plan, plan.after, plan.before, send_by)

    async def _bring(
        self, plan: Plan, source: JsonObject, target: JsonObject, send_by: datetime
    ) -> JsonObject:
        checks.own_plan(plan, ADAPTER, self.rung)
        switch = self._switch(str(target.get("switch", "")))
        known, wanted = self._parse(switch, source), self._parse(switch, target)
        if (known.switch, known.port) != (wanted.switch, wanted.port):
            raise Rejected("the plan's before and after are about different ports")
        lever = self._lever(switch)

        async def change(line: Line) -> State:
            checks.no_uplink(await interfaces(line), switch, wanted.port)
            return await bring(line, lever, known, wanted)

        seen = await self._fleet.run(switch.id, change, self._fleet.fence(send_by))
        return seen.record()

    def _plan(
        self, device: Device, inputs: JsonObject, seen: Observation, after: State, words: _Words
    ) -> Plan:
        return Plan(
            action=ACTION,
            rung=self.rung,
            adapter=ADAPTER,
            device=device.id,
            site=device.site,
            target=seen.target,
            inputs=inputs,
            before=seen.state,
            after=after.record(),
            reversible=True,
            way_back=words[1],
            risk=self.risk,
            summary=words[0],
            evidence=seen.evidence,
        )


class SnmpQuarantine(_SnmpControl[PortState]):
    """Rung ``snmp``: the port's VLAN becomes the site's quarantine VLAN."""

    rung = "snmp"
    risk: Risk = "medium"

    def __init__(self, fleet: SnmpFleet, sites: Mapping[str, Site]) -> None:
        super().__init__(fleet)
        self._sites = sites

    def _lever(self, switch: Switch) -> VlanLever:
        return vlan_lever(switch)

    def _parse(self, switch: Switch, record: JsonObject) -> PortState:
        return vlan_lever(switch).parse(record)

    async def _also(self, line: Line, device: Device, port: Reading[PortState]) -> None:
        vlan = self._quarantine_vlan(device)
        if not await vlan_lever(line.switch).has_vlan(line, vlan):
            raise Rejected(
                f"quarantine VLAN {vlan} is not on switch {line.switch.id}; create it there first"
            )
        if isinstance(port.state, BridgedPort) and port.state.dynamic:
            raise Rejected(
                f"port {port.state.port} of switch {line.switch.id} is in VLAN "
                f"{', '.join(map(str, port.state.dynamic))} without being configured so: 802.1X or "
                "GVRP decides there, and another static VLAN would change nothing"
            )

    def _quarantine_vlan(self, device: Device) -> int:
        if device.site not in self._sites:
            raise Rejected(f"site {device.site} of device {device.id} is not in the estate")
        return self._sites[device.site].quarantine_vlan

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when the port is no access port."""
        switch = self._switch(str(seen.state.get("switch", "")))
        checks.same_site(device, switch)
        before = self._parse(switch, seen.state)
        checks.access_port(PortReading(before))
        vlan = self._quarantine_vlan(device)
        after = self._lever(switch).moved(before, vlan) if before.vlan != vlan else before
        what = f"Move {seen.target} ({device.id}) from VLAN {before.vlan} to quarantine VLAN {vlan}"
        back = f"put {seen.target} back to VLAN {before.vlan}, with the memberships it had"
        return self._plan(device, inputs, seen, after, (what, back))


class SnmpPortDown(_SnmpControl[PortState]):
    """Rung ``snmp-port-down``: the port is shut."""

    rung = "snmp-port-down"
    risk: Risk = "high"

    def _lever(self, switch: Switch) -> Lever[PortState]:
        return AdminStatus(vlan_lever(switch))

    def _parse(self, switch: Switch, record: JsonObject) -> PortState:
        del switch
        return PortState.from_record(record)

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when the port is no access port."""
        switch = self._switch(str(seen.state.get("switch", "")))
        checks.same_site(device, switch)
        before = self._parse(switch, seen.state)
        checks.access_port(PortReading(before))
        after = before.model_copy(update={"admin": "down"})
        words = f"Shut {seen.target} ({device.id})", f"set {seen.target} to admin {before.admin}"
        return self._plan(device, inputs, seen, after, words)


class Dot1xBlock(_SnmpControl[Dot1xState]):
    """Rung ``dot1x``: the port authorizes nobody, whatever the device says."""

    rung = "dot1x"
    risk: Risk = "high"

    def _switch(self, name: str) -> Switch:
        switch = super()._switch(name)
        if not writable(switch).dot1x:
            raise CapabilityMissing(f"the estate does not say `dot1x: true` for switch {name}")
        return switch

    def _lever(self, switch: Switch) -> Lever[Dot1xState]:
        del switch
        return PortAccess()

    def _parse(self, switch: Switch, record: JsonObject) -> Dot1xState:
        del switch
        return Dot1xState.from_record(record)

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when the observation is not of an 802.1X port."""
        switch = self._switch(str(seen.state.get("switch", "")))
        checks.same_site(device, switch)
        before = self._parse(switch, seen.state)
        after = before.model_copy(update={"control": "force-unauthorized", "open": False})
        what = f"Let nobody in on {seen.target} ({device.id}), which 802.1X has on {before.control}"
        back = f"put 802.1X of {seen.target} back to {before.control} and authenticate again"
        return self._plan(device, inputs, seen, after, (what, back))


def vlan_lever(switch: Switch) -> VlanLever:
    """How the switch's ports are moved between VLANs, by the estate."""
    return CiscoVlans() if writable(switch).vlan_by == "cisco" else QBridge()


async def _sight(line: Line, device: Device, switch: Switch, port: str) -> tuple[bool, str]:
    """Whether the device is on the port, and the evidence. Raises Rejected, NotThere."""
    ports = await interfaces(line)
    rows = await mac_table(line, ports)
    others = await neighbors(line, ports, rows)
    if port in others:
        raise Rejected(
            f"port {port} of switch {switch.id} leads to {others[port]}, which forwards frames "
            "(LLDP); name it under `uplinks`"
        )
    on_port = frozenset(row.mac for row in rows if row.port == port)
    elsewhere = sorted({row.port for row in rows if row.mac == device.mac})
    return checks.whereabouts(device, switch, port, Sighting(on_port, tuple(elsewhere)))
