"""What is known of one switch port: the state a revert restores, and the facts around it."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, ValidationError

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Slug
from firebreak.errors import Rejected

Admin = Literal["up", "down"]


class PortState(Model):
    """The state record of both switch controls: all that a revert restores, nothing volatile.

    ``mode`` is ``access``, ``trunk``, ``dynamic`` (negotiates trunking), ``routed`` or the switch's
    own word. ``vlan`` is the access VLAN (the native one of a trunk, 0 where there is none).
    ``member`` is Junos's own spelling of the VLAN in its configuration (a name or a number).
    """

    switch: Slug
    port: str = Field(min_length=1, max_length=64)
    mode: str = Field(min_length=1, max_length=64)
    vlan: int = Field(ge=0, le=4094)
    admin: Admin
    member: str | None = Field(default=None, max_length=64)

    def record(self) -> JsonObject:
        """The record that stands in plans and observations."""
        return self.model_dump(mode="json", exclude_none=True)

    @classmethod
    def from_record(cls, record: JsonObject) -> "PortState":
        """Read a plan's record back.

        Raises:
            Rejected: the plan was not made by a switch control.
        """
        try:
            return cls.model_validate(record)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise Rejected(
                f"the plan holds no switch port state: {where}: {first['msg']}"
            ) from error


@dataclass(frozen=True)
class PortReading:
    """A port as just read: its state, and what else speaks against touching it."""

    state: PortState
    bundle: str = ""  # the port channel it belongs to
    voice_vlan: str = ""  # the voice VLAN configured on it


@dataclass(frozen=True)
class Sighting:
    """What the MAC table says: who is on the port, and where the device is."""

    on_port: frozenset[str] = field(default_factory=frozenset)
    device_at: tuple[str, ...] = ()
