"""The plant that the range simulates: which devices there are, and which port each hangs on."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from firebreak.cyber_range.devices import INSIDE
from firebreak.cyber_range.network import Node, PortConfig, SwitchState
from firebreak.cyber_range.ports import port_name
from firebreak.domain.device import Attachment, Criticality, Device, SafetyClass
from firebreak.domain.estate import Platform

SITE = "plant-1"
QUARANTINE_VLAN = 666
# The camera of the recorded Suricata alerts: its address stands in them.
BOT = 17

_FIRST = 11
_HOSTS = 250  # device numbers in each /24
_SPARE_PORTS = 4
_SMALLEST = 24


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of device: its share of the plant, its production network, and what it means."""

    prefix: str
    device_class: str
    label: str
    share: float
    vlan: int
    vlan_name: str
    criticality: Criticality
    safety: SafetyClass


CAMERA = Kind(
    "cam", "ip-camera", "Camera", 0.5, 110, "CAMERAS", Criticality.MEDIUM, SafetyClass.NONE
)
PLC = Kind(
    "plc", "plc", "Controller", 0.15, 120, "CONTROL", Criticality.CRITICAL, SafetyClass.PROTECTIVE
)
SENSOR = Kind(
    "sensor", "sensor", "Sensor", 0.25, 130, "SENSORS", Criticality.LOW, SafetyClass.MONITORING
)
GATEWAY = Kind(
    "gw", "gateway", "Field gateway", 0.1, 140, "GATEWAYS", Criticality.HIGH, SafetyClass.NONE
)
BADGE_READER = Kind(
    "badge", "badge-reader", "Badge reader", 0, 150, "DOORS", Criticality.HIGH, SafetyClass.NONE
)
KINDS = (CAMERA, PLC, SENSOR, GATEWAY, BADGE_READER)

VLANS = {
    1: "default",
    **{kind.vlan: kind.vlan_name for kind in KINDS},
    QUARANTINE_VLAN: "QUARANTINE",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A device of the estate and what it is on the wire."""

    device: Device
    node: Node


@dataclass(frozen=True, slots=True)
class Plant:
    """Switches with their uplinks, and devices in their places."""

    switches: tuple[SwitchState, ...]
    uplinks: dict[str, str]
    placed: tuple[Placed, ...]


def build(devices: int, switches: int, platforms: Sequence[Platform], seed: int) -> Plant:
    """A plant that is the same for the same arguments.

    Devices go round the switches in turn; the switches go round the platforms in turn. The bot
    ``cam-17`` is always there and, if there are enough devices, on the third port of ``sw-1``.

    Raises:
        ValueError: fewer than one device or switch, or more than the network holds.
    """
    if devices < 1 or switches < 1 or not platforms:
        raise ValueError("a range needs at least one device, one switch and one platform")
    kinds = _kinds(devices, seed)
    per_switch = -(-devices // switches)
    states: dict[str, SwitchState] = {}
    uplinks: dict[str, str] = {}
    for number in range(switches):
        platform = platforms[number % len(platforms)]
        if platform == "ovs_linux":
            raise ValueError("the range does not emulate ovs_linux: use a real Open vSwitch")
        state, uplink = _switch(f"sw-{number + 1}", platform, per_switch)
        states[state.name], uplinks[state.name] = state, uplink
    placed = []
    for index, number in enumerate(_numbers(devices, switches)):
        state = states[f"sw-{index % switches + 1}"]
        port = port_name(state.platform, index // switches)
        placed.append(_device(number, kinds[number], state, port))
    for state in states.values():
        state.startup = state.snapshot()
    return Plant(tuple(states.values()), uplinks, tuple(placed))


def _numbers(devices: int, switches: int) -> list[int]:
    numbers = [BOT, *(n for n in range(_FIRST, _FIRST + devices) if n != BOT)][:devices]
    third_port = min(2 * switches, devices - 1)
    numbers.insert(third_port, numbers.pop(0))
    return numbers


def _kinds(devices: int, seed: int) -> dict[int, Kind]:
    """What each number is: the shares, shuffled; one badge reader; the bot is a camera."""
    kinds = [kind for kind in KINDS for _ in range(round(kind.share * devices))]
    kinds = [*kinds, *[CAMERA] * devices][:devices]
    if devices > 1:
        kinds[-1] = BADGE_READER
    random.Random(seed).shuffle(kinds)  # noqa: S311 - a plant, not a secret
    numbers = sorted(_numbers(devices, 1))
    assigned = dict(zip(numbers, kinds, strict=True))
    if assigned[BOT] is not CAMERA:
        other = next((n for n in numbers if assigned[n] is CAMERA), None)
        if other is not None:
            assigned[other] = assigned[BOT]
        assigned[BOT] = CAMERA
    return assigned


def _switch(name: str, platform: Platform, devices: int) -> tuple[SwitchState, str]:
    count = max(_SMALLEST, devices + _SPARE_PORTS)
    names = [port_name(platform, index) for index in range(count)]
    ports = {port: PortConfig() for port in names}
    ports[names[-1]] = PortConfig(mode="trunk", description="uplink to core")
    vlans = {**VLANS, 1: "DEFAULT_VLAN_1"} if platform == "aruba_aoscx" else VLANS
    return SwitchState(name, platform, vlans, ports), names[-1]


def _device(number: int, kind: Kind, state: SwitchState, port: str) -> Placed:
    identifier = f"{kind.prefix}-{number}"
    ip = str(INSIDE.network_address + number // _HOSTS * 256 + number % _HOSTS + number // _HOSTS)
    digits = f"{number:012d}"
    mac = "02" + digits[2:]
    device = Device.model_validate(
        {
            "id": identifier,
            "name": f"{kind.label} {number}",
            "mac": mac,
            "ip": ip,
            "site": SITE,
            "class": kind.device_class,
            "criticality": Criticality.HIGH if number == BOT else kind.criticality,
            "safety": kind.safety,
            "attached": Attachment(switch=state.name, port=port),
        }
    )
    config = PortConfig(vlan=kind.vlan, description=identifier)
    state.ports[port].config = state.ports[port].forwarding = config
    return Placed(device, Node(identifier, device.mac, ip, kind.vlan))
