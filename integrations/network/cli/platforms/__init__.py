"""The platforms by the name the estate file gives them."""

from firebreak.domain.estate import Switch
from integrations.network.cli.access import access
from integrations.network.cli.platforms.arista_eos import AristaEos
from integrations.network.cli.platforms.aruba_aoscx import ArubaAosCx
from integrations.network.cli.platforms.base import Platform
from integrations.network.cli.platforms.cisco_ios import CiscoIos
from integrations.network.cli.platforms.cisco_nxos import CiscoNxos
from integrations.network.cli.platforms.juniper_junos import JuniperJunos
from integrations.network.cli.platforms.ovs_linux import OvsLinux


def platform_of(switch: Switch) -> Platform:
    """The platform that drives this switch."""
    cli = access(switch)
    match cli.platform:
        case "cisco_ios" | "cisco_xe":
            return CiscoIos(cli.platform)
        case "arista_eos":
            return AristaEos()
        case "cisco_nxos":
            return CiscoNxos()
        case "aruba_aoscx":
            return ArubaAosCx()
        case "juniper_junos":
            return JuniperJunos()
        case "ovs_linux":
            return OvsLinux(cli.bridge)
