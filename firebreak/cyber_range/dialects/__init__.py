"""Which command line a platform has."""

from collections.abc import Callable

from firebreak.cyber_range.console import Console
from firebreak.cyber_range.dialects.arista_eos import AristaEos
from firebreak.cyber_range.dialects.aruba_aoscx import ArubaAoscx
from firebreak.cyber_range.dialects.cisco_ios import CiscoIos
from firebreak.cyber_range.dialects.cisco_nxos import CiscoNxos
from firebreak.cyber_range.dialects.shell import Shell
from firebreak.domain.estate import Platform

# Junos is not here: its shells share a configuration database (see switch.py).
SHELLS: dict[Platform, Callable[[Console], Shell]] = {
    "cisco_ios": CiscoIos,
    "cisco_xe": CiscoIos,
    "arista_eos": AristaEos,
    "cisco_nxos": CiscoNxos,
    "aruba_aoscx": ArubaAoscx,
}
