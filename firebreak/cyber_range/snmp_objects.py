"""What an emulated SNMP agent shows of a switch, and what a SET does to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from firebreak.cyber_range import snmp_mib as mib
from firebreak.cyber_range.console import Chassis, Console
from firebreak.cyber_range.network import Port, PortConfig
from firebreak.cyber_range.ports import short_name
from firebreak.cyber_range.snmp_mib import Oid, Value

_FIRST_INDEX = 10100  # so that an ifIndex is never taken for a bridge port
_FDB_OFFSET = 4096  # so that an fdbId is never taken for a VLAN
_LEARNED, _BRIDGE_BIT = 3, b"\x28"
_UNAUTHORIZED, _AUTO, _AUTHORIZED = 1, 2, 3
_WRITABLE = (mib.SERIAL[:-1], mib.IF_ADMIN, mib.PVID, mib.STATIC_EGRESS, mib.STATIC_UNTAGGED,
             mib.PAE_CONTROL, mib.PAE_REAUTHENTICATE, mib.VM_VLAN)  # fmt: skip


class SetRefused(Exception):
    """A SET that is not done: an RFC 3416 error status, and which varbind it is about, from 1."""

    def __init__(self, status: str, index: int) -> None:
        super().__init__(f"{status} at {index}")
        self.status = status
        self.index = index


@dataclass
class Membership:
    """A port's bits; ``pvid`` says which configuration they belong to."""

    pvid: int
    egress: set[int] = field(default_factory=set)
    untagged: set[int] = field(default_factory=set)


class SwitchObjects:
    """One switch's objects.

    Args:
        chassis: the switch; writes pass its faults and are journaled.
        dot1x: its ports run 802.1X.
        piecemeal: it takes one object in a SET, as some small agents do.
    """

    def __init__(self, chassis: Chassis, *, dot1x: bool = False, piecemeal: bool = False) -> None:
        self._state = chassis.state
        self._network = chassis.network
        self._console = Console(chassis, "snmp", "snmp")
        self._ports = list(chassis.state.ports.values())
        self._dot1x = dot1x
        self._piecemeal = piecemeal
        self._extra: dict[
            str, Membership
        ] = {}  # memberships that a port's configuration can't hold
        self._control = {port.name: _AUTO for port in self._ports}
        self._serial = 1

    def shown(self, context: str) -> dict[Oid, Value]:
        """All objects of a context: the switch ("") or one of its VLANs (``vlan-10``)."""
        if context.startswith("vlan-"):
            vlan = int(context.removeprefix("vlan-"))
            return dict((*self._bases(), *self._fdb(vlan)))
        objects = dict(
            (*self._interfaces(), *self._bases(), *self._fdb(), *self._vlans(), *self._lldp())
        )
        objects[mib.SERIAL] = self._serial
        if self._dot1x:
            objects.update(self._pae())
        if self._state.platform.startswith("cisco"):
            objects.update(self._cisco())
        return objects

    # -- reading ----------------------------------------------------------------------------

    def _numbered(self) -> Iterator[tuple[int, int, Port]]:
        """Bridge port, ifIndex and port."""
        for base, port in enumerate(self._ports, start=1):
            yield base, _FIRST_INDEX + base, port

    def _interfaces(self) -> Iterator[tuple[Oid, Value]]:
        for _, index, port in self._numbered():
            yield (*mib.IF_DESCR, index), port.name.encode()
            yield (*mib.IF_NAME, index), short_name(self._state.platform, port.name).encode()
            yield (*mib.IF_ADMIN, index), 1 if port.config.up else 2

    def _bases(self) -> Iterator[tuple[Oid, Value]]:
        for base, index, _ in self._numbered():
            yield (*mib.BASE_IF_INDEX, base), index

    def _fdb(self, vlan: int | None = None) -> Iterator[tuple[Oid, Value]]:
        base_of = {port.name: base for base, _, port in self._numbered()}
        for row in self._network.mac_table(self._state):
            mac = tuple(bytes.fromhex(row.mac.replace(":", "")))
            if vlan is None:
                yield (*mib.Q_FDB_PORT, row.vlan + _FDB_OFFSET, *mac), base_of[row.port]
                yield (*mib.Q_FDB_STATUS, row.vlan + _FDB_OFFSET, *mac), _LEARNED
            if vlan in (None, row.vlan):
                yield (*mib.D_FDB_PORT, *mac), base_of[row.port]
                yield (*mib.D_FDB_STATUS, *mac), _LEARNED

    def _vlans(self) -> Iterator[tuple[Oid, Value]]:
        members = {base: self._membership(port) for base, _, port in self._numbered()}
        for base, member in members.items():
            yield (*mib.PVID, base), member.pvid
        current = {
            base: member if port.session_vlan is None else _untagged(port.session_vlan)
            for (base, _, port), member in zip(self._numbered(), members.values(), strict=True)
        }
        for vlan, name in self._state.vlans.items():
            yield (*mib.STATIC_NAME, vlan), name.encode()
            yield (
                (*mib.STATIC_EGRESS, vlan),
                self._list(b for b, m in members.items() if vlan in m.egress),
            )
            yield (
                (*mib.STATIC_UNTAGGED, vlan),
                self._list(b for b, m in members.items() if vlan in m.untagged),
            )
            yield (*mib.VLAN_FDB, 0, vlan), vlan + _FDB_OFFSET
            yield (
                (*mib.CURRENT_EGRESS, 0, vlan),
                self._list(b for b, m in current.items() if vlan in m.egress),
            )
            yield (
                (*mib.CURRENT_UNTAGGED, 0, vlan),
                self._list(b for b, m in current.items() if vlan in m.untagged),
            )

    def _membership(self, port: Port) -> Membership:
        if port.config.mode == "trunk":
            return Membership(1, set(self._state.vlans), {1})
        extra = self._extra.get(port.name)
        if extra is not None and extra.pvid == port.config.vlan:
            return extra
        return _untagged(port.config.vlan)

    def _list(self, bases: Iterable[int]) -> bytes:
        octets = bytearray(len(self._ports) // 8 + 1)
        for base in bases:
            octets[(base - 1) // 8] |= 0x80 >> (base - 1) % 8
        return bytes(octets)

    def _lldp(self) -> Iterator[tuple[Oid, Value]]:
        for base, _, port in self._numbered():
            yield (*mib.LLDP_LOCAL_ID, base), short_name(self._state.platform, port.name).encode()
            if port.config.mode == "trunk" and port.config.up:
                yield (*mib.LLDP_CHASSIS, 0, base, 1), b"\x02\x00\x5e\x00\x00" + bytes([base])
                yield (*mib.LLDP_ENABLED, 0, base, 1), _BRIDGE_BIT

    def _pae(self) -> Iterator[tuple[Oid, Value]]:
        for _, index, port in self._numbered():
            yield (*mib.PAE_REAUTHENTICATE, index), 2
            yield (*mib.PAE_STATUS, index), 2 if port.blocked else 1
            yield (*mib.PAE_CONTROL, index), self._control[port.name]

    def _cisco(self) -> Iterator[tuple[Oid, Value]]:
        for vlan in self._state.vlans:
            yield (*mib.VTP_STATE, 1, vlan), 1
        for _, index, port in self._numbered():
            trunk = port.config.mode == "trunk"
            yield (*mib.TRUNK_STATE, index), 1 if trunk else 2
            yield (*mib.TRUNK_STATUS, index), 1 if trunk else 2
            if not trunk:
                yield (*mib.VM_TYPE, index), 1
                yield (*mib.VM_VLAN, index), port.config.vlan

    # -- writing ----------------------------------------------------------------------------

    def write(self, wanted: list[tuple[Oid, Value]]) -> None:
        """Do all of a SET or nothing.

        Raises:
            SetRefused: with the status of RFC 3416.
            WriteRejected, LineDropped, LineHung: a fault says so (see console).
        """
        if self._piecemeal and len(wanted) > 1:
            raise SetRefused("genErr", 1)
        draft = _Draft({port.name: self._membership(port) for port in self._ports})
        shown = self.shown("")
        for number, (oid, value) in enumerate(wanted, start=1):
            self._check(shown, oid, value, number)
            self._take(draft, oid, value, number)
        changes = {
            port.name: config
            for port in self._ports
            if (config := self._config(port, draft)) != port.config or port.name in draft.touched
        }
        name = ", ".join(".".join(map(str, oid)) for oid, _ in wanted)
        self._console.change(f"set {name}", changes, "config", lambda: self._commit(draft))

    def _check(self, shown: dict[Oid, Value], oid: Oid, value: Value, number: int) -> None:
        if not any(oid[: len(column)] == column for column in _WRITABLE):
            raise SetRefused("notWritable", number)
        if oid not in shown:
            raise SetRefused("noCreation", number)
        if type(value) is not type(shown[oid]):
            raise SetRefused("wrongType", number)

    def _take(self, draft: "_Draft", oid: Oid, value: Value, number: int) -> None:
        column, last = oid[:-1], oid[-1]
        if column == mib.SERIAL[:-1]:
            if value != self._serial:
                raise SetRefused("inconsistentValue", number)
            draft.serial = self._serial + 1
        elif isinstance(value, bytes):
            self._take_list(draft, column == mib.STATIC_EGRESS, last, value, number)
        elif column in (mib.PVID, mib.VM_VLAN):
            if value not in self._state.vlans:
                raise SetRefused("wrongValue", number)
            base = last if column == mib.PVID else last - _FIRST_INDEX
            whole = column == mib.VM_VLAN
            draft.put(self._ports[base - 1], value, whole=whole)
        else:
            port = self._ports[last - _FIRST_INDEX - 1]
            if value not in (1, 2, 3) or (column == mib.IF_ADMIN and value == _AUTHORIZED):
                raise SetRefused("wrongValue", number)
            draft.flags[column, port.name] = value
            draft.touched.add(port.name)

    def _take_list(
        self, draft: "_Draft", egress: bool, vlan: int, octets: bytes, number: int
    ) -> None:
        if len(octets) != len(self._list(())):
            raise SetRefused("wrongLength", number)
        for base, port in enumerate(self._ports, start=1):
            member = bool(octets[(base - 1) // 8] & 0x80 >> (base - 1) % 8)
            vlans = draft.members[port.name].egress if egress else draft.members[port.name].untagged
            if member == (vlan in vlans):
                continue
            if port.config.mode == "trunk":
                raise SetRefused("inconsistentValue", number)
            draft.member(port.name, vlan, egress=egress, member=member)

    def _config(self, port: Port, draft: "_Draft") -> PortConfig:
        admin = draft.flags.get((mib.IF_ADMIN, port.name))
        config = port.config if admin is None else replace(port.config, up=admin == 1)
        if config.mode == "trunk" or port.name not in draft.moved:
            return config
        return replace(config, vlan=draft.members[port.name].pvid)

    def _commit(self, draft: "_Draft") -> None:
        self._serial = draft.serial or self._serial
        self._extra.update({name: draft.members[name] for name in draft.moved})
        for (column, name), value in draft.flags.items():
            if column == mib.PAE_CONTROL:
                self._control[name] = value
                port = self._state.ports[name]
                self._network.block(port, blocked=value == _UNAUTHORIZED)


class _Draft:
    """What a SET would make of the switch, before any of it is done."""

    def __init__(self, members: dict[str, Membership]) -> None:
        self.members = members
        self.moved: set[str] = set()
        self.touched: set[str] = set()
        self.flags: dict[tuple[Oid, str], int] = {}
        self.serial: int | None = None

    def put(self, port: Port, vlan: int, *, whole: bool) -> None:
        """Set a port's mib.PVID; ``whole`` makes it a member of that VLAN alone."""
        now = self.members[port.name]
        self.members[port.name] = _untagged(vlan) if whole else replace(now, pvid=vlan)
        self._note(port.name)

    def member(self, port: str, vlan: int, *, egress: bool, member: bool) -> None:
        """Put a port into a list of a VLAN, or take it out."""
        now = self.members[port]
        vlans = (now.egress if egress else now.untagged) - {vlan}
        vlans |= {vlan} if member else set()
        self.members[port] = replace(now, egress=vlans) if egress else replace(now, untagged=vlans)
        self._note(port)

    def _note(self, port: str) -> None:
        self.moved.add(port)
        self.touched.add(port)


def _untagged(vlan: int) -> Membership:
    return Membership(vlan, {vlan}, {vlan})
