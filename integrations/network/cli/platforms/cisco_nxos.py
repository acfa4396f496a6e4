"""Cisco NX-OS (Nexus): IOS-like; the mode is read from the configuration, also on a down port."""

import re

from integrations.network.cli.faults import Unreadable
from integrations.network.cli.platforms import switchport
from integrations.network.cli.platforms.base import Reader, fields, known_port, need
from integrations.network.cli.platforms.tables import blocks, mac_tables
from integrations.network.ports import Admin, PortReading, PortState

_ADMIN = re.compile(r"(?m)^\s*admin state is (up|down)\b")
_NAME = re.compile(r"(?m)^(\S+) is (?:up|down)\b")
_BUNDLE = re.compile(r"(?m)^\s*channel-group (\d+)")
_MODE = re.compile(r"(?m)^\s*switchport mode (\S+)")
_ROW = re.compile(
    r"^[\s*GROC+()]*(?:\d+|-)\s+(?P<mac>\S+)\s+\S+\s+\S+\s+\S+\s+\S+\s+(?P<port>\S+)\s*$"
)


class CiscoNxos(switchport.Switchport):
    """Commands and readers of NX-OS. Output shapes: Nexus interfaces command reference."""

    netmiko_type = "cisco_nxos"
    complaint = re.compile(r"(?mi)^\s*(?:% |ERROR: |Invalid )")
    rows = _ROW
    saves = "copy running-config startup-config"
    saved = "Copy complete"
    tables = (
        blocks(
            r"show interface (?P<what>\S+) switchport",
            "show interface switchport",
            re.compile(r"(?m)^Name: (\S+)"),
            switchport.same_port,
        ),
        *mac_tables("show mac address-table", _ROW, switchport.same_port),
    )

    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """``show interface X [switchport]`` and ``show running-config interface X``."""
        command = f"show interface {port} switchport"
        output = shell.ask(command)
        known_port(self, port, command, output)
        found = fields(output)
        switchport.check_name(need(found, "Name", command, output), port, command, output)
        switched = need(found, "Switchport", command, output) == "Enabled"
        vlan = need(found, "Access Mode VLAN", command, output) if switched else "0"
        number = switchport.vlan_number(vlan, command, output)
        admin = self._admin(shell, port)
        command = f"show running-config interface {port}"
        config = shell.ask(command)
        known_port(self, port, command, config)
        if not re.search(rf"(?m)^interface {re.escape(port)}\s*$", config):
            raise Unreadable(command, f"no 'interface {port}'", config)
        mode = _MODE.search(config)  # access is the default and not shown
        bundle = _BUNDLE.search(config)
        voice = found.get("Voice VLAN", "none")
        state = PortState(
            switch=switch,
            port=port,
            mode="routed" if not switched else mode[1] if mode else "access",
            vlan=number,
            admin=admin,
        )
        return PortReading(
            state=state,
            bundle=f"port-channel{bundle[1]}" if bundle else "",
            voice_vlan="" if voice == "none" else voice,
        )

    def _admin(self, shell: Reader, port: str) -> Admin:
        command = f"show interface {port}"
        output = shell.ask(command)
        known_port(self, port, command, output)
        name, admin = _NAME.search(output), _ADMIN.search(output)
        if name is None or admin is None:
            raise Unreadable(command, "no admin state", output)
        switchport.check_name(name[1], port, command, output)
        return "up" if admin[1] == "up" else "down"
