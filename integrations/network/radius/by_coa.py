"""Quarantine by the session alone: Tunnel-* in a CoA-Request, seen by a witness.

It lasts as long as the session: a device that authenticates again gets what the server says.
"""

from firebreak.domain.estate import RadiusAccess
from firebreak.errors import NotThere, StateDrifted
from integrations.network.radius import requests
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.fence import Fence
from integrations.network.radius.packets import Request
from integrations.network.radius.replies import accepted, refusal
from integrations.network.radius.session import Change, SessionState, alive, read_back, until
from integrations.network.radius.witness import SessionWitness


class ByCoa:
    """The NASes whose sessions a witness sees."""

    def __init__(self, client: DynamicAuthorization, witness: SessionWitness) -> None:
        self._client = client
        self._witness = witness

    async def read(self, switch: str, mac: str, fence: Fence) -> SessionState:
        """Where the witness sees the session. Raises NotThere when it sees none."""
        vlan = await fence.read(f"NAS {switch}", self._witness.vlan(switch, mac))
        if vlan is None:
            raise NotThere(f"NAS {switch} has no session of {mac}")
        return SessionState(switch=switch, mac=mac, vlan=vlan)

    def quarantined(self, before: SessionState, vlan: int) -> SessionState:
        """The session in the quarantine VLAN."""
        return before.model_copy(update={"vlan": vlan})

    def request(self, nas: RadiusAccess, mac: str, vlan: int, *, into: bool) -> Request:
        """Tunnel-* both ways."""
        del into
        return requests.move(nas, mac, vlan)

    async def bring(self, change: Change) -> SessionState:
        """See Way.bring.

        Raises:
            StateDrifted: the session is in another VLAN by now.
            NotThere, Rejected, CapabilityMissing, RateLimited: the NAS refused; nothing changed.
            OutcomeUnknown: the NAS fell silent, or the session cannot be seen any more.
        """
        now = await self.read(change.switch, change.mac, change.fence)
        if now == change.wanted:
            return now
        if now != change.known:
            raise StateDrifted(
                f"the session of {change.mac} is in VLAN {now.vlan}; the plan knows "
                f"{change.known.vlan} and wants {change.wanted.vlan}"
            )
        change.fence.check()
        await alive(self._client, self, change)
        change.fence.check()
        request = requests.move(change.nas, change.mac, change.wanted.vlan or change.vlan)
        reply = await self._client.ask(change.switch, request, change.fence)
        if not accepted(reply):
            raise refusal(change.where, request, reply)
        return await read_back(self._settled(change))

    async def _settled(self, change: Change) -> SessionState:
        await until(self._witness, change, lambda vlan: vlan == change.wanted.vlan)
        return await self.read(change.switch, change.mac, change.fence)
