"""Moving a port by Q-BRIDGE-MIB (RFC 4363): PVID, and its bits in the VLANs' port lists."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import Field

from firebreak.domain.base import JsonObject
from firebreak.errors import CapabilityMissing, Rejected
from integrations.network.ports import PortState
from integrations.network.snmp.agent import Line
from integrations.network.snmp.engine import Value, Write
from integrations.network.snmp.faults import Refused
from integrations.network.snmp.interfaces import Interface
from integrations.network.snmp.levers import Reading, admin_of, bundle_of, read_port
from integrations.network.snmp.mib import (
    CURRENT_EGRESS,
    PVID,
    SET_SERIAL,
    STATIC_EGRESS,
    STATIC_UNTAGGED,
    Oid,
)
from integrations.network.snmp.portlist import PortList


class BridgedPort(PortState):
    """A port's own bits in the port lists, as the VLANs it is a member of, in order.

    ``dynamic`` holds VLANs that the switch has put it in by itself (802.1X, GVRP): the device
    reaches them whatever the configuration says.
    """

    egress: tuple[int, ...] = Field(max_length=4094)
    untagged: tuple[int, ...] = Field(max_length=4094)
    dynamic: tuple[int, ...] = Field(default=(), max_length=4094)


@dataclass(frozen=True)
class _Bit:
    """One step: a port's bit in one VLAN's list."""

    column: Oid
    vlan: int
    member: bool

    @property
    def oid(self) -> Oid:
        return (*self.column, self.vlan)


class QBridge:
    """``vlan_by: pvid``."""

    async def read(self, line: Line, port: Interface) -> Reading[PortState]:
        """See levers.Lever."""
        if not port.base:
            raise Rejected(f"{port.name} of switch {line.switch.id} is no bridge port")
        pvid = (*PVID, port.base)
        values = await read_port(line, port, pvid, SET_SERIAL)
        egress, untagged, current = await line.walk(STATIC_EGRESS, STATIC_UNTAGGED, CURRENT_EGRESS)
        vlan = values.get(pvid)
        if not isinstance(vlan, int) or not egress:
            raise CapabilityMissing(
                f"switch {line.switch.id} shows no VLANs in Q-BRIDGE-MIB for {port.name}; the user "
                "may not see them, or the switch has another MIB (`vlan_by: cisco`)"
            )
        members, plain = _members(egress, port.base), _members(untagged, port.base)
        state = BridgedPort(
            switch=line.switch.id,
            port=port.name,
            mode=_mode(vlan, members, plain),
            vlan=vlan,
            admin=admin_of(values, port),
            egress=members,
            untagged=plain,
            dynamic=tuple(v for v in _members(current, port.base) if v not in members),
        )
        serial = values.get(SET_SERIAL)
        lists = {
            (column, oid[-1]): PortList(octets)
            for column, rows in ((STATIC_EGRESS, egress), (STATIC_UNTAGGED, untagged))
            for oid, octets in rows.items()
            if isinstance(octets, bytes)
        }
        return Reading(
            port,
            state,
            bundle_of(values, port),
            lists=lists,
            serial=serial if isinstance(serial, int) else None,
        )

    async def write(self, line: Line, reading: Reading[PortState], wanted: PortState) -> None:
        """All in one SET; step by step where the agent does not take that.

        The new VLAN comes first and the old one goes last, so that the port is never in none.
        """
        bits = _bits(reading.state, wanted)
        base = reading.interface.base
        writes = [_as_write(bit, reading.lists, base) for bit in bits]
        if reading.state.vlan != wanted.vlan:
            gained = sum(bit.member for bit in bits)
            writes.insert(gained, Write.gauge((*PVID, base), wanted.vlan))
        try:
            await _together(line, reading.serial, writes)
        except Refused as error:
            if error.outrun or not error.in_parts or len(writes) == 1:
                raise
            await _in_parts(line, base, bits, reading.state.vlan, wanted.vlan)

    def configured(self, state: PortState) -> PortState:
        """See levers.Lever."""
        return state.model_copy(update={"dynamic": ()})

    async def has_vlan(self, line: Line, vlan: int) -> bool:
        """See levers.VlanLever."""
        return bool(await line.get((*STATIC_EGRESS, vlan)))

    def moved(self, state: PortState, vlan: int) -> PortState:
        """See levers.VlanLever."""
        return state.model_copy(
            update={"vlan": vlan, "egress": (vlan,), "untagged": (vlan,), "dynamic": ()}
        )

    def parse(self, record: JsonObject) -> PortState:
        """See levers.VlanLever."""
        return BridgedPort.from_record(record)


async def _together(line: Line, serial: int | None, writes: list[Write]) -> None:
    if serial is None or not line.agent.takes_serial:
        await line.set(*writes)
        return
    try:
        await line.set(Write.integer(SET_SERIAL, serial), *writes)
    except Refused as error:
        if error.oid != SET_SERIAL or error.outrun:
            raise
        # The user may not write it, or the agent can't take it (net-snmp 5.9.3: wrongLength).
        line.agent.takes_serial = False
        await line.set(*writes)


async def _in_parts(line: Line, base: int, bits: list[_Bit], old: int, new: int) -> None:
    """One SET a step; when one is refused those before it are taken back, and it is raised."""
    done: list[_Bit | int] = []
    steps: list[_Bit | int] = [bit for bit in bits if bit.member]
    steps += [new] if old != new else []
    steps += [bit for bit in bits if not bit.member]
    try:
        for step in steps:
            changed = await _step(line, base, step)
            done += [step] if changed else []
    except Refused:
        for step in reversed(done):
            back = old if isinstance(step, int) else replace(step, member=not step.member)
            await _step(line, base, back)
        raise


async def _step(line: Line, base: int, step: _Bit | int) -> bool:
    """Set a bit, or the PVID; False when it was so already. The list is read just before."""
    if isinstance(step, int):
        await line.set(Write.gauge((*PVID, base), step))
        return True
    octets = (await line.get(step.oid)).get(step.oid, b"")
    now = PortList(octets if isinstance(octets, bytes) else b"")
    if (base in now) == step.member:
        return False
    await line.set(Write.octets(step.oid, now.change(base, member=step.member).octets))
    return True


def _bits(now: PortState, wanted: PortState) -> list[_Bit]:
    """The bits to set, then the bits to clear, each in the order that leaves no gap."""
    if not isinstance(now, BridgedPort) or not isinstance(wanted, BridgedPort):
        raise TypeError("these states are not of Q-BRIDGE-MIB")
    sets = (
        (STATIC_EGRESS, now.egress, wanted.egress),
        (STATIC_UNTAGGED, now.untagged, wanted.untagged),
    )
    gained = [_Bit(c, v, member=True) for c, old, new in sets for v in new if v not in old]
    lost = [_Bit(c, v, member=False) for c, old, new in sets[::-1] for v in old if v not in new]
    return gained + lost


def _as_write(bit: _Bit, lists: Mapping[tuple[Oid, int], PortList], base: int) -> Write:
    now = lists.get((bit.column, bit.vlan), PortList(b""))
    return Write.octets(bit.oid, now.change(base, member=bit.member).octets)


def _members(rows: dict[Oid, Value], base: int) -> tuple[int, ...]:
    """The VLANs whose list has the port."""
    return tuple(
        sorted(
            {
                oid[-1]
                for oid, octets in rows.items()
                if isinstance(octets, bytes) and base in PortList(octets)
            }
        )
    )


def _mode(pvid: int, egress: tuple[int, ...], untagged: tuple[int, ...]) -> str:
    if set(egress) - set(untagged):
        return "trunk"
    return "access" if untagged == (pvid,) else "hybrid"
