"""Arista EOS: IOS-like, without dynamic trunking."""

import re
from collections.abc import Sequence

from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import Unreadable
from integrations.network.cli.platforms import switchport
from integrations.network.cli.platforms.base import Reader, Shell, Undone, fields, known_port, need
from integrations.network.cli.platforms.tables import blocks, mac_tables
from integrations.network.ports import PortReading, PortState, Sighting

_MODES = {"static access": "access", "trunk": "trunk"}
_STATUS = re.compile(r"(?m)^(\S+) is (up|down|administratively down), line protocol is \w+")
_BUNDLE = re.compile(r"(?m)^\s+Member of (Port-Channel\d+)")
_ROW = re.compile(r"^\s*\d+\s+(?P<mac>\S+)\s+(?:STATIC|DYNAMIC)\s+(?P<port>\S+)", re.IGNORECASE)


class AristaEos:
    """Commands and readers of EOS. Output shapes: Arista EOS user manual, Ethernet ports, VLANs."""

    netmiko_type = "arista_eos"
    native_timer = False
    complaint = re.compile(r"(?m)^\s*% ")
    config_prompt = switchport.PROMPT_CONFIG
    tables = (
        blocks(
            r"show interfaces (?P<what>\S+) switchport",
            "show interfaces switchport",
            re.compile(r"(?m)^Name: (\S+)"),
            switchport.same_port,
        ),
        blocks(
            r"show interfaces (?P<what>\S+)",
            "show interfaces | include line protocol",
            re.compile(r"(?m)^(\S+) is "),
            switchport.same_port,
        ),
        *mac_tables("show mac address-table", _ROW, switchport.same_port),
    )

    def canonical(self, port: str) -> str:
        """See switchport.canonical."""
        return switchport.canonical(port)

    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """``show interfaces X switchport`` and ``show interfaces X``."""
        command = f"show interfaces {port} switchport"
        output = shell.ask(command)
        known_port(self, port, command, output)
        found = fields(output)
        switchport.check_name(need(found, "Name", command, output), port, command, output)
        mode, vlan = "routed", 0
        if need(found, "Switchport", command, output) == "Enabled":
            word = need(found, "Administrative Mode", command, output)
            mode = _MODES.get(word, word)
            text = need(found, "Access Mode VLAN", command, output)
            vlan = switchport.vlan_number(text, command, output)
        command = f"show interfaces {port}"
        output = shell.ask(command)
        known_port(self, port, command, output)
        status = _STATUS.search(output)
        if status is None:
            raise Unreadable(command, "no status line", output)
        switchport.check_name(status[1], port, command, output)
        bundle = _BUNDLE.search(output)
        state = PortState(
            switch=switch,
            port=port,
            mode=mode,
            vlan=vlan,
            admin="down" if status[2] == "administratively down" else "up",
        )
        return PortReading(state=state, bundle=bundle[1] if bundle else "")

    def sight(self, shell: Reader, port: str, mac: str) -> Sighting:
        """``show mac address-table interface X`` and ``... address M``."""
        return switchport.sight(self, shell, port, mac, _ROW)

    def learned(self, shell: Reader) -> list[tuple[str, str]]:
        """``show mac address-table``."""
        return switchport.learned(shell, _ROW)

    def has_vlan(self, shell: Reader, vlan: int) -> bool:
        """``show vlan id N``."""
        return switchport.has_vlan(shell, vlan)

    def moved(self, state: PortState, vlan: int) -> PortState:
        """Only the access VLAN changes."""
        return state.model_copy(update={"vlan": vlan})

    def write(self, shell: Shell, changes: Sequence[PortChange]) -> Undone:
        """``configure terminal``, ``interface X``, ``switchport access vlan N``, ..., ``end``."""
        return switchport.write(shell, changes)

    def save(self, shell: Shell) -> None:
        """``write memory``."""
        switchport.save(shell, "write memory", "Copy completed successfully")
