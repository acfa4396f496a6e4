"""The estate file: sites, their switches and sentinels, and the devices."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from firebreak.domain.base import Model
from firebreak.domain.device import Device, Ip, Slug

# A reference to a secret, never the secret: `env:NAME`, `file:/path`.
SecretRef = Annotated[str, StringConstraints(pattern=r"^(env:[A-Z][A-Z0-9_]*|file:.+)$")]

Platform = Literal[
    "cisco_ios", "cisco_xe", "arista_eos", "cisco_nxos", "juniper_junos", "aruba_aoscx", "ovs_linux"
]


class Sentinel(Model):
    """Where a site is looked at from, and how.

    ``via`` is an argv prefix that runs a command at the vantage point (``ssh sentinel``, ``ip netns
    exec prod``); empty means from the worker itself. ``control`` must answer, or a look proves
    nothing. ``nat`` maps the inventory's networks to what the vantage point sees (1:1).
    """

    id: Slug
    method: Literal["tcp", "icmp", "arp"]
    port: int | None = Field(default=None, ge=1, le=65535)
    via: tuple[str, ...] = ()
    interface: str | None = None  # ARP needs one
    control: Ip
    control_port: int | None = Field(default=None, ge=1, le=65535)
    nat: dict[str, str] = Field(default_factory=dict)
    attempts: int = Field(default=3, ge=1, le=20)
    timeout_s: float = Field(default=1.0, gt=0, le=30)

    @field_validator("nat")
    @classmethod
    def _pairs_of_networks(cls, nat: dict[str, str]) -> dict[str, str]:
        for inside, outside in nat.items():
            sizes = [ipaddress.ip_network(n).num_addresses for n in (inside, outside)]
            if sizes[0] != sizes[1]:
                raise ValueError(f"nat {inside} -> {outside}: the networks differ in size")
        return nat

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.method == "tcp" and self.port is None:
            raise ValueError("a tcp sentinel needs a port")
        if self.method == "arp" and self.interface is None:
            raise ValueError("an arp sentinel needs an interface")
        return self


class Site(Model):
    """A place with its quarantine network and its sentinel."""

    id: Slug
    name: str = ""
    quarantine_vlan: int = Field(ge=2, le=4094)
    sentinel: Sentinel


class Switch(Model):
    """An access switch and how to reach its management plane.

    ``host_key`` is the one public key accepted (``ssh-ed25519 AAAA...``). ``uplinks`` are never
    touched, whatever the switch says about them.
    """

    id: Slug
    site: Slug
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    platform: Platform
    username: str
    password: SecretRef | None = None
    key_file: str | None = None  # path of a private key; its permissions protect it
    enable_secret: SecretRef | None = None
    host_key: str
    uplinks: tuple[str, ...] = ()
    bridge: str = "br0"  # ovs_linux: the bridge the ports belong to
    save: bool = True  # write the change to the startup configuration
    max_macs: int = Field(default=1, ge=1, le=8)  # more than this on a port: hands off

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.password is None) == (self.key_file is None):
            raise ValueError(f"switch {self.id}: give either password or key_file")
        return self


class Estate(Model):
    """Everything in the estate file, with every reference resolved."""

    sites: tuple[Site, ...]
    switches: tuple[Switch, ...] = ()
    devices: tuple[Device, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sites = _unique("site", [s.id for s in self.sites])
        switches = _unique("switch", [s.id for s in self.switches])
        _unique("device", [d.id for d in self.devices])
        _unique("MAC address", [d.mac for d in self.devices])
        _unique("IP address", [d.ip for d in self.devices if d.ip])
        for switch in self.switches:
            if switch.site not in sites:
                raise ValueError(
                    f"switch {switch.id} names site {switch.site}, which is not listed"
                )
        for device in self.devices:
            if device.site not in sites:
                raise ValueError(
                    f"device {device.id} names site {device.site}, which is not listed"
                )
            if device.attached and device.attached.switch not in switches:
                where = f"switch {device.attached.switch}"
                raise ValueError(f"device {device.id} hangs on {where}, which is not listed")
        return self


def _unique(what: str, values: list[str]) -> set[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} {value} is listed twice")
        seen.add(value)
    return seen
