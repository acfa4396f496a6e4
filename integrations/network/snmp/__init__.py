"""Network access over SNMPv3: where a MAC address is, and which VLAN its port is in."""
