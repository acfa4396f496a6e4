"""Rung ``radius-port-down``: the NAS shuts the port that carries the session (Cisco, Dell).

RADIUS can shut a port and cannot bring it up again, so another road must; and since a whole port
goes down, another road must say first who else hangs on it.
"""

import asyncio
from datetime import datetime

from firebreak.contracts.controls import Capabilities, Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device, normalize_mac
from firebreak.domain.estate import RadiusAccess
from firebreak.domain.plan import Plan
from firebreak.errors import (
    CapabilityMissing,
    FirebreakError,
    NotThere,
    OutcomeUnknown,
    Rejected,
    StateDrifted,
)
from integrations.network import checks, clock
from integrations.network.ports import PortReading, PortState
from integrations.network.radius import requests
from integrations.network.radius.client import DynamicAuthorization, access
from integrations.network.radius.controls import ACTION, ADAPTER, DEADLINE_S
from integrations.network.radius.fence import Fence, Turns
from integrations.network.radius.replies import accepted, listening, refusal
from integrations.network.radius.witness import PortReader, PortReviver

_POLL_S = 0.2


class RadiusPortDown:
    """Shuts one device's own port by ``disable-host-port``.

    Args:
        client: asks the NASes.
        ports: reads the port over another road, before and after.
        reviver: brings it up again; with none, what this control does cannot be undone by it.
        deadline_s: bounds one apply or revert.
    """

    rung = "radius-port-down"

    def __init__(
        self,
        client: DynamicAuthorization,
        ports: PortReader,
        reviver: PortReviver | None = None,
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._client = client
        self._ports = ports
        self._reviver = reviver
        self._deadline_s = deadline_s
        self._turns = Turns()

    @property
    def capabilities(self) -> Capabilities:
        """Reversible when somebody can bring a port up again."""
        return Capabilities(
            adapter=ADAPTER,
            rung=self.rung,
            reversible=self._reviver is not None,
            idempotent=True,
            deadline_s=self._deadline_s,
            secrets=tuple(sorted({*self._client.secrets, *self._ports.secrets})),
        )

    def serves(self, device: Device) -> str:
        """A switch that takes the command, and whose ports can be read over another road."""
        if device.attached is None:
            return ""
        switch = device.attached.switch
        try:
            self._nas(switch)
        except CapabilityMissing as error:
            return str(error)
        if not self._ports.reads(switch):
            return f"nothing here reads the ports of switch {switch} to see who else hangs on one"
        return ""

    def _nas(self, switch: str) -> RadiusAccess:
        nas = access(self._client.switches, switch)
        if not nas.disable_port:
            raise CapabilityMissing(
                f"switch {switch} is not said to take disable-host-port (`disable_port: true`)"
            )
        return nas

    async def observe(self, device: Device) -> Observation:
        """Read the port over the other road, and see that the NAS takes the command.

        Raises:
            NotThere: the device is not seen on the port, so the NAS might shut another one.
            Rejected: the port may not be touched; says why.
            Unreachable: the NAS or the other road does not answer.
        """
        switch = checks.attachment(device).switch
        nas = self._nas(switch)
        fence = Fence.of(self._deadline_s)

        async def look() -> Observation:
            seen = await fence.read(f"switch {switch}", self._ports.observe(device))
            if not seen.sighted and PortState.from_record(seen.state).admin == "up":
                raise NotThere(
                    f"{device.mac} is not seen on {seen.target}; the NAS shuts the port of its "
                    "session, which may be another one"
                )
            listens = await self._listens(switch, nas, fence)
            return Observation(
                target=seen.target,
                state={**seen.state, "mac": device.mac},
                evidence=(*seen.evidence, listens),
                sighted=seen.sighted,
            )

        return await self._turns.take(f"{switch} {device.mac}", fence, look)

    async def _listens(self, switch: str, nas: RadiusAccess, fence: Fence) -> str:
        nobody = requests.shut(nas, requests.NOBODY)
        reply = await self._client.ask(switch, nobody, fence)
        return listening(f"NAS {switch}", nobody, reply)

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when the port is no access port, or an uplink."""
        before, mac = _parts(seen.state)
        switch = self._client.switches[before.switch]
        checks.same_site(device, switch)
        checks.access_port(PortReading(before))
        after = before.model_copy(update={"admin": "down"})
        back = f"bring {seen.target} up again over another road"
        alas = "; it CANNOT be undone from here, somebody has to enable the port on the switch"
        return Plan(
            action=ACTION,
            rung=self.rung,
            adapter=ADAPTER,
            device=device.id,
            site=device.site,
            target=seen.target,
            inputs=inputs,
            before=_record(before, mac),
            after=_record(after, mac),
            reversible=self._reviver is not None,
            way_back=back if self._reviver else None,
            risk="high",
            summary=f"Have NAS {before.switch} shut the port of {device.id}, {seen.target}"
            + ("" if self._reviver else alas),
            evidence=seen.evidence,
        )

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Have the port shut, and read it over the other road.

        Raises:
            StateDrifted: the port is neither as planned nor as wanted.
            OutcomeUnknown: the NAS fell silent, or the port is not seen to be down.
            NotThere, Rejected, CapabilityMissing, RateLimited: the NAS refused; nothing changed.
        """
        known, wanted, mac = self._ends(plan)
        fence = Fence.of(self._deadline_s, send_by)
        return await self._turns.take(
            f"{wanted.switch} {mac}", fence, lambda: self._shut(known, wanted, mac, fence)
        )

    async def _shut(
        self, known: PortState, wanted: PortState, mac: str, fence: Fence
    ) -> JsonObject:
        nas = self._nas(wanted.switch)
        now = await self._read(wanted, fence)
        if now == wanted:
            return _record(now, mac)
        if now != known:
            raise StateDrifted(
                f"port {wanted.port} of switch {wanted.switch} is {now.record()}; the plan knows "
                f"{known.record()} and wants {wanted.record()}"
            )
        fence.check()
        await self._listens(wanted.switch, nas, fence)
        fence.check()
        request = requests.shut(nas, mac)
        reply = await self._client.ask(wanted.switch, request, fence)
        if not accepted(reply):
            raise refusal(f"NAS {wanted.switch}", request, reply)
        return _record(await self._seen_down(wanted, nas, fence), mac)

    async def _read(self, about: PortState, fence: Fence) -> PortState:
        look = self._ports.read(about.record())
        return PortState.from_record(await fence.read(f"switch {about.switch}", look))

    async def _seen_down(self, wanted: PortState, nas: RadiusAccess, fence: Fence) -> PortState:
        """The port over the other road. One that stays up may mean that another is down."""
        end = clock.now() + min(nas.settle_s, fence.left_s)
        where = f"NAS {wanted.switch} agreed to shut the port"
        while True:
            try:
                now = await self._read(wanted, fence)
            except FirebreakError as error:
                raise OutcomeUnknown(f"{where}, and it cannot be read back: {error}") from error
            if now == wanted:
                return now
            if clock.now() + _POLL_S > end:
                raise OutcomeUnknown(f"{where} of the session, and {wanted.port} is {now.record()}")
            await asyncio.sleep(_POLL_S)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Bring the port up again over the other road.

        Raises:
            CapabilityMissing: no other road can.
            StateDrifted: someone has changed the port since; what they did is not overwritten.
            Unreachable, OutcomeUnknown, AuthFailed, Rejected, Busy: see contracts.Control.
        """
        known, wanted, mac = self._ends(plan)
        if self._reviver is None:
            raise CapabilityMissing(f"nothing here can bring {plan.target} up again")
        reviver = self._reviver
        back, down = known.record(), wanted.record()
        fence = Fence.of(self._deadline_s, send_by)

        async def revive() -> JsonObject:
            written = reviver.write(down, back, fence.until)
            return await fence.write(f"switch {wanted.switch}", written)

        found = await self._turns.take(f"{wanted.switch} {mac}", fence, revive)
        return {**found, "mac": mac}

    def _ends(self, plan: Plan) -> tuple[PortState, PortState, str]:
        """``(before, after, mac)`` of a plan of this control."""
        checks.own_plan(plan, ADAPTER, self.rung)
        (known, mac), (wanted, other) = _parts(plan.before), _parts(plan.after)
        checks.same_port(known, wanted)
        if mac != other:
            raise Rejected("the plan's before and after are about different devices")
        return known, wanted, mac

    async def close(self) -> None:
        """Wait for what is under way, each within its deadline. The client is the caller's."""
        await self._turns.close()


def _record(port: PortState, mac: str) -> JsonObject:
    return {**port.record(), "mac": mac}


def _parts(record: JsonObject) -> tuple[PortState, str]:
    """``(port, mac)``; raises Rejected when the plan was not made by this control."""
    port = {name: value for name, value in record.items() if name != "mac"}
    try:
        mac = normalize_mac(str(record.get("mac")))
    except ValueError as error:
        raise Rejected(f"the plan names no session: {error}") from error
    return PortState.from_record(port), mac
