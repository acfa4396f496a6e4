"""Quarantine by policy: change what the RADIUS server answers, then have the session ask again.

Two systems are changed, one after the other. The NAS shows first that it listens; when it then
refuses, the source is put back; when it falls silent, nobody knows, and that is what is said.
"""

import asyncio

from firebreak.contracts.controls import AuthorizationSource
from firebreak.domain.base import JsonObject
from firebreak.domain.estate import RadiusAccess
from firebreak.errors import FirebreakError, OutcomeUnknown, Unreachable
from integrations.network.radius import requests
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.fence import Fence
from integrations.network.radius.packets import Request
from integrations.network.radius.replies import accepted, no_session, refusal
from integrations.network.radius.session import Change, SessionState, alive, read_back, until
from integrations.network.radius.witness import SessionWitness


class ByPolicy:
    """One authorization source, and the NASes whose RADIUS server asks it."""

    def __init__(
        self,
        client: DynamicAuthorization,
        source: AuthorizationSource,
        witness: SessionWitness | None,
    ) -> None:
        self._client = client
        self._source = source
        self._witness = witness
        # MAC addresses whose source was changed and whose session may not have followed. What a
        # dead process knew of them, the independent probe finds out.
        self._loose: set[str] = set()

    async def read(self, switch: str, mac: str, fence: Fence) -> SessionState:
        """What the source says. Raises what its ``read`` does."""
        found = await fence.read(self._source.adapter, self._source.read(mac))
        return SessionState(switch=switch, mac=mac, source=self._source.adapter, authorized=found)

    def quarantined(self, before: SessionState, vlan: int) -> SessionState:
        """The source knows its own way to quarantine; it has the VLAN from the estate."""
        del vlan
        wanted = self._source.quarantined(before.authorized or {})
        return before.model_copy(update={"authorized": wanted})

    def request(self, nas: RadiusAccess, mac: str, vlan: int, *, into: bool) -> Request:
        """Into quarantine by Tunnel-* where the NAS takes them; out of it by asking the server."""
        if into and nas.vlan == "coa":
            return requests.move(nas, mac, vlan)
        return requests.reauthentication(nas, mac)

    async def bring(self, change: Change) -> SessionState:
        """See Way.bring. A source that says what is wanted already is not written.

        Raises:
            StateDrifted: somebody else has changed the source since, as its ``write`` found.
            NotThere, Rejected, CapabilityMissing, RateLimited: the NAS refused, and the source is
                as it was.
            OutcomeUnknown: the NAS fell silent, or the source could not be put back.
        """
        now = await self.read(change.switch, change.mac, change.fence)
        loose = change.mac in self._loose
        if now == change.wanted and not loose:
            return now
        change.fence.check()
        await alive(self._client, self, change)
        if now != change.wanted:
            now = await self._authorize(change)
            if now != change.wanted:
                return now
        await self._follow(change, loose=loose)
        self._loose.discard(change.mac)
        return await read_back(self._settled(change))

    async def _authorize(self, change: Change) -> SessionState:
        change.fence.check()
        try:
            found = await self._write(change, change.known, change.wanted)
        except OutcomeUnknown:
            self._loose.add(change.mac)
            raise
        self._loose.add(change.mac)
        return change.wanted.model_copy(update={"authorized": found})

    async def _write(self, change: Change, known: SessionState, wanted: SessionState) -> JsonObject:
        written = self._source.write(
            change.mac, known.authorized or {}, wanted.authorized or {}, change.fence.until
        )
        return await change.fence.write(self._source.adapter, written)

    async def _follow(self, change: Change, *, loose: bool) -> None:
        """Have the session follow the source. ``loose``: an earlier request may have acted."""
        request = self.request(change.nas, change.mac, change.vlan, into=change.into)
        try:
            reply = await self._client.ask(change.switch, request, change.fence)
        except Unreachable as error:
            await self._put_back(change, error)
            raise
        if accepted(reply) or (no_session(reply) and not change.into):
            return  # whoever has no session here authenticates anew wherever it comes
        refused = refusal(change.where, request, reply)
        if isinstance(refused, OutcomeUnknown):
            raise refused
        if loose:
            raise OutcomeUnknown(f"{refused}; an earlier request may have been acted on")
        await self._put_back(change, refused)
        raise refused

    async def _put_back(self, change: Change, why: FirebreakError) -> None:
        try:
            found = await self._write(change, change.wanted, change.known)
        except FirebreakError as error:
            raise OutcomeUnknown(f"{why}; {self._source.adapter} stays changed: {error}") from why
        if found != change.known.authorized:
            raise OutcomeUnknown(f"{why}; {self._source.adapter} now has {found}") from why
        self._loose.discard(change.mac)

    async def _settled(self, change: Change) -> SessionState:
        """The source read back, and with it the VLAN of a session that does not follow."""
        vlan = await self._session_vlan(change)
        now = await self.read(change.switch, change.mac, change.fence)
        astray = vlan is not None and (vlan == change.vlan) is not change.into
        return now.model_copy(update={"vlan": vlan}) if astray else now

    async def _session_vlan(self, change: Change) -> int | None:
        """Where a witness sees the session; None when nobody can tell."""
        if self._witness is not None and self._witness.covers(change.switch):
            return await until(
                self._witness, change, lambda v: v is not None and (v == change.vlan) is change.into
            )
        # Until the device has authenticated again the probe proves nothing: an old session goes on,
        # and a device without one is silent even when it is about to come back into production.
        await asyncio.sleep(min(change.nas.settle_s, change.fence.left_s))
        return None
