"""Rung ``radius``: one session goes to quarantine; its port and its neighbors are left alone."""

from collections.abc import Mapping
from datetime import datetime

from firebreak.contracts.controls import AuthorizationSource, Capabilities, Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import RadiusAccess, Site
from firebreak.domain.plan import Plan
from firebreak.errors import CapabilityMissing, FirebreakError, Rejected
from integrations.network import checks
from integrations.network.radius.by_coa import ByCoa
from integrations.network.radius.by_policy import ByPolicy
from integrations.network.radius.client import DynamicAuthorization, access
from integrations.network.radius.fence import Fence, Turns
from integrations.network.radius.session import Change, SessionState, Way, alive
from integrations.network.radius.witness import PortReader, SessionWitness

ACTION = "network.quarantine"
ADAPTER = "radius"
DEADLINE_S = 30.0

_MEANS = {
    "disconnect": "disconnect the session",
    "reauthenticate": "have the session authenticate again",
    "bounce-port": "bounce the port",
}


class RadiusQuarantine:
    """Moves a session by the site's authorization source, or by CoA where a witness sees it.

    Args:
        client: asks the NASes.
        sites: by id, for their quarantine VLAN.
        sources: the authorization source of each site that has one, by site id.
        witness: sees sessions; with none, the source is read back and the independent probe says
            whether the session has followed.
        ports: sees how many devices hang on a port; needed before a port is bounced.
        deadline_s: bounds one apply or revert.
    """

    rung = "radius"

    def __init__(
        self,
        client: DynamicAuthorization,
        sites: Mapping[str, Site],
        sources: Mapping[str, AuthorizationSource],
        *,
        witness: SessionWitness | None = None,
        ports: PortReader | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._client = client
        self._sites = sites
        self._sources = sources
        self._witness = witness
        self._ports = ports
        self._deadline_s = deadline_s
        self._turns = Turns()
        self._by_policy = {
            site: ByPolicy(client, source, witness) for site, source in sources.items()
        }
        self._by_coa = None if witness is None else ByCoa(client, witness)

    @property
    def capabilities(self) -> Capabilities:
        """The source is put back and the session asks again: reversible, by state idempotent."""
        refs = {ref for source in self._sources.values() for ref in source.secrets}
        return Capabilities(
            adapter=ADAPTER,
            rung=self.rung,
            reversible=True,
            idempotent=True,
            deadline_s=self._deadline_s,
            secrets=tuple(sorted(refs.union(self._client.secrets))),
        )

    def serves(self, device: Device) -> str:
        """Any device that is not known to hang where RADIUS does not reach."""
        if device.attached is None:
            return ""
        switch = device.attached.switch
        try:
            nas = access(self._client.switches, switch)
            self._way(device.site, switch, nas)
        except CapabilityMissing as error:
            return str(error)
        if nas.reauthenticate == "bounce-port" and not self._reads_ports(switch):
            return f"switch {switch} bounces ports, and nothing here reads who else hangs on them"
        return ""

    async def observe(self, device: Device) -> Observation:
        """Read what the device is authorized for, and see that its NAS listens.

        The NAS is asked for the same change of a session that cannot be. ``sighted`` is False
        unless a witness sees the session: RADIUS cannot ask a NAS whether it has one.

        Raises:
            NotThere: nobody has said on which switch the device hangs.
            Unreachable: the NAS or the source does not answer.
            Rejected, CapabilityMissing: the NAS would refuse, or the port may not be bounced.
        """
        switch = checks.attachment(device).switch
        nas = access(self._client.switches, switch)
        checks.same_site(device, self._client.switches[switch])
        way = self._way(device.site, switch, nas)
        fence = Fence.of(self._deadline_s)
        change = _look(switch, device.mac, nas, self._site(device.site).quarantine_vlan, fence)

        async def look() -> Observation:
            state = await way.read(switch, device.mac, fence)
            listens = await alive(self._client, way, change)
            sighted, session = await self._session(change)
            return Observation(
                target=f"{switch} session {device.mac}",
                state=state.record(),
                evidence=(
                    f"{device.id} is looked for on NAS {switch} as {device.mac}",
                    listens,
                    *session,
                    *await self._bounced(device, nas),
                ),
                sighted=sighted,
            )

        return await self._turns.take(device.mac, fence, look)

    async def _session(self, change: Change) -> tuple[bool, tuple[str, ...]]:
        """What the witness makes of it; a witness that fails is no reason not to act."""
        if self._witness is None or not self._witness.covers(change.switch):
            return False, ()
        try:
            seen = self._witness.vlan(change.switch, change.mac)
            vlan = await change.fence.read(change.where, seen)
        except FirebreakError as error:
            return False, (f"the session could not be looked at: {error}",)
        if vlan is None:
            return False, (f"no session of {change.mac} is seen on {change.where}",)
        return True, (f"the session of {change.mac} on {change.where} is in VLAN {vlan}",)

    async def _bounced(self, device: Device, nas: RadiusAccess) -> tuple[str, ...]:
        """Whatever else hangs on a port goes down with it when it is bounced."""
        if nas.reauthenticate != "bounce-port":
            return ()
        if self._ports is None:
            raise CapabilityMissing("nothing here reads how many devices hang on a port")
        return (await self._ports.observe(device)).evidence

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """See contracts.Control.plan. Raises CapabilityMissing when the road is gone."""
        before = SessionState.from_record(seen.state)
        nas = access(self._client.switches, before.switch)
        vlan = self._site(device.site).quarantine_vlan
        after = self._way(device.site, before.switch, nas).quarantined(before, vlan)
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
            way_back=_way_back(before, nas),
            risk="medium" if nas.reauthenticate == "bounce-port" else "low",
            summary=_summary(device, before, nas, vlan),
            evidence=seen.evidence,
        )

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Bring ``plan.after`` into force: the source first, then the session.

        A session that a witness sees elsewhere stands as ``vlan`` in what is returned, which is
        then not ``plan.after``.

        Raises:
            StateDrifted: somebody else has changed the authorization since.
            OutcomeUnknown: the NAS fell silent after the source was changed.
            NotThere, Rejected, CapabilityMissing, RateLimited: the NAS refused; all is as before.
        """
        return await self._bring(plan, plan.before, plan.after, send_by, into=True)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Restore ``plan.before``, and have the session ask again.

        A device without a session on the NAS authenticates anew wherever it comes: nothing is left
        to be done for it.

        Raises: see ``apply``.
        """
        return await self._bring(plan, plan.after, plan.before, send_by, into=False)

    async def _bring(
        self, plan: Plan, source: JsonObject, target: JsonObject, send_by: datetime, *, into: bool
    ) -> JsonObject:
        checks.own_plan(plan, ADAPTER, self.rung)
        known, wanted = SessionState.from_record(source), SessionState.from_record(target)
        if (known.switch, known.mac) != (wanted.switch, wanted.mac):
            raise Rejected("the plan's before and after are about different sessions")
        nas = access(self._client.switches, wanted.switch)
        way = self._way_of(plan.site, wanted)
        fence = Fence.of(self._deadline_s, send_by)
        vlan = self._site(plan.site).quarantine_vlan
        change = Change(known, wanted, nas, vlan, into, fence)
        seen = await self._turns.take(wanted.mac, fence, lambda: way.bring(change))
        return seen.record()

    def _way(self, site: str, switch: str, nas: RadiusAccess) -> Way:
        """The site's source; without one, CoA alone where it can be seen."""
        policy = self._by_policy.get(site)
        if policy is not None:
            return policy
        if nas.vlan == "policy":
            raise CapabilityMissing(
                f"site {site} has no `authorization`, which `vlan: policy` needs"
            )
        if self._by_coa is None or self._witness is None or not self._witness.covers(switch):
            raise CapabilityMissing(
                f"nothing here sees the sessions of switch {switch}, and site {site} has no "
                "`authorization`: a change by CoA could not be read back"
            )
        return self._by_coa

    def _way_of(self, site: str, state: SessionState) -> Way:
        """The way a plan was made for."""
        if state.authorized is None:
            if self._by_coa is None:
                raise CapabilityMissing("nothing here sees sessions any more")
            return self._by_coa
        way = self._by_policy.get(site)
        if way is None or self._sources[site].adapter != state.source:
            raise CapabilityMissing(f"site {site} has no authorization source {state.source} here")
        return way

    def _site(self, site: str) -> Site:
        if site not in self._sites:
            raise Rejected(f"site {site} is not in the estate")
        return self._sites[site]

    def _reads_ports(self, switch: str) -> bool:
        return self._ports is not None and self._ports.reads(switch)

    async def close(self) -> None:
        """Wait for what is under way, each within its deadline. The client is the caller's."""
        await self._turns.close()


def _look(switch: str, mac: str, nas: RadiusAccess, vlan: int, fence: Fence) -> Change:
    """A change of nothing: what a look has in common with one."""
    state = SessionState(switch=switch, mac=mac)
    return Change(state, state, nas, vlan, into=True, fence=fence)


def _summary(device: Device, before: SessionState, nas: RadiusAccess, vlan: int) -> str:
    session = f"the session of {device.id} ({before.mac}) on {before.switch}"
    if before.authorized is None:
        return f"Move {session} from VLAN {before.vlan} to quarantine VLAN {vlan}, while it lasts"
    then = f"move it to VLAN {vlan} by CoA" if nas.vlan == "coa" else _MEANS[nas.reauthenticate]
    return f"Authorize {session} for quarantine in {before.source}, then {then}"


def _way_back(before: SessionState, nas: RadiusAccess) -> str:
    if before.authorized is None:
        return f"move the session back to VLAN {before.vlan}"
    return f"put back what {before.source} had for {before.mac}, then {_MEANS[nas.reauthenticate]}"
