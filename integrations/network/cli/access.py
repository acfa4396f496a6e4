"""How to log in to a switch: the estate's ``cli`` entry, which not every switch has."""

from firebreak.domain.estate import CliAccess, Switch
from firebreak.errors import CapabilityMissing


def access(switch: Switch) -> CliAccess:
    """The switch's command line. Raises CapabilityMissing when the estate gives none."""
    if switch.cli is None:
        raise CapabilityMissing(f"switch {switch.id} has no `cli` entry in the estate")
    return switch.cli
