"""Why a port may not be touched. Each check raises Rejected with the reason and what to do."""

from typing import Protocol

from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Switch
from firebreak.domain.plan import Plan
from firebreak.errors import NotThere, Rejected
from integrations.network.ports import PortReading, PortState, Sighting


class Naming(Protocol):
    """How a switch spells its ports."""

    def canonical(self, port: str) -> str:
        """The port's one full name. Raises Rejected when it is no physical port's name."""
        ...


def attachment(device: Device) -> Attachment:
    """Where the device hangs. Raises NotThere when nobody has said yet."""
    if device.attached is None:
        raise NotThere(
            f"the inventory does not say which port {device.id} hangs on; add `attached`"
        )
    return device.attached


def same_site(device: Device, switch: Switch) -> None:
    """The quarantine VLAN is the site's: device and switch must share it."""
    if device.site != switch.site:
        raise Rejected(
            f"device {device.id} is of site {device.site} but hangs on switch {switch.id} "
            f"of site {switch.site}; correct the inventory"
        )


def no_uplink(names: Naming, switch: Switch, port: str) -> None:
    """``port`` is none of the switch's uplinks, however those are spelled."""
    for uplink in switch.uplinks:
        if uplink == port or _named(names, uplink) == port:
            raise Rejected(f"port {port} of switch {switch.id} is an uplink; it is never touched")


def _named(names: Naming, port: str) -> str:
    try:
        return names.canonical(port)
    except Rejected:
        return port  # a port channel: no physical port, never equal to one


def own_plan(plan: Plan, adapter: str, rung: str) -> None:
    """A control applies and reverts its own plans and no others."""
    if (plan.adapter, plan.rung) != (adapter, rung):
        raise Rejected(f"the plan is for {plan.adapter}/{plan.rung}, not {adapter}/{rung}")


def same_port(left: PortState, right: PortState) -> None:
    """A plan's two ends are about one port."""
    if (left.switch, left.port) != (right.switch, right.port):
        raise Rejected("the plan's before and after are about different ports")


def access_port(reading: PortReading) -> None:
    """One device's own port: no trunk, no bundle member, no phone in between."""
    state = reading.state
    where = f"port {state.port} of switch {state.switch}"
    if reading.bundle:
        raise Rejected(f"{where} belongs to {reading.bundle}; take it out of the bundle first")
    if state.mode == "trunk":
        raise Rejected(f"{where} is a trunk; it carries other devices, so it is not touched")
    if state.mode == "dynamic":
        raise Rejected(
            f"{where} negotiates trunking, so a device on it could leave the quarantine VLAN; "
            "configure `switchport mode access`"
        )
    if state.mode != "access":
        raise Rejected(f"{where} is no access port (its mode is {state.mode!r})")
    if reading.voice_vlan:
        raise Rejected(
            f"{where} has voice VLAN {reading.voice_vlan}; a phone stands between, and cutting it "
            "off needs a person"
        )


def whereabouts(device: Device, switch: Switch, port: str, seen: Sighting) -> tuple[bool, str]:
    """``(whether it was seen there, the evidence)`` from the MAC table.

    Raises:
        Rejected: several devices hang on the port.
        NotThere: the switch has the device on another port.
    """
    if len(seen.on_port) > switch.max_macs:
        raise Rejected(
            f"port {port} of switch {switch.id} has {len(seen.on_port)} MAC addresses, more than "
            f"max_macs ({switch.max_macs}); something with several devices hangs on it"
        )
    if device.mac in seen.on_port or port in seen.device_at:
        return True, f"the MAC table of {switch.id} has {device.mac} on {port}"
    if seen.device_at:
        places = ", ".join(seen.device_at)
        raise NotThere(
            f"the device has moved to {places}: switch {switch.id} has {device.mac} there and not "
            f"on {port}; correct `attached` in the inventory"
        )
    return False, f"the MAC table of {switch.id} does not have {device.mac}; it may be silent"
