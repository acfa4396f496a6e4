"""The platforms by the name the estate file gives them."""

from firebreak.domain.estate import Switch
from integrations.network.platforms.arista_eos import AristaEos
from integrations.network.platforms.aruba_aoscx import ArubaAosCx
from integrations.network.platforms.base import Platform
from integrations.network.platforms.cisco_ios import CiscoIos
from integrations.network.platforms.cisco_nxos import CiscoNxos
from integrations.network.platforms.juniper_junos import JuniperJunos
from integrations.network.platforms.ovs_linux import OvsLinux


def platform_of(switch: Switch) -> Platform:
    """The platform that drives this switch."""
    match switch.platform:
        case "cisco_ios" | "cisco_xe":
            return CiscoIos(switch.platform)
        case "arista_eos":
            return AristaEos()
        case "cisco_nxos":
            return CiscoNxos()
        case "aruba_aoscx":
            return ArubaAosCx()
        case "juniper_junos":
            return JuniperJunos()
        case "ovs_linux":
            return OvsLinux(switch.bridge)
