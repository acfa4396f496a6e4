"""What a switch knows of its neighborhood: its ports' names, its MAC table, and who speaks LLDP."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

from integrations.network.snmp.agent import Line
from integrations.network.snmp.engine import Value
from integrations.network.snmp.interfaces import Interface, Interfaces
from integrations.network.snmp.mib import (
    BASE_PORT_IF_INDEX,
    FDB_PORT,
    FDB_STATUS,
    IF_DESCR,
    IF_NAME,
    LLDP_LOCAL_ID,
    LLDP_REMOTE_ABLE,
    LLDP_REMOTE_CHASSIS,
    Q_FDB_PORT,
    Q_FDB_STATUS,
    VLAN_FDB_ID,
    VTP_VLAN_STATE,
    Oid,
)

_MAC = 6  # octets, and numbers of an index
_INVALID, _SELF = 2, 4  # an entry that ages out, and the switch's own address
_OPERATIONAL = 1
# LldpSystemCapabilitiesMap: repeater, bridge, WLAN access point, router, telephone.
_FORWARDS = 0b01111100
_LEGACY_VLANS = range(1002, 1006)  # Cisco's FDDI and Token Ring VLANs, which have no MAC table


@dataclass(frozen=True)
class Learned:
    """One row of the MAC table. ``port`` is a name; ``vlan`` is None where it is not told."""

    mac: str
    port: str
    vlan: int | None = None


async def interfaces(line: Line, *, fresh: bool = False) -> Interfaces:
    """The switch's ports, as kept from the last reading unless ``fresh``. Raises as Line.walk."""
    if fresh or line.agent.interfaces is None:
        bases, names, descrs = await line.walk(BASE_PORT_IF_INDEX, IF_NAME, IF_DESCR)
        base_of = {index: oid[0] for oid, index in bases.items() if len(oid) == 1}
        indexes = sorted({oid[0] for oid in (*names, *descrs) if len(oid) == 1})
        line.agent.interfaces = Interfaces(
            [
                Interface(
                    index,
                    text(names.get((index,))) or text(descrs.get((index,))),
                    text(descrs.get((index,))),
                    base_of.get(index, 0),
                )
                for index in indexes
            ],
            line.switch.id,
        )
    return line.agent.interfaces


async def mac_table(line: Line, ports: Interfaces) -> tuple[Learned, ...]:
    """Every address the switch has learned, from Q-BRIDGE-MIB, or else from BRIDGE-MIB.

    The switch's own addresses are left out. A Cisco switch has a table for each VLAN, in the SNMP
    context ``vlan-<id>`` (unconfirmed). Raises as Line.walk.
    """
    if line.agent.access.vlan_by == "cisco":
        return tuple([row async for row in _by_context(line)])
    at, status, fdb_ids = await line.walk(Q_FDB_PORT, Q_FDB_STATUS, VLAN_FDB_ID)
    if at:
        vlan_of = {fdb: oid[-1] for oid, fdb in fdb_ids.items()}
        rows = _learned(at, status, width=1 + _MAC)
        return tuple(
            Learned(_mac(oid[1:]), ports.at_base(base), vlan_of.get(oid[0])) for oid, base in rows
        )
    at, status = await line.walk(FDB_PORT, FDB_STATUS)
    return tuple(
        Learned(_mac(oid), ports.at_base(base)) for oid, base in _learned(at, status, width=_MAC)
    )


async def _by_context(line: Line) -> AsyncIterator[Learned]:
    (states,) = await line.walk(VTP_VLAN_STATE)
    vlans = {oid[-1] for oid, state in states.items() if state == _OPERATIONAL}
    for vlan in sorted(vlans - set(_LEGACY_VLANS)):
        bases, at, status = await line.walk(
            BASE_PORT_IF_INDEX, FDB_PORT, FDB_STATUS, context=f"vlan-{vlan}"
        )
        known = await interfaces(line)
        for oid, base in _learned(at, status, width=_MAC):
            port = known.by_index.get(_number(bases.get((base,))))
            yield Learned(_mac(oid), port.name if port else f"bridge port {base}", vlan)


def _learned(
    at: dict[Oid, Value], status: dict[Oid, Value], *, width: int
) -> Iterator[tuple[Oid, int]]:
    for oid, base in at.items():
        own = status.get(oid) in (_INVALID, _SELF)
        if len(oid) == width and isinstance(base, int) and base > 0 and not own:
            yield oid, base


async def neighbors(line: Line, ports: Interfaces, rows: Iterable[Learned]) -> dict[str, str]:
    """Ports behind which something forwards frames, by LLDP: their names, and who is there.

    A neighbor that tells no capabilities counts, unless its own address is the only one that
    ``rows`` have on the port: then it is an end device. Raises as Line.walk.
    """
    chassis, able, local = await line.walk(LLDP_REMOTE_CHASSIS, LLDP_REMOTE_ABLE, LLDP_LOCAL_ID)
    crowd: dict[str, set[str]] = {}
    for row in rows:
        crowd.setdefault(row.port, set()).add(row.mac)
    found: dict[str, str] = {}
    for oid, value in chassis.items():
        if len(oid) != 3:  # noqa: PLR2004 - time mark, local port number, index
            continue
        who, told = _chassis(value), able.get(oid)
        silent = not isinstance(told, bytes) or not any(told)
        for name in _local(ports, oid[1], local.get((oid[1],))):
            alone = silent and crowd.get(name) == {who}
            if not alone and (silent or _forwards(told)):
                found[name] = who
    return found


def _forwards(told: Value | None) -> bool:
    return isinstance(told, bytes) and bool(told[0] & _FORWARDS)


def _local(ports: Interfaces, number: int, told: Value | None) -> set[str]:
    """The port an LLDP port number means: what it calls itself, else every port it may be.

    IEEE 802.1AB wants the number to be the bridge port's, and many agents send the ifIndex.
    """
    own = text(told).lower()
    known = ports.by_index.values() if own else ()
    named = {p.name for p in known if own in (p.name.lower(), p.descr.lower())}
    may_be = (ports.by_base.get(number), ports.by_index.get(number))
    return named or {port.name for port in may_be if port}


def text(value: Value | None) -> str:
    """A DisplayString; what is not printable is left out, for it ends up in messages."""
    if not isinstance(value, bytes):
        return ""
    return "".join(c for c in value.decode("utf-8", "replace") if c.isprintable()).strip()


def _number(value: Value | None) -> int:
    return value if isinstance(value, int) else 0


def _chassis(value: Value) -> str:
    if isinstance(value, bytes) and len(value) == _MAC:
        return value.hex(":")
    return text(value) or "a neighbor without a name"


def _mac(numbers: Oid) -> str:
    return bytes(number & 0xFF for number in numbers).hex(":")
