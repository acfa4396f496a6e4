"""The estate file: sites, their switches and sentinels, and the devices."""

import ipaddress
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, field_validator, model_validator

from firebreak.domain.base import JsonObject, Model, SecretRef
from firebreak.domain.device import Device, Ip, Slug
from firebreak.domain.interlock import Interlock
from firebreak.domain.limits import Limits

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


class HttpApi(Model):
    """A system behind a REST API. TLS is always verified, against ``ca_file`` when given."""

    url: Annotated[str, StringConstraints(pattern=r"^https://[^\s/@]+(/[^\s@]*)?$")]
    ca_file: str | None = None
    timeout_s: float = Field(default=10.0, gt=0, le=60)


class IseNac(HttpApi):
    """Cisco ISE: ANC over ERS, and the session truth from the MnT node at ``mnt_url``."""

    kind: Literal["ise"]
    mnt_url: str | None = Field(default=None, pattern=r"^https://[^\s/@]+(/[^\s@]*)?$")
    username: str
    password: SecretRef
    policy: str = Field(min_length=1, max_length=128)  # the ANC policy that quarantines
    profile: str | None = None  # the authorization profile a quarantined session must show

    @model_validator(mode="after")
    def _profile_can_be_read(self) -> Self:
        if self.profile is not None and self.mnt_url is None:
            raise ValueError("profile is read from the MnT node; give mnt_url too")
        return self


class PacketFenceNac(HttpApi):
    """PacketFence: a security event that isolates.

    ``role`` is the role that an isolated node's open location must show; without it the open event
    is all that is looked at.
    """

    kind: Literal["packetfence"]
    username: str
    password: SecretRef
    security_event: int = Field(ge=1)
    role: str | None = Field(default=None, min_length=1, max_length=64)


class ClearPassNac(HttpApi):
    """Aruba ClearPass: an endpoint attribute that its policy reads, and a change of authorization.

    ``attribute`` set to ``quarantine`` must lead to the quarantine role; ``profile`` is the
    enforcement profile of the CoA that makes the session authenticate again.
    """

    kind: Literal["clearpass"]
    client_id: str
    client_secret: SecretRef
    attribute: str = Field(default="Firebreak", min_length=1, max_length=64)
    profile: str = Field(min_length=1, max_length=128)


Nac = Annotated[IseNac | PacketFenceNac | ClearPassNac, Field(discriminator="kind")]


MacStyle = Literal[
    "04-0E-3C-A1-B2-C3",  # RFC 3580; what FreeRADIUS's rewrite_calling_station_id makes
    "04-0e-3c-a1-b2-c3",
    "04:0E:3C:A1:B2:C3",
    "04:0e:3c:a1:b2:c3",
    "040e.3ca1.b2c3",
    "040e3c-a1b2c3",
    "040E3CA1B2C3",
    "040e3ca1b2c3",
]


# What `kill` and service managers are told to have a daemon reload by SIGHUP.
_SIGNALS = frozenset({"-HUP", "-SIGHUP", "-1", "HUP", "SIGHUP", "reload", "force-reload"})


class FreeRadiusUsers(Model):
    """FreeRADIUS with a ``users`` file of Firebreak's own, ``$INCLUDE``d by the main one.

    ``reload`` is the argv that makes the server read it again; it fails when the server did not:
    ``radmin -e "hup files"``, or a restart. No signal: FreeRADIUS 3 then looks at its main users
    file only, finds that unchanged, and does nothing. It also ignores a reload that comes within
    3 s of another, and reports success; ``reload_gap_s`` is that time. 0 says that every reload
    counts, as a restart does.
    """

    kind: Literal["freeradius-users"]
    file: str
    reload: tuple[str, ...] = Field(min_length=1)
    reload_gap_s: float = Field(default=3.0, ge=0, le=30)

    @field_validator("reload")
    @classmethod
    def _no_signal(cls, argv: tuple[str, ...]) -> tuple[str, ...]:
        if not _SIGNALS.isdisjoint(argv):
            raise ValueError(
                "FreeRADIUS does not read an included users file again on a signal; "
                "use radmin -e 'hup files', or a restart"
            )
        return argv


class FreeRadiusSql(Model):
    """FreeRADIUS with rlm_sql: a row of Firebreak's own in radusergroup.

    ``url`` refers to a SQLAlchemy URL, which holds a password. ``mac`` is how the MAC address
    04:0e:3c:a1:b2:c3 is written in the ``username`` column.
    """

    kind: Literal["freeradius-sql"]
    url: SecretRef
    mac: MacStyle = "04-0E-3C-A1-B2-C3"


Authorization = Annotated[FreeRadiusUsers | FreeRadiusSql, Field(discriminator="kind")]


class Meraki(HttpApi):
    """Cisco Meraki dashboard."""

    kind: Literal["meraki"]
    url: str = Field(default="https://api.meraki.com/api/v1", pattern=r"^https://[^\s@]+$")
    key: SecretRef
    organization: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")


class Mist(HttpApi):
    """Juniper Mist; ``site_id`` is Mist's own id of the site."""

    kind: Literal["mist"]
    url: str = Field(default="https://api.mist.com", pattern=r"^https://[^\s@]+$")
    token: SecretRef
    site_id: str = Field(pattern=r"^[0-9a-fA-F-]{1,64}$")
    quarantine_usage: str = Field(min_length=1, max_length=32)  # the port usage (profile) to apply


Controller = Annotated[Meraki | Mist, Field(discriminator="kind")]


class Site(Model):
    """A place: its quarantine network, its sentinel, and the systems that decide about access.

    ``nac`` is asked by rung ``nac``; ``authorization`` is where the RADIUS server of rung
    ``radius`` takes its answers from; ``controller`` manages switches from the cloud.
    ``time_zone`` is an IANA name: what policy calls night is the site's own.
    """

    id: Slug
    name: str = ""
    time_zone: str = "UTC"
    quarantine_vlan: int = Field(ge=2, le=4094)
    sentinel: Sentinel
    nac: Nac | None = None
    authorization: Authorization | None = None
    controller: Controller | None = None

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone; write it like Europe/Berlin") from None
        return name


class CliAccess(Model):
    """A switch's command line over SSH.

    ``host_key`` is the one public key accepted (``ssh-ed25519 AAAA...``).
    """

    host: str
    port: int = Field(default=22, ge=1, le=65535)
    platform: Platform
    username: str
    password: SecretRef | None = None
    key_file: str | None = None  # path of a private key; its permissions protect it
    enable_secret: SecretRef | None = None
    host_key: str
    bridge: str = "br0"  # ovs_linux: the bridge the ports belong to
    save: bool = True  # write the change to the startup configuration

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.password is None) == (self.key_file is None):
            raise ValueError("give either password or key_file")
        return self


class SnmpAccess(Model):
    """A switch's SNMPv3 agent, always authPriv.

    ``vlan_by`` says which objects move a port: ``pvid`` (Q-BRIDGE-MIB PVID, egress and untagged
    sets) or ``cisco`` (vmVlan). ``write: false`` locates devices and changes nothing. ``dot1x``
    says that the ports run 802.1X and the agent takes writes to IEEE8021-PAE-MIB.
    """

    host: str
    port: int = Field(default=161, ge=1, le=65535)
    user: str = Field(min_length=1, max_length=32)
    auth: Literal["sha224", "sha256", "sha384", "sha512"] = "sha256"
    auth_key: SecretRef
    priv: Literal["aes128", "aes192", "aes256"] = "aes128"
    priv_key: SecretRef
    context: str = ""
    vlan_by: Literal["pvid", "cisco"] = "pvid"
    dot1x: bool = False
    write: bool = True
    timeout_s: float = Field(default=2.0, gt=0, le=30)
    retries: int = Field(default=1, ge=0, le=5)


class RadiusAccess(Model):
    """A switch as a NAS that takes RFC 5176 requests.

    ``reauthenticate``: what makes it ask the RADIUS server again. ``disconnect`` is RFC 5176's own;
    ``reauthenticate`` and ``bounce-port`` are Cisco's. ``vlan``: ``policy`` changes the site's
    authorization source and has the device authenticate again; ``coa`` sends Tunnel-* in the
    CoA-Request, for a NAS that takes it. ``source`` is the address the NAS knows Firebreak by.
    ``mac`` is how the NAS writes 04:0e:3c:a1:b2:c3 in Calling-Station-Id.
    ``settle_s`` is how long a device may take to authenticate again.
    """

    host: str
    port: int = Field(default=3799, ge=1, le=65535)
    secret: SecretRef
    source: Ip | None = None
    nas_identifier: str | None = Field(default=None, min_length=1, max_length=253)
    nas_ip: Ip | None = None
    reauthenticate: Literal["disconnect", "reauthenticate", "bounce-port"] = "disconnect"
    vlan: Literal["policy", "coa"] = "policy"
    disable_port: bool = False  # the NAS takes Cisco's disable-host-port
    mac: MacStyle = "04-0E-3C-A1-B2-C3"
    settle_s: float = Field(default=5.0, ge=0, le=60)
    timeout_s: float = Field(default=2.0, gt=0, le=30)
    retries: int = Field(default=2, ge=0, le=5)


class CloudSwitch(Model):
    """A switch that the site's controller manages: Meraki's serial or Mist's device id."""

    id: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")


class Switch(Model):
    """An access switch and every way there is to it; each way is a road to the same ports.

    ``uplinks`` are never touched, whatever the switch says about them.
    """

    id: Slug
    site: Slug
    uplinks: tuple[str, ...] = ()
    max_macs: int = Field(default=1, ge=1, le=8)  # more than this on a port: hands off
    cli: CliAccess | None = None
    snmp: SnmpAccess | None = None
    radius: RadiusAccess | None = None
    cloud: CloudSwitch | None = None

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if not (self.cli or self.snmp or self.radius or self.cloud):
            raise ValueError(f"switch {self.id}: give at least one of cli, snmp, radius, cloud")
        return self


class Estate(Model):
    """Everything in the estate file, with every reference resolved."""

    sites: tuple[Site, ...]
    switches: tuple[Switch, ...] = ()
    devices: tuple[Device, ...] = ()
    interlocks: tuple[Interlock, ...] = ()
    limits: Limits = Limits()
    adapters: dict[str, JsonObject] = Field(default_factory=dict)  # of your own, by module name

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

    @model_validator(mode="after")
    def _interlocks_guard_something(self) -> Self:
        """A misspelled name would leave a device without its interlock, and nobody would notice."""
        _unique("interlock", [interlock.id for interlock in self.interlocks])
        for interlock in self.interlocks:
            if stranger := interlock.stranger(self.devices):
                raise ValueError(
                    f"interlock {interlock.id} names {stranger}, which no device of the estate has"
                )
        return self


def _unique(what: str, values: list[str]) -> set[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} {value} is listed twice")
        seen.add(value)
    return seen
