"""What the rungs move on a port. A lever reads its objects, and writes them in one direction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, Self, TypeVar

from pydantic import Field, ValidationError

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Slug
from firebreak.errors import CapabilityMissing, Rejected
from integrations.network.ports import Admin, PortState
from integrations.network.snmp import mib
from integrations.network.snmp.agent import Line
from integrations.network.snmp.engine import Value, Write
from integrations.network.snmp.faults import Renumbered
from integrations.network.snmp.interfaces import Interface
from integrations.network.snmp.mib import Oid
from integrations.network.snmp.portlist import PortList
from integrations.network.snmp.tables import text

ControlWord = Literal["force-unauthorized", "auto", "force-authorized"]

_CONTROLS: dict[Value, ControlWord] = {
    mib.FORCE_UNAUTHORIZED: "force-unauthorized",
    mib.AUTO: "auto",
    mib.FORCE_AUTHORIZED: "force-authorized",
}
_ADMIN: dict[Value, Admin] = {mib.ADMIN_UP: "up", mib.ADMIN_DOWN: "down"}


class Dot1xState(Model):
    """The state record of rung ``dot1x``.

    ``open``: the port lets frames through although it is told to let none.
    """

    switch: Slug
    port: str = Field(min_length=1, max_length=64)
    control: ControlWord
    open: bool = False

    def record(self) -> JsonObject:
        """The record that stands in plans and observations."""
        return self.model_dump(mode="json")

    @classmethod
    def from_record(cls, record: JsonObject) -> Self:
        """Read a plan's record back. Raises Rejected when it is none."""
        try:
            return cls.model_validate(record)
        except ValidationError as error:
            raise Rejected("the plan holds no 802.1X port state") from error


State = TypeVar("State", PortState, Dot1xState)


@dataclass(frozen=True)
class Reading(Generic[State]):
    """A port as just read: its state, what speaks against touching it, and what a write needs."""

    interface: Interface
    state: State
    bundle: str = ""
    voice_vlan: str = ""
    lists: Mapping[tuple[Oid, int], PortList] = field(default_factory=dict)  # by column and VLAN
    serial: int | None = None  # snmpSetSerialNo


class Lever(Protocol[State]):
    """One way to change a port."""

    async def read(self, line: Line, port: Interface) -> Reading[State]:
        """The port now. Raises Renumbered, Rejected, CapabilityMissing, and as Line.get."""
        ...

    async def write(self, line: Line, reading: Reading[State], wanted: State) -> None:
        """Bring ``wanted`` about from what was read. Raises TooLate, Lost, Refused."""
        ...

    def configured(self, state: State) -> State:
        """The state without what the switch adds to it by itself."""
        ...


class VlanLever(Lever[PortState], Protocol):
    """A lever that moves a port between VLANs."""

    async def has_vlan(self, line: Line, vlan: int) -> bool:
        """Whether the VLAN is there to move a port to."""
        ...

    def moved(self, state: PortState, vlan: int) -> PortState:
        """The state of an access port, in another VLAN."""
        ...

    def parse(self, record: JsonObject) -> PortState:
        """A plan's record as this lever's state. Raises Rejected."""
        ...


async def read_port(line: Line, port: Interface, *oids: Oid) -> dict[Oid, Value]:
    """One GET of a port's objects, which also sees that its numbers are still its own.

    Raises Renumbered, and as Line.get.
    """
    columns = mib.IF_NAME, mib.IF_DESCR, mib.LAG_ATTACHED, mib.IF_ADMIN_STATUS
    name, descr, *more = ((*column, port.index) for column in columns)
    bridge = (*mib.BASE_PORT_IF_INDEX, port.base)
    own = (bridge,) if port.base else ()
    values = await line.get(name, descr, *more, *own, *oids)
    if (text(values.get(name)) or text(values.get(descr))) != port.name:
        raise Renumbered(port.name)
    if port.base and values.get(bridge, port.index) != port.index:
        raise Renumbered(port.name)
    return values


def admin_of(values: dict[Oid, Value], port: Interface) -> Admin:
    """Whether the port is switched on. Raises CapabilityMissing, Rejected."""
    oid = (*mib.IF_ADMIN_STATUS, port.index)
    if oid not in values:
        raise CapabilityMissing(f"the agent shows no ifAdminStatus for {port.name}")
    try:
        return _ADMIN[values[oid]]
    except KeyError:
        raise Rejected(f"port {port.name} is in a test mode; take it out first") from None


def bundle_of(values: dict[Oid, Value], port: Interface) -> str:
    """The link aggregation the port belongs to, "" for none."""
    aggregator = values.get((*mib.LAG_ATTACHED, port.index), 0)
    return f"aggregation {aggregator!r}" if aggregator not in (0, port.index) else ""


class AdminStatus:
    """Rung ``snmp-port-down``: ifAdminStatus. Its state is the port's, read by the VLAN lever."""

    def __init__(self, vlans: VlanLever) -> None:
        self._vlans = vlans

    async def read(self, line: Line, port: Interface) -> Reading[PortState]:
        """See Lever."""
        seen = await self._vlans.read(line, port)
        known = {name: getattr(seen.state, name) for name in PortState.model_fields}
        return Reading(port, PortState(**known), seen.bundle, seen.voice_vlan)

    async def write(self, line: Line, reading: Reading[PortState], wanted: PortState) -> None:
        """See Lever."""
        value = mib.ADMIN_UP if wanted.admin == "up" else mib.ADMIN_DOWN
        oid = (*mib.IF_ADMIN_STATUS, reading.interface.index)
        await line.set(Write.integer(oid, value))

    def configured(self, state: PortState) -> PortState:
        """See Lever."""
        return state


class PortAccess:
    """Rung ``dot1x``: the controlled port of IEEE 802.1X, which can be told to let nobody in."""

    async def read(self, line: Line, port: Interface) -> Reading[Dot1xState]:
        """See Lever."""
        control, status = (
            (*column, port.index) for column in (mib.PAE_PORT_CONTROL, mib.PAE_PORT_STATUS)
        )
        values = await read_port(line, port, control, status)
        if values.get(control) not in _CONTROLS:
            raise CapabilityMissing(f"the agent shows no 802.1X port control for {port.name}")
        told = _CONTROLS[values[control]]
        state = Dot1xState(
            switch=line.switch.id,
            port=port.name,
            control=told,
            open=told == "force-unauthorized" and values.get(status) == mib.AUTHORIZED,
        )
        return Reading(port, state, bundle_of(values, port))

    async def write(self, line: Line, reading: Reading[Dot1xState], wanted: Dot1xState) -> None:
        """Set the control; a port that is on ``auto`` again authenticates at once."""
        index = reading.interface.index
        value = next(v for v, name in _CONTROLS.items() if name == wanted.control)
        await line.set(Write.integer((*mib.PAE_PORT_CONTROL, index), int(value)))
        if wanted.control == "auto":
            await line.set(Write.integer((*mib.PAE_REAUTHENTICATE, index), mib.TRUE))

    def configured(self, state: Dot1xState) -> Dot1xState:
        """See Lever."""
        return state.model_copy(update={"open": False})
