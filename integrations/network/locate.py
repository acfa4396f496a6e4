"""Where a device hangs: its MAC address looked for on every switch of its site, side by side.

A whole table is read and kept for a few seconds, so that a burst of responses reads each once.
"""

import asyncio
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from firebreak.contracts.controls import Place
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Switch
from firebreak.errors import FirebreakError, InterlockEngaged, Rejected
from integrations.network import clock

# More addresses than this behind a port: a switch, an access point or a hub, not a device's place.
EDGE_MACS = 4


@dataclass(frozen=True)
class Sight:
    """One line of a switch's MAC table: a lower-case colon MAC on a port by its canonical name."""

    mac: str
    port: str


@dataclass(frozen=True)
class MacTable:
    """What a switch knows: its MAC table, and the ports where it sees another switch (LLDP)."""

    sights: tuple[Sight, ...]
    neighbors: frozenset[str] = frozenset()


class Finder(Protocol):
    """Reads MAC tables over one road (CLI, SNMP)."""

    road: str

    def serves(self, switch: Switch) -> bool:
        """Whether it can ask this switch."""
        ...

    async def table(self, switch: Switch) -> MacTable:
        """The whole table. Raises Unreachable, AuthFailed, Rejected, CapabilityMissing."""
        ...

    def canonical(self, switch: Switch, port: str) -> str:
        """The name by which the tables call a port."""
        ...


class SiteLocator:
    """Asks the switches of a device's site.

    Args:
        switches: by id.
        finders: in the order of preference; the first that serves a switch and answers counts.
        at_once: how many switches are asked at the same time.
        within_s: after so long, who has not answered is left out, and the evidence says so.
        keep_s: how long a table is good for.
        shun_s: how long a switch that did not answer is not asked again: one dead switch must not
            hold up every response of its site.
    """

    def __init__(
        self,
        switches: Mapping[str, Switch],
        finders: Iterable[Finder],
        *,
        at_once: int = 16,
        within_s: float = 5.0,
        keep_s: float = 3.0,
        shun_s: float = 30.0,
    ) -> None:
        self._switches = switches
        self._finders = tuple(finders)
        self._room = asyncio.Semaphore(at_once)
        self._within_s = within_s
        self._keep_s = keep_s
        self._shun_s = shun_s
        self._tables: dict[str, tuple[float, asyncio.Task[_Answer]]] = {}

    async def locate(self, device: Device) -> Place | None:
        """Where the device is, or None when no switch has seen it and the inventory is silent.

        Raises:
            InterlockEngaged: more than one port claims its MAC address.
        """
        switches = [s for s in self._switches.values() if s.site == device.site]
        if not switches:
            return None
        answers = await asyncio.gather(*(self._ask(switch) for switch in switches))
        claims = [claim for answer in answers for claim in answer.claims(device.mac)]
        asked = _asked(answers)
        if len(claims) > 1:
            places = ", ".join(f"{c.switch} {c.port}" for c in claims)
            raise InterlockEngaged(
                f"{device.mac} of {device.id} is claimed by {len(claims)} ports: {places}. One of "
                "them may be an impostor: a person must look. An uplink among them belongs into "
                "the `uplinks` of its switch"
            )
        if claims:
            return _seen(device, claims[0], asked)
        if device.attached is None:
            return None
        where = f"{device.attached.switch} {device.attached.port}"
        silent = f"{device.mac} is in no MAC table of the site; the inventory says {where}"
        return Place(attached=device.attached, confidence="inventory", evidence=(silent, asked))

    async def _ask(self, switch: Switch) -> "_Answer":
        kept = self._tables.get(switch.id)
        broken = kept is not None and kept[1].done() and kept[1].exception() is not None
        if kept is None or broken or kept[0] <= clock.now():
            # Good until it is there; then its own time begins.
            kept = math.inf, asyncio.create_task(self._read(switch))
            self._tables[switch.id] = kept
        return await asyncio.shield(kept[1])

    async def _read(self, switch: Switch) -> "_Answer":
        why = "no road to ask it by"
        async with self._room:
            for finder in self._finders:
                if not finder.serves(switch):
                    continue
                try:
                    async with asyncio.timeout(self._within_s):
                        table = await finder.table(switch)
                except TimeoutError:
                    why = f"{finder.road}: no answer in {self._within_s:g} s"
                    continue
                except FirebreakError as error:
                    why = f"{finder.road}: {error}"
                    continue
                self._keep(switch, self._keep_s)
                return _Answer.of(switch, finder, table)
        self._keep(switch, self._shun_s)
        return _Answer(switch.id, why=why)

    def _keep(self, switch: Switch, for_s: float) -> None:
        """The answer under way is good for so long from now."""
        _, reading = self._tables[switch.id]
        self._tables[switch.id] = (clock.now() + for_s, reading)


@dataclass(frozen=True)
class _Answer:
    """One switch's edge ports by MAC address, or why there are none."""

    switch: str
    road: str = ""
    edge: Mapping[str, tuple[str, ...]] | None = None
    why: str = ""
    name: Callable[[str], str] = str

    @classmethod
    def of(cls, switch: Switch, finder: Finder, table: MacTable) -> "_Answer":
        """Leave out uplinks, ports with a neighboring switch, and crowded ports."""
        uplinks = {finder.canonical(switch, port) for port in switch.uplinks} | table.neighbors
        crowd: dict[str, set[str]] = {}
        for sight in table.sights:
            crowd.setdefault(sight.port, set()).add(sight.mac)
        limit = max(EDGE_MACS, switch.max_macs)
        edge: dict[str, tuple[str, ...]] = {}
        for port, macs in sorted(crowd.items()):
            if port in uplinks or len(macs) > limit:
                continue
            for mac in macs:
                edge[mac] = (*edge.get(mac, ()), port)
        name = functools.partial(finder.canonical, switch)
        return cls(switch.id, finder.road, edge, name=name)

    def claims(self, mac: str) -> list["_Claim"]:
        """The edge ports that have seen the address."""
        ports = (self.edge or {}).get(mac, ())
        return [_Claim(self.switch, port, self) for port in ports]

    def called(self, port: str) -> str:
        """A port as this switch's tables call it."""
        try:
            return self.name(port)
        except Rejected:
            return port


@dataclass(frozen=True)
class _Claim:
    switch: str
    port: str
    answer: _Answer

    def place(self, known: Attachment | None) -> Attachment:
        """The place, spelled as the inventory does when it is the same."""
        if known and known.switch == self.switch and self.answer.called(known.port) == self.port:
            return known
        return Attachment(switch=self.switch, port=self.port)


def _seen(device: Device, claim: _Claim, asked: str) -> Place:
    table = f"the MAC table of {claim.switch} (by {claim.answer.road})"
    found = f"{table} has {device.mac} on {claim.port}"
    return Place(
        attached=claim.place(device.attached),
        confidence="seen",
        evidence=(found, asked),
    )


def _asked(answers: list[_Answer]) -> str:
    silent = [f"{a.switch} ({a.why})" for a in answers if a.edge is None]
    text = f"{len(answers) - len(silent)} of {len(answers)} switches of the site answered"
    return f"{text}; not {', '.join(silent)}" if silent else text
