"""Aruba AOS-CX (10.06 or later, which shows the VLAN mode of an interface)."""

import operator
import re
from collections.abc import Sequence

from firebreak.errors import Rejected
from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import Unreadable
from integrations.network.cli.platforms import switchport
from integrations.network.cli.platforms.base import Reader, Shell, Undone, fields, known_port
from integrations.network.cli.platforms.tables import mac_tables
from integrations.network.ports import PortReading, PortState, Sighting

_PORT = re.compile(r"\d{1,2}/\d{1,2}/\d{1,3}")
_STATUS = re.compile(r"(?m)^Interface (\S+) is (?:up|down)")
_ADMIN = re.compile(r"(?m)^\s+Admin state is (up|down)\b")
_ROW = re.compile(r"^\s*(?P<mac>\S+)\s+\d+\s+\S+\s+(?P<port>\S+)\s*$")


class ArubaAosCx:
    """Commands and readers of AOS-CX. Output shapes: AOS-CX CLI guide, interfaces and VLANs."""

    netmiko_type = "aruba_aoscx"
    native_timer = False
    complaint = re.compile(
        r"(?mi)^\s*(?:% |Invalid input|Error:|Cannot |Command authorization failed|"
        r"Interface \S+ (?:does not exist|not found)|VLAN \d+ should be created)"
    )
    config_prompt = switchport.PROMPT_CONFIG
    tables = mac_tables("show mac-address-table", _ROW, operator.eq)

    def canonical(self, port: str) -> str:
        """``1/1/7``. Raises Rejected."""
        if not _PORT.fullmatch(port):
            raise Rejected(f"{port!r} is not the name of a physical port; write it like 1/1/7")
        return port

    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """``show interface X``: a port without a VLAN mode is routed or in a LAG."""
        command = f"show interface {port}"
        output = shell.ask(command)
        known_port(self, port, command, output)
        name, admin = _STATUS.search(output), _ADMIN.search(output)
        if name is None or admin is None:
            raise Unreadable(command, "no status or admin state", output)
        if name[1] != port:
            raise Unreadable(command, f"it is about {name[1]!r}, not {port}", output)
        found = fields(output)
        mode = found.get("VLAN Mode", "routed or in a LAG")
        vlan = "0"
        if mode == "access":
            vlan = found.get("Access VLAN", "")
        elif mode.startswith("native"):
            mode, vlan = "trunk", found.get("Native VLAN", "")
        state = PortState(
            switch=switch,
            port=port,
            mode=mode,
            vlan=switchport.vlan_number(vlan, command, output),
            admin="up" if admin[1] == "up" else "down",
        )
        return PortReading(state=state, bundle=found.get("Aggregated-interface", ""))

    def sight(self, shell: Reader, port: str, mac: str) -> Sighting:
        """``show mac-address-table port X`` and ``... address M``."""
        command = f"show mac-address-table port {port}"
        rows = switchport.mac_rows(self._table(shell, port, command), _ROW, command)
        on_port = frozenset(found for found, at in rows if at == port)
        command = f"show mac-address-table address {mac}"
        rows = switchport.mac_rows(self._table(shell, port, command), _ROW, command)
        device_at = {at for found, at in rows if found == mac}
        return Sighting(on_port=on_port, device_at=tuple(sorted(device_at)))

    def learned(self, shell: Reader) -> list[tuple[str, str]]:
        """``show mac-address-table``."""
        command = "show mac-address-table"
        rows = switchport.mac_rows(shell.ask(command), _ROW, command)
        return [(mac, at) for mac, at in rows if _PORT.fullmatch(at)]

    def _table(self, shell: Reader, port: str, command: str) -> str:
        output = shell.ask(command)
        known_port(self, port, command, output)
        return output

    def has_vlan(self, shell: Reader, vlan: int) -> bool:
        """``show vlan N`` has a row for it. A VLAN without ports is down and still exists."""
        output = shell.ask(f"show vlan {vlan}")
        return re.search(rf"(?m)^\s*{vlan}\s+\S+\s+(?:up|down)\b", output) is not None

    def moved(self, state: PortState, vlan: int) -> PortState:
        """Only the access VLAN changes."""
        return state.model_copy(update={"vlan": vlan})

    def write(self, shell: Shell, changes: Sequence[PortChange]) -> Undone:
        """``configure terminal``, ``interface X``, ``vlan access N``, ..., ``end``."""
        return switchport.write(shell, changes, access="vlan access {}")

    def save(self, shell: Shell) -> None:
        """``write memory``."""
        switchport.save(shell, "write memory", "Success")
