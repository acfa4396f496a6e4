"""Moving a port by CISCO-VLAN-MEMBERSHIP-MIB: vmVlan.

Cisco IOS is said to ignore writes to dot1qPvid and to take those to vmVlan (unconfirmed: tried
against the range's agent only).
"""

from firebreak.domain.base import JsonObject
from firebreak.errors import CapabilityMissing
from integrations.network.ports import PortState
from integrations.network.snmp import mib
from integrations.network.snmp.agent import Line
from integrations.network.snmp.engine import Value, Write
from integrations.network.snmp.interfaces import Interface
from integrations.network.snmp.levers import Reading, admin_of, bundle_of, read_port

_STATIC, _TRUNKING, _OPERATIONAL = 1, 1, 1
_NEGOTIATES = (3, 4)  # desirable, auto
_UNTAGGED_VOICE, _NO_VOICE = 4095, 4096


class CiscoVlans:
    """``vlan_by: cisco``."""

    async def read(self, line: Line, port: Interface) -> Reading[PortState]:
        """See levers.Lever."""
        columns = (
            mib.VM_VLAN, mib.VM_VLAN_TYPE, mib.VM_VOICE_VLAN, mib.TRUNK_STATE, mib.TRUNK_STATUS
        )  # fmt: skip
        values = await read_port(line, port, *((*column, port.index) for column in columns))
        vlan, kind, voice, state, status = (values.get((*c, port.index)) for c in columns)
        if vlan is None and status is None:
            raise CapabilityMissing(
                f"switch {line.switch.id} shows no vmVlan for {port.name}: it is no switch port, "
                "or the user may not see CISCO-VLAN-MEMBERSHIP-MIB"
            )
        known = PortState(
            switch=line.switch.id,
            port=port.name,
            mode=_mode(vlan, kind, state, status),
            vlan=vlan if isinstance(vlan, int) else 0,
            admin=admin_of(values, port),
        )
        return Reading(port, known, bundle_of(values, port), _voice(voice))

    async def write(self, line: Line, reading: Reading[PortState], wanted: PortState) -> None:
        """See levers.Lever."""
        await line.set(Write.integer((*mib.VM_VLAN, reading.interface.index), wanted.vlan))

    def configured(self, state: PortState) -> PortState:
        """See levers.Lever."""
        return state

    async def has_vlan(self, line: Line, vlan: int) -> bool:
        """See levers.VlanLever."""
        (states,) = await line.walk(mib.VTP_VLAN_STATE)
        return any(oid[-1] == vlan and state == _OPERATIONAL for oid, state in states.items())

    def moved(self, state: PortState, vlan: int) -> PortState:
        """See levers.VlanLever."""
        return state.model_copy(update={"vlan": vlan})

    def parse(self, record: JsonObject) -> PortState:
        """See levers.VlanLever."""
        return PortState.from_record(record)


def _mode(vlan: Value | None, kind: Value | None, state: Value | None, status: Value | None) -> str:
    if status == _TRUNKING:
        return "trunk"
    if state in _NEGOTIATES:
        return "dynamic"
    if vlan is None:
        return "routed"
    return "access" if kind in (_STATIC, None) else "assigned by VMPS"


def _voice(vlan: Value | None) -> str:
    if vlan in (None, _NO_VOICE):
        return ""
    return "untagged" if vlan in (0, _UNTAGGED_VOICE) else str(vlan)
