"""A device: who it is, what depends on it, and where it is attached."""

import ipaddress
import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from firebreak.domain.base import Model

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]

_MAC_DIGITS = re.compile(r"[0-9a-f]{12}")


def normalize_mac(text: str) -> str:
    """Any usual notation (``02-00..``, ``0200.0000.0017``, ``02:00:..``) as lower-case colons.

    Raises:
        ValueError: not a MAC address.
    """
    digits = re.sub(r"[.:\-]", "", text.strip().lower())
    if not _MAC_DIGITS.fullmatch(digits):
        raise ValueError(f"{text!r} is not a MAC address; write it like 02:00:00:00:00:17")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _normalize_ip(text: str) -> str:
    return str(ipaddress.ip_address(text.strip()))


Mac = Annotated[str, AfterValidator(normalize_mac)]
Ip = Annotated[str, AfterValidator(_normalize_ip)]


class Criticality(StrEnum):
    """How much the business loses while the device is away."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class SafetyClass(StrEnum):
    """What can happen to people or the process while the device is away."""

    NONE = "none"
    MONITORING = "monitoring"
    PROTECTIVE = "protective"
    LIFE_SUPPORT = "life-support"


class Attachment(Model):
    """The access port a device hangs on: ``switch`` names an entry of the site's switch list."""

    switch: Slug
    port: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9/._:-]*$")


class Device(Model):
    """An asset with identity, site, class, criticality and place."""

    id: Slug
    name: str = Field(default="", max_length=200)
    mac: Mac
    ip: Ip | None = None
    site: Slug
    device_class: Slug = Field(alias="class")
    criticality: Criticality = Criticality.MEDIUM
    safety: SafetyClass = SafetyClass.NONE
    redundancy_group: Slug | None = None
    attached: Attachment | None = None
    owner: str | None = Field(default=None, max_length=200)
