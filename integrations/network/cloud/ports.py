"""What a vendor adds to the cloud controls: its ports, and the record of one."""

from collections.abc import Awaitable, Callable
from typing import Protocol, Self, TypeVar

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Device
from firebreak.domain.estate import Switch
from integrations.network.rest import Window


class PortRecord(Protocol):
    """A vendor's state record of one port; see integrations.network.ports.PortState."""

    @property
    def switch(self) -> str:
        """The estate's id of the switch."""
        ...

    @property
    def port(self) -> str:
        """The port by the controller's name."""
        ...

    def record(self) -> JsonObject:
        """The record that stands in plans and observations."""
        ...

    @classmethod
    def from_record(cls, record: JsonObject) -> Self:
        """Read a plan's record back. Raises Rejected."""
        ...


State = TypeVar("State", bound=PortRecord)
# Asked after a change, until it says that the switch has followed, or that no one can tell.
Followed = Callable[[Window], Awaitable[bool]]


class Managed(Model):
    """A switch with its controller's id of it."""

    switch: Switch
    id: str


class CloudPorts(Protocol[State]):
    """One site's ports behind one controller."""

    async def look(
        self, managed: Managed, port: str, device: Device, window: Window
    ) -> tuple[State, bool, tuple[str, ...]]:
        """The port, whether the device was seen there, and the evidence; refuses what it must."""
        ...

    async def read(self, managed: Managed, port: str, window: Window) -> State:
        """The port as the controller has it."""
        ...

    async def write(self, managed: Managed, now: State, wanted: State, window: Window) -> Followed:
        """Ask for the change. Raises what Rest.write does; Unreachable when the switch is away."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
