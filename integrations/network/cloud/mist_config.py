"""How Mist configures a port: ranges of names, usages, overrides, and which of them count."""

import re
from collections.abc import Iterator, Mapping

from pydantic import Field

from firebreak.domain.base import JsonObject
from firebreak.errors import Rejected
from integrations.network import checks
from integrations.network.ports import PortReading, PortState
from integrations.network.rest import Shape

_PART = re.compile(r"(?P<stem>.*/)(?P<first>\d{1,4})-(?P<last>\d{1,4})")
_NUMBER = re.compile(r"[0-9]{1,4}")
# Usages that Mist has by itself (unconfirmed beyond their names in its documentation).
_BUILT_IN = {"default": "access", "iot": "access", "ap": "trunk", "uplink": "trunk"}

PortMap = dict[str, JsonObject]


class PortEntry(Shape):
    """A port's entry in ``port_config``."""

    usage: str = Field(max_length=64)
    dynamic_usage: str | None = None
    aggregated: bool = False
    no_local_overwrite: bool = True  # the documented default


class Usage(Shape):
    """A port usage (profile)."""

    mode: str = Field(default="access", max_length=32)
    port_network: str | None = Field(default=None, max_length=128)
    port_auth: str | None = Field(default=None, max_length=32)
    voip_network: str | None = Field(default=None, max_length=128)


class Network(Shape):
    """A network (VLAN); ``vlan_id`` may be a template variable."""

    vlan_id: int | str | None = None


class Rule(Shape):
    """One rule of a network template; whether it matches a switch is Mist's to decide."""

    port_config: dict[str, PortEntry] | None = None


class Matching(Shape):
    """The rules of the network templates."""

    rules: tuple[Rule, ...] | None = None


class Derived(Shape):
    """The site's settings with the organization's templates merged in."""

    port_usages: dict[str, Usage] | None = None
    networks: dict[str, Network] | None = None
    switch_matching: Matching | None = None


class SwitchConfig(Shape):
    """A switch's own configuration, and the local overrides beside it."""

    port_config: dict[str, PortEntry] | None = None
    local_port_config: PortMap | None = None
    port_usages: dict[str, Usage] | None = None


def covers(names: str, port: str) -> bool:
    """Whether ``ge-0/0/8-16,ge-1/0/2`` names the port."""
    for part in names.split(","):
        found = _PART.fullmatch(part.strip())
        if part.strip() == port:
            return True
        if found is None or not port.startswith(found["stem"]):
            continue
        number = port.removeprefix(found["stem"])
        if _NUMBER.fullmatch(number) and int(found["first"]) <= int(number) <= int(found["last"]):
            return True
    return False


def override_of(overrides: PortMap, port: str) -> JsonObject | None:
    """The port's own override.

    Raises:
        Rejected: one override speaks of several ports; changing it would change them all.
    """
    shared = [names for names in overrides if names != port and covers(names, port)]
    if shared:
        raise Rejected(
            f"the local override {shared[0]!r} covers port {port} and others; give {port} its own"
        )
    return overrides.get(port)


def check_port(config: SwitchConfig, derived: Derived, switch: str, port: str) -> None:
    """Raises Rejected unless the port is one device's own and takes local overrides."""
    usages = (derived.port_usages or {}) | (config.port_usages or {})
    where = f"port {port} of switch {switch}"
    for entry in _entries(config, derived, port):
        if entry.no_local_overwrite:
            raise Rejected(
                f"{where} does not take local overrides; set no_local_overwrite: false for it"
            )
        if entry.dynamic_usage:
            raise Rejected(f"{where} has a dynamic port profile; give it a fixed one")
        usage = usages.get(entry.usage)
        mode = usage.mode if usage else _BUILT_IN.get(entry.usage, "unknown")
        state = PortState(switch=switch, port=port, mode=mode, vlan=0, admin="up")
        bundle = "an aggregated interface" if entry.aggregated else ""
        phone = (usage.voip_network if usage else None) or ""
        checks.access_port(PortReading(state, bundle=bundle, voice_vlan=phone))


def _entries(config: SwitchConfig, derived: Derived, port: str) -> Iterator[PortEntry]:
    """What may configure the port: the switch's own entry, else every template rule that could."""
    own = _covering(config.port_config or {}, port)
    if own:
        yield from own
        return
    for rule in (derived.switch_matching or Matching()).rules or ():
        yield from _covering(rule.port_config or {}, port)


def _covering(ports: Mapping[str, PortEntry], port: str) -> list[PortEntry]:
    return [entry for names, entry in ports.items() if covers(names, port)]


def check_usage(config: SwitchConfig, derived: Derived, name: str, vlan: int) -> None:
    """Raises Rejected unless the usage ``name`` puts a port into VLAN ``vlan``, untagged."""
    usage = ((derived.port_usages or {}) | (config.port_usages or {})).get(name)
    if usage is None:
        raise Rejected(f"Mist has no port usage {name!r} at this site; create it first")
    if usage.mode != "access" or usage.port_auth or usage.voip_network:
        raise Rejected(
            f"port usage {name!r} is no plain access port: mode {usage.mode!r}, authentication "
            f"{usage.port_auth!r}, voice {usage.voip_network!r}"
        )
    network = (derived.networks or {}).get(usage.port_network or "")
    known = str(network.vlan_id) if network is not None else ""
    if known.isdigit() and int(known) != vlan:
        raise Rejected(
            f"port usage {name!r} leads to VLAN {known}, and the site's quarantine VLAN is {vlan}"
        )
