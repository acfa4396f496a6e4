"""Run by net-snmpd (``pass_persist``): Q-BRIDGE, BRIDGE and IF objects of a real Open vSwitch.

Not imported by anything: ``snmp_pass.py FOLDER BRIDGE VLAN...``. It speaks to ovsdb-server itself,
for a table is read by one call a row. It has no transactions: the objects of one SET come one after
the other, as in the less careful agents of this world.
"""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Oid = tuple[int, ...]
Typed = tuple[str, str]

BRIDGE_MIB: Oid = (1, 3, 6, 1, 2, 1, 17)
IF_DESCR: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
IF_ADMIN: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 7)
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
BASE_IF_INDEX: Oid = (*BRIDGE_MIB, 1, 4, 1, 2)
FDB_PORT: Oid = (*BRIDGE_MIB, 7, 1, 2, 2, 1, 2)
FDB_STATUS: Oid = (*BRIDGE_MIB, 7, 1, 2, 2, 1, 3)
VLAN_FDB: Oid = (*BRIDGE_MIB, 7, 1, 4, 2, 1, 3)
CURRENT_EGRESS: Oid = (*BRIDGE_MIB, 7, 1, 4, 2, 1, 4)
STATIC_EGRESS: Oid = (*BRIDGE_MIB, 7, 1, 4, 3, 1, 2)
STATIC_UNTAGGED: Oid = (*BRIDGE_MIB, 7, 1, 4, 3, 1, 4)
PVID: Oid = (*BRIDGE_MIB, 7, 1, 4, 5, 1, 1)
LIST_OCTETS = 4
LEARNED = 3

FOLDER = Path(sys.argv[1])
SWITCH = sys.argv[2]
VLANS = [int(text) for text in sys.argv[3:]]


class Database:
    """One connection to ovsdb-server (RFC 7047)."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(FOLDER / "db.sock"))
        self._number = 0

    def do(self, *operations: dict[str, Any]) -> list[dict[str, Any]]:
        self._number += 1
        call = {"method": "transact", "params": ["Open_vSwitch", *operations], "id": self._number}
        self._socket.sendall(json.dumps(call).encode())
        text = ""
        while True:
            text += self._socket.recv(65536).decode()
            try:
                answer = json.loads(text)
            except json.JSONDecodeError:
                continue
            if answer.get("id") == self._number:
                result: list[dict[str, Any]] = answer["result"]
                return result
            text = ""


class Port:
    """A port of the bridge, with its OpenFlow number as its bridge port number."""

    def __init__(self, port: dict[str, Any], interface: dict[str, Any]) -> None:
        self.name: str = port["name"]
        self.base: int = interface["ofport"]
        self.index: int = interface["ifindex"]
        self.up = interface["admin_state"] == "up"
        self.tag = port["tag"] if isinstance(port["tag"], int) else None
        trunks = port["trunks"]
        self.trunks = {trunks} if isinstance(trunks, int) else set(trunks[1])

    @property
    def egress(self) -> set[int]:
        return self.trunks | ({self.tag} if self.tag else set())


DATABASE = Database()
CUT: set[Oid] = set()  # where a SET was cut off; the rest of it is not done either


def ports() -> list[Port]:
    rows, interfaces = DATABASE.do(
        {"op": "select", "table": "Port", "where": [], "columns": ["name", "tag", "trunks"]},
        {
            "op": "select",
            "table": "Interface",
            "where": [],
            "columns": ["name", "ofport", "ifindex", "admin_state"],
        },
    )
    by_name = {row["name"]: row for row in interfaces["rows"]}
    found = [Port(row, by_name[row["name"]]) for row in rows["rows"] if row["name"] != SWITCH]
    return sorted(found, key=lambda port: port.base)


def port_list(chosen: list[Port]) -> Typed:
    octets = bytearray(LIST_OCTETS)
    for port in chosen:
        octets[(port.base - 1) // 8] |= 0x80 >> (port.base - 1) % 8
    return "octet", octets.hex(" ")


def objects(beyond: Oid) -> dict[Oid, Typed]:
    """Everything, but the MAC table only for who asks for something up to it."""
    known = ports()
    found: dict[Oid, Typed] = {}
    for port in known:
        found[*IF_DESCR, port.index] = found[*IF_NAME, port.index] = ("string", port.name)
        found[*IF_ADMIN, port.index] = ("integer", "1" if port.up else "2")
        found[*BASE_IF_INDEX, port.base] = ("integer", str(port.index))
        found[*PVID, port.base] = ("gauge", str(port.tag or 1))
    for vlan in VLANS:
        member = port_list([port for port in known if vlan in port.egress])
        found[*STATIC_EGRESS, vlan] = found[*CURRENT_EGRESS, 0, vlan] = member
        found[*STATIC_UNTAGGED, vlan] = port_list([port for port in known if vlan == port.tag])
        found[*VLAN_FDB, 0, vlan] = ("integer", str(vlan))
    if beyond < (*FDB_STATUS, 4095):
        for port_number, vlan, mac in learned():
            index = (vlan, *bytes.fromhex(mac.replace(":", "")))
            found[*FDB_PORT, *index] = ("integer", str(port_number))
            found[*FDB_STATUS, *index] = ("integer", str(LEARNED))
    return found


def learned() -> Iterator[tuple[int, int, str]]:
    control = next(FOLDER.glob("ovs-vswitchd.*.ctl"))
    argv = ["ovs-appctl", f"--target={control}", "fdb/show", SWITCH]
    table = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    for number, vlan, mac in re.findall(
        r"^\s*(\d+)\s+(\d+)\s+([0-9a-f:]{17})", table, re.MULTILINE
    ):
        yield int(number), int(vlan), mac


def fault() -> str:
    path = FOLDER / "snmp-fault"
    return path.read_text() if path.exists() else ""


def wait_out() -> None:
    """Hang, and the whole agent with it, until somebody ends the fault."""
    while fault():
        time.sleep(0.01)


def write(oid: Oid, kind: str, text: str) -> str:
    """Do one object of a SET; the answer in the words of pass_persist."""
    if fault() == "cut-before-write":
        wait_out()
        CUT.add(oid)
    if fault() == "refuse-write" or CUT:
        return "not-writable"
    port = next((p for p in ports() if oid in ((*PVID, p.base), (*IF_ADMIN, p.index))), None)
    if oid[:-1] in (STATIC_EGRESS, STATIC_UNTAGGED) and oid[-1] in VLANS:
        status = write_list(oid, bytes.fromhex(text.strip('" ').replace(" ", "")))
    elif port is None:
        return "not-writable"
    elif oid[:-1] == PVID:
        status = move(port, int(text)) if int(text) in VLANS else "wrong-value"
    else:
        status = switch(port, {"1": "up", "2": "down"}.get(text, ""))
    del kind
    with (FOLDER / "snmp-writes").open("a") as log:
        log.write(f"{'.'.join(map(str, oid))} {text}\n")
    if fault().startswith("cut-after-write") and plain(fault().partition(" ")[2]):
        wait_out()
    return status


def plain(port: str) -> bool:
    """Whether the change has come to its end: the port is a member of one VLAN, or shut."""
    return all(not p.trunks or not p.up for p in ports() if p.name == port)


def write_list(oid: Oid, octets: bytes) -> str:
    if len(octets) != LIST_OCTETS:
        return "wrong-length"
    vlan = oid[-1]
    for port in ports():
        member = bool(octets[(port.base - 1) // 8] & 0x80 >> (port.base - 1) % 8)
        if oid[:-1] == STATIC_EGRESS and member != (vlan in port.egress):
            wanted = port.trunks | {vlan} if member else port.trunks - {vlan}
            configure(port, port.tag, wanted | {port.tag or vlan} if member else wanted)
        elif oid[:-1] == STATIC_UNTAGGED and member and port.tag != vlan:
            configure(port, vlan, port.egress)
        elif oid[:-1] == STATIC_UNTAGGED and not member and port.tag == vlan:
            return "inconsistent-value"  # an Open vSwitch port has always one
    return "DONE"


def move(port: Port, vlan: int) -> str:
    if port.tag != vlan:
        configure(port, vlan, port.trunks)
    return "DONE"


def configure(port: Port, tag: int | None, trunks: set[int]) -> None:
    """Bring a port's membership about; one VLAN, untagged, is an access port."""
    access = trunks <= {tag}
    row = {
        "tag": ["set", [] if tag is None else [tag]],
        "trunks": ["set", [] if access else sorted(trunks)],
        "vlan_mode": "access" if access else "native-untagged",
    }
    where = [["name", "==", port.name]]
    DATABASE.do({"op": "update", "table": "Port", "where": where, "row": row})


def switch(port: Port, wanted: str) -> str:
    if not wanted:
        return "wrong-value"
    argv = ["ovs-ofctl", "--timeout=5", "mod-port", SWITCH, port.name, wanted]
    subprocess.run(argv, capture_output=True, check=True)
    end = time.monotonic() + 2
    while next(p for p in ports() if p.name == port.name).up != (wanted == "up"):
        if time.monotonic() > end:
            return "wrong-value"
    return "DONE"


def numbers(text: str) -> Oid:
    return tuple(int(part) for part in text.strip().strip(".").split("."))


def answer(command: str) -> list[str]:
    if command == "PING":
        return ["PONG"]
    oid = numbers(sys.stdin.readline())
    if command == "set":
        kind, _, text = sys.stdin.readline().strip().partition(" ")
        return [write(oid, kind, text)]
    CUT.clear()
    shown = objects(oid)
    found = oid if command == "get" else min((o for o in shown if o > oid), default=())
    if found not in shown:
        return ["NONE"]
    return ["." + ".".join(map(str, found)), *shown[found]]


for line in iter(sys.stdin.readline, ""):
    if line.strip():  # net-snmp sends an empty line after each SET
        sys.stdout.write("\n".join(answer(line.strip())) + "\n")
        sys.stdout.flush()
