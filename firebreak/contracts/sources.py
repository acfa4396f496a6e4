"""Where Firebreak learns how things are: probes, process states, the inventory, alerts."""

from typing import Protocol

from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Device
from firebreak.domain.plan import ProbeReport
from firebreak.domain.reading import Reading


class Probe(Protocol):
    """An independent look from outside the enforcement point."""

    async def look(self, device: Device) -> ProbeReport:
        """Whether the device can be reached in the production network.

        A vantage point that cannot reach its own control target reports INCONCLUSIVE: a dead
        sentinel must never look like a contained device. Raises nothing.
        """
        ...


class StateSource(Protocol):
    """One fact about a process or a site that an interlock watches, read where it is known."""

    async def read(self) -> Reading:
        """What the source says now, unjudged. Bounded in time; changes nothing.

        Raises:
            Unreachable, AuthFailed, Rejected, RateLimited: there is no reading.
            TimeoutError: it took too long.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class Inventory(Protocol):
    """The devices of the estate."""

    def device(self, device_id: str) -> Device:
        """The device by id. Raises NotFound."""
        ...

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        """The device with that address, or None. When both are given and differ, MAC wins."""
        ...

    def devices(self) -> tuple[Device, ...]:
        """All devices, by id."""
        ...

    def time_zone(self, site: str) -> str:
        """IANA name of the site's time zone; ``UTC`` when it names none. Raises NotFound."""
        ...


class Parsed(Model):
    """One record of a detector's feed that is an alert."""

    alert: Alert
    raw: JsonObject


class BadRecord(Model):
    """One record that could not be read: where it stood and why."""

    index: int
    reason: str


class AlertParser(Protocol):
    """Turns a detector's own format into alerts (``devices`` still empty)."""

    def parse(self, body: bytes) -> tuple[tuple[Parsed, ...], tuple[BadRecord, ...], int]:
        """``(alerts, unreadable records, records that are no alerts)``.

        Raises:
            BadInput: nothing of the body can be read.
        """
        ...
