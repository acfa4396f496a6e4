"""Arista EOS: IOS-like, without dynamic trunking."""

import re

from integrations.network.cli.faults import Unreadable
from integrations.network.cli.platforms import switchport
from integrations.network.cli.platforms.base import Reader, fields, known_port, need
from integrations.network.cli.platforms.tables import blocks, mac_tables
from integrations.network.ports import PortReading, PortState

_MODES = {"static access": "access", "trunk": "trunk"}
_STATUS = re.compile(r"(?m)^(\S+) is (up|down|administratively down), line protocol is \w+")
_BUNDLE = re.compile(r"(?m)^\s+Member of (Port-Channel\d+)")
_ROW = re.compile(r"^\s*\d+\s+(?P<mac>\S+)\s+(?:STATIC|DYNAMIC)\s+(?P<port>\S+)", re.IGNORECASE)


class AristaEos(switchport.Switchport):
    """Commands and readers of EOS. Output shapes: Arista EOS user manual, Ethernet ports, VLANs."""

    netmiko_type = "arista_eos"
    complaint = re.compile(r"(?m)^\s*% ")
    rows = _ROW
    saves = "write memory"
    saved = "Copy completed successfully"
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
