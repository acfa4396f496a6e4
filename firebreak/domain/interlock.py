"""Interlocks: reasons not to act on a device, whom they protect, and where each is read."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints, field_validator, model_validator

from firebreak.domain.base import Model, SecretRef
from firebreak.domain.comparison import Compared
from firebreak.domain.device import Device, SafetyClass, Slug

# RFC 6901; "" is the whole document.
JsonPointer = Annotated[str, StringConstraints(pattern=r"^(/([^/~]|~[01])*)*$", max_length=200)]
# No wildcard and nothing of the broker's own: one topic has one value.
Topic = Annotated[str, StringConstraints(pattern=r"^[^+#$\x00-\x1f][^+#\x00-\x1f]*$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/[^\s@]*)?$")]
SomeOf = Field(default=(), min_length=1)


class Scope(Model):
    """The devices it protects: all that is given must hold, and one value of each suffices."""

    device: tuple[Slug, ...] = SomeOf
    device_class: tuple[Slug, ...] = Field(default=(), min_length=1, alias="class")
    site: tuple[Slug, ...] = SomeOf
    redundancy_group: tuple[Slug, ...] = SomeOf
    safety: tuple[SafetyClass, ...] = SomeOf

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                "say what it applies to: device, class, site, redundancy_group, safety"
            )
        return self

    def covers(self, device: Device) -> bool:
        """Whether the device is one of them."""
        return all(getattr(device, field) in wanted for _, field, wanted in self._given())

    def stranger(self, devices: Sequence[Device]) -> str:
        """The first name that no device has; "" when each is somebody's."""
        for label, field, wanted in self._given():
            has = {getattr(device, field) for device in devices}
            for value in wanted:
                if value not in has and not isinstance(value, SafetyClass):
                    return f"{label} {value}"
        return ""

    def __str__(self) -> str:
        return ", ".join(f"{label} {' or '.join(wanted)}" for label, _, wanted in self._given())

    def _given(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """What was given: its name for people, the device's field, and the values."""
        named: tuple[tuple[str, str, tuple[str, ...]], ...] = (
            ("device", "id", self.device),
            ("class", "device_class", self.device_class),
            ("site", "site", self.site),
            ("redundancy group", "redundancy_group", self.redundancy_group),
            ("safety", "safety", self.safety),
        )
        return (each for each in named if each[2])


class _Base(Model):
    """What every interlock has.

    ``summary`` says what is the matter when it is engaged. ``contact`` is who can free it.
    ``timeout_s`` bounds one look; a source that has not answered by then is silent.
    """

    id: Slug
    summary: str = Field(min_length=1, max_length=200)
    contact: str = Field(default="", max_length=200)
    timeout_s: float = Field(default=3.0, gt=0, le=30)


class _Scoped(_Base):
    applies_to: Scope

    def covers(self, device: Device) -> bool:
        """Whether it protects this device."""
        return self.applies_to.covers(device)

    def stranger(self, devices: Sequence[Device]) -> str:
        """A name in it that no device has; "" when all is well."""
        return self.applies_to.stranger(devices)

    @property
    def protects(self) -> str:
        """Whom it protects, for people."""
        return str(self.applies_to)


class _Stated(_Scoped, Compared):
    """A value somewhere outside. One older than ``max_age_s`` says nothing about now."""

    max_age_s: float = Field(default=30.0, gt=0, le=86400)


class OpcUaSecurity(Model):
    """A secure channel: our certificate and key, and the one server certificate that is trusted.

    All three are files, PEM or DER. The key file must be closed to others.
    """

    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = (
        "Basic256Sha256"
    )
    mode: Literal["SignAndEncrypt", "Sign"] = "SignAndEncrypt"
    certificate: str = Field(min_length=1)
    key_file: str = Field(min_length=1)
    server_certificate: str = Field(min_length=1)


class OpcUaInterlock(_Stated):
    """A variable of an OPC UA server.

    ``timestamp`` says whose word on its age counts: ``source``, the device that measured it, or
    ``server``, which vouches that it is still current. Without ``security`` only on loopback.
    """

    kind: Literal["opcua"]
    endpoint: str = Field(pattern=r"^opc\.tcp://[^\s/@]+(/[^\s@]*)?$")
    node: str = Field(pattern=r"^(ns=[0-9]{1,5};)?[isgb]=\S.*$", max_length=300)
    timestamp: Literal["source", "server"] = "source"
    security: OpcUaSecurity | None = None
    username: str | None = Field(default=None, min_length=1)
    password: SecretRef | None = None

    @model_validator(mode="after")
    def _nobody_in_between(self) -> Self:
        if self.security is None and not _is_loopback(urlsplit(self.endpoint).hostname):
            raise ValueError("give security: on this way anyone could answer for the server")
        _with_user(self.username, self.password)
        return self


class HttpInterlock(_Stated):
    """A JSON document behind a URL. ``value`` and ``timestamp`` are RFC 6901 JSON pointers.

    The timestamp is RFC 3339 text with its zone, or a number of ``timestamp_unit`` since 1970.
    """

    kind: Literal["http"]
    url: HttpUrl
    ca_file: str | None = None
    value: JsonPointer
    timestamp: JsonPointer
    timestamp_unit: Literal["s", "ms"] = "s"
    username: str | None = Field(default=None, min_length=1)
    password: SecretRef | None = None
    token: SecretRef | None = None  # sent as a bearer token

    @model_validator(mode="after")
    def _nobody_in_between(self) -> Self:
        _https_or_loopback(self.url)
        _with_user(self.username, self.password)
        if self.token and self.username:
            raise ValueError("give either token or username")
        return self


class MqttInterlock(_Stated):
    """A topic of an MQTT broker.

    With ``timestamp`` the retained message counts, by the age it states. Without one a retained
    message could be years old, so only a message that is published while we listen counts.
    ``payload: text`` takes the payload as it is; ``json`` looks ``value`` up in it.
    """

    kind: Literal["mqtt"]
    host: str = Field(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)
    port: int = Field(default=8883, ge=1, le=65535)
    version: Literal["5", "3.1.1"] = "5"
    tls: bool = True
    ca_file: str | None = None
    certificate: str | None = None  # of ours, PEM, for a broker that asks for one
    key_file: str | None = None
    client_id: str = Field(default="", max_length=128)
    username: str | None = Field(default=None, min_length=1)
    password: SecretRef | None = None
    topic: Topic
    payload: Literal["json", "text"] = "json"
    value: JsonPointer = ""
    timestamp: JsonPointer | None = None
    timestamp_unit: Literal["s", "ms"] = "s"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.tls and not _is_loopback(self.host):
            raise ValueError("tls cannot be off: anyone on the way could answer for the broker")
        if (self.certificate is None) != (self.key_file is None):
            raise ValueError("give certificate and key_file together")
        if self.payload == "text" and (self.value or self.timestamp is not None):
            raise ValueError("value and timestamp look into a JSON payload; this one is text")
        _with_user(self.username, self.password)
        return self


class CalendarInterlock(_Scoped):
    """Change windows (``only-within`` its events) or freezes (``never-within``), as iCalendar.

    ``time_zone`` is what events without one mean. A ``file`` that was not written for ``max_age_s``
    says nothing any more; a ``url`` is fetched each time.
    """

    kind: Literal["calendar"]
    rule: Literal["only-within", "never-within"]
    file: str | None = Field(default=None, min_length=1)
    url: HttpUrl | None = None
    ca_file: str | None = None
    token: SecretRef | None = None
    time_zone: str = "UTC"
    max_age_s: float = Field(gt=0, le=10 * 366 * 86400)

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name} is no IANA time zone; write it like Europe/Berlin")
        return name

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("give either file or url")
        if self.url is not None:
            _https_or_loopback(self.url)
        return self


class RedundancyInterlock(_Base):
    """At least ``keep`` devices of the group stay alive, whatever is done to one of them.

    Alive is who has no hold on it; with ``health: probe``, who also answers the site's sentinel.
    """

    kind: Literal["redundancy"]
    group: Slug
    keep: int = Field(ge=1, le=1000)
    health: Literal["none", "probe"] = "none"

    def covers(self, device: Device) -> bool:
        """Whether it protects this device."""
        return device.redundancy_group == self.group

    def stranger(self, devices: Sequence[Device]) -> str:
        """The group, when no device is in it; "" otherwise."""
        return "" if any(map(self.covers, devices)) else f"redundancy group {self.group}"

    @property
    def protects(self) -> str:
        """Whom it protects, for people."""
        return f"redundancy group {self.group}"


StateInterlock = OpcUaInterlock | HttpInterlock | MqttInterlock
Interlock = Annotated[
    StateInterlock | CalendarInterlock | RedundancyInterlock, Field(discriminator="kind")
]


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _https_or_loopback(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_loopback(parts.hostname):
        raise ValueError("use https: on this way anyone could answer for the server")


def _with_user(username: str | None, password: str | None) -> None:
    if (username is None) != (password is None):
        raise ValueError("give username and password together")
