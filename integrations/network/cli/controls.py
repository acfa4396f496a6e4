"""The two controls on a switch port: move it to the quarantine VLAN, or shut it."""

from collections.abc import Mapping
from datetime import datetime

from firebreak.contracts.controls import Capabilities, Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import Site
from firebreak.domain.plan import Plan, Risk
from firebreak.errors import Rejected
from integrations.network import checks
from integrations.network.cli.access import access
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.cli.platforms.base import Reader
from integrations.network.ports import PortReading, PortState, Sighting

ACTION = "network.quarantine"
ADAPTER = "netmiko"


class _PortControl:
    """What both controls share; each adds its target state and what it refuses."""

    rung: str
    risk: Risk

    def __init__(self, fleet: SwitchFleet) -> None:
        self._fleet = fleet

    @property
    def capabilities(self) -> Capabilities:
        """``native_timer`` holds when every switch of the fleet is one that has it (Junos)."""
        switches = self._fleet.switches.values()
        sessions = [self._fleet.session(s.id) for s in switches]
        logins = [access(s) for s in switches]
        refs = {ref for c in logins for ref in (c.password, c.enable_secret) if ref}
        return Capabilities(
            adapter=ADAPTER,
            rung=self.rung,
            reversible=True,
            idempotent=True,
            native_timer=bool(sessions) and all(s.platform.native_timer for s in sessions),
            deadline_s=self._fleet.deadline_s,
            secrets=tuple(sorted(refs)),
        )

    def serves(self, device: Device) -> str:
        """Any device that is not known to hang on a switch without a command line."""
        if device.attached is None or device.attached.switch in self._fleet.switches:
            return ""
        return f"switch {device.attached.switch} has no `cli` entry in the estate"

    async def observe(self, device: Device) -> Observation:
        """Read the port the device hangs on, and see in the MAC table that the device is on it.

        Raises:
            Rejected: the port may not be touched; says why.
            NotThere: the device hangs on another port, or nobody has said on which.
            Busy: the switch may put the port back by itself within a minute (Junos).
        """
        attached = checks.attachment(device)
        session = self._fleet.session(attached.switch)
        switch, platform = session.switch, session.platform
        checks.same_site(device, switch)
        port = platform.canonical(attached.port)
        checks.no_uplink(platform, switch, port)

        def look(shell: Reader) -> tuple[PortReading, Sighting, tuple[str, ...]]:
            reading = platform.read(shell, switch.id, port)
            return reading, platform.sight(shell, port, device.mac), self._also(shell, device)

        reading, sighting, also = await self._fleet.run(switch.id, look, self._fleet.fence())
        checks.access_port(reading)
        sighted, where = checks.whereabouts(device, switch, port, sighting)
        if session.unsaved:
            also = (*also, f"the startup configuration is behind: {session.unsaved}")
        return Observation(
            target=f"{switch.id} {port}",
            state=reading.state.record(),
            evidence=(f"{device.id} is looked for on {switch.id} {port}", where, *also),
            sighted=sighted,
        )

    def _also(self, shell: Reader, device: Device) -> tuple[str, ...]:
        del shell, device
        return ()

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Bring ``plan.after`` into force; sends nothing when it is already.

        A startup configuration that could not be written is logged and told by the next
        observation; the containment stands, so it is no failure.

        Raises:
            StateDrifted: the port is neither as planned nor as wanted.
            Unreachable, OutcomeUnknown, AuthFailed, Rejected, Busy: see contracts.Control.
        """
        return await self._bring(plan, plan.before, plan.after, send_by)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Restore ``plan.before``; sends nothing when it is already.

        Raises:
            StateDrifted: someone has changed the port since; what they did is not overwritten.
            Unreachable, OutcomeUnknown, AuthFailed, Rejected, Busy: see contracts.Control.
        """
        return await self._bring(plan, plan.after, plan.before, send_by)

    async def _bring(
        self, plan: Plan, source: JsonObject, target: JsonObject, send_by: datetime
    ) -> JsonObject:
        checks.own_plan(plan, ADAPTER, self.rung)
        known, wanted = PortState.from_record(source), PortState.from_record(target)
        session = self._fleet.session(wanted.switch)
        checks.same_port(known, wanted)
        checks.no_uplink(session.platform, session.switch, session.platform.canonical(wanted.port))
        seen = await self._fleet.change(known, wanted, send_by)
        return seen.record()

    def _plan(
        self, device: Device, inputs: JsonObject, seen: Observation, after: PortState, what: str
    ) -> Plan:
        before = PortState.from_record(seen.state)
        return Plan(
            action=ACTION,
            rung=self.rung,
            adapter=ADAPTER,
            device=device.id,
            site=device.site,
            target=seen.target,
            inputs=inputs,
            before=before.record(),
            after=after.record(),
            reversible=True,
            way_back=f"put {seen.target} back to VLAN {before.vlan}, admin {before.admin}",
            risk=self.risk,
            summary=what,
            evidence=seen.evidence,
        )


class SwitchQuarantine(_PortControl):
    """Rung ``switch``: the port's access VLAN becomes the site's quarantine VLAN."""

    rung = "switch"
    risk: Risk = "medium"

    def __init__(self, fleet: SwitchFleet, sites: Mapping[str, Site]) -> None:
        super().__init__(fleet)
        self._sites = sites

    def _also(self, shell: Reader, device: Device) -> tuple[str, ...]:
        platform = self._fleet.session(checks.attachment(device).switch).platform
        vlan = self._quarantine_vlan(device)
        if not platform.has_vlan(shell, vlan):
            raise Rejected(
                f"quarantine VLAN {vlan} is not active on the switch; create it there first"
            )
        return ()

    def _quarantine_vlan(self, device: Device) -> int:
        if device.site not in self._sites:
            raise Rejected(f"site {device.site} of device {device.id} is not in the estate")
        return self._sites[device.site].quarantine_vlan

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when the port is no access port, or an uplink."""
        before = PortState.from_record(seen.state)
        session = self._fleet.session(before.switch)
        checks.same_site(device, session.switch)
        checks.no_uplink(session.platform, session.switch, before.port)
        checks.access_port(PortReading(before))
        vlan = self._quarantine_vlan(device)
        after = session.platform.moved(before, vlan) if before.vlan != vlan else before
        what = f"Move {seen.target} ({device.id}) from VLAN {before.vlan} to quarantine VLAN {vlan}"
        return self._plan(device, inputs, seen, after, what)


class PortDown(_PortControl):
    """Rung ``port-down``: the port is shut."""

    rung = "port-down"
    risk: Risk = "high"

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when the port is no access port, or an uplink."""
        before = PortState.from_record(seen.state)
        session = self._fleet.session(before.switch)
        checks.same_site(device, session.switch)
        checks.no_uplink(session.platform, session.switch, before.port)
        checks.access_port(PortReading(before))
        after = before.model_copy(update={"admin": "down"})
        what = f"Shut {seen.target} ({device.id})"
        return self._plan(device, inputs, seen, after, what)
