"""Rung ``nac``: the site's NAC takes the device's session into quarantine, wherever it hangs."""

from collections.abc import Mapping
from datetime import datetime

from firebreak.contracts.controls import Capabilities, Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device, normalize_mac
from firebreak.domain.plan import Plan
from firebreak.errors import Rejected
from integrations.network import checks
from integrations.network.nac.source import NacSource, Standing

ACTION = "network.quarantine"
RUNG = "nac"


class NacQuarantine:
    """All sites with the same kind of NAC; each kind has a control of its own.

    A state is ``{"mac": ..., **the source's record}``.

    Args:
        adapter: the kind, as in plans: ``ise``, ``packetfence``, ``clearpass``.
        sources: the NAC of each site, by site id; at least one.
    """

    def __init__(self, adapter: str, sources: Mapping[str, NacSource]) -> None:
        self._adapter = adapter
        self._sources = sources

    @property
    def capabilities(self) -> Capabilities:
        """``deadline_s`` is that of the slowest site's NAC."""
        sources = self._sources.values()
        return Capabilities(
            adapter=self._adapter,
            rung=RUNG,
            reversible=True,
            idempotent=True,
            deadline_s=max(source.deadline_s for source in sources),
            secrets=tuple(sorted({ref for source in sources for ref in source.secrets})),
        )

    def serves(self, device: Device) -> str:
        """The site must have a NAC of this kind."""
        if device.site in self._sources:
            return ""
        return f"site {device.site} has no {self._adapter}"

    async def observe(self, device: Device) -> Observation:
        """What the NAC has assigned to the device's MAC address, and how its session is.

        Raises:
            Rejected: the site has no such NAC.
            NotThere: the NAC does not know the device.
            Unreachable, AuthFailed, RateLimited: see contracts.Control.
        """
        source = self._source(device.site)
        seen = await source.look(device.mac)
        return Observation(
            target=f"{device.mac} in {source.system}",
            state={"mac": device.mac, **source.record(seen.standing)},
            evidence=(f"the inventory has {device.id} as {device.mac}", *seen.evidence),
            sighted=seen.sighted,
        )

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when what was seen is another device's or another control's."""
        source = self._source(device.site)
        mac, record = _taken_apart(seen.state)
        if mac != device.mac:
            raise Rejected(f"what was observed is about {mac}, not {device.mac}")
        before = source.standing(record)
        return Plan(
            action=ACTION,
            rung=RUNG,
            adapter=self._adapter,
            device=device.id,
            site=device.site,
            target=seen.target,
            inputs=inputs,
            before=seen.state,
            after={"mac": mac, **source.quarantined(record)},
            reversible=True,
            way_back=_way_back(source, mac, before),
            risk="low",
            summary=f"Assign {source.noun} {source.assigns} to {mac} ({device.id}) in "
            f"{source.system}: its session is taken into quarantine",
            evidence=seen.evidence,
        )

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Bring ``plan.after`` into force; writes nothing when it is already.

        Raises:
            StateDrifted: something else is assigned by now.
            Unreachable, OutcomeUnknown, AuthFailed, RateLimited, Rejected: see contracts.Control.
        """
        return await self._bring(plan, plan.before, plan.after, send_by)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Restore ``plan.before``: nothing assigned, or what somebody had assigned then.

        Raises:
            StateDrifted: something else is assigned by now; it is left as it is.
            Unreachable, OutcomeUnknown, AuthFailed, RateLimited, Rejected: see contracts.Control.
        """
        return await self._bring(plan, plan.after, plan.before, send_by)

    async def _bring(
        self, plan: Plan, source: JsonObject, target: JsonObject, send_by: datetime
    ) -> JsonObject:
        checks.own_plan(plan, self._adapter, RUNG)
        mac, known = _taken_apart(source)
        other, wanted = _taken_apart(target)
        if mac != other:
            raise Rejected("the plan's before and after are about different MAC addresses")
        reached = await self._source(plan.site).write(mac, known, wanted, send_by)
        return {"mac": mac, **reached}

    def _source(self, site: str) -> NacSource:
        if site not in self._sources:
            raise Rejected(f"site {site} has no {self._adapter}")
        return self._sources[site]


def _taken_apart(state: JsonObject) -> tuple[str, JsonObject]:
    """The MAC address of a state, and the source's record in it."""
    mac = state.get("mac")
    try:
        if isinstance(mac, str) and normalize_mac(mac) == mac:
            return mac, {name: value for name, value in state.items() if name != "mac"}
    except ValueError:
        pass  # reported below, with what is missing altogether
    raise Rejected("the plan holds no state of a NAC: it names no MAC address")


def _way_back(source: NacSource, mac: str, before: Standing) -> str:
    if before.assigned is None:
        return f"clear {source.noun} {source.assigns} from {mac} in {source.system}"
    return f"assign {source.noun} {before.assigned} to {mac} in {source.system} again"
