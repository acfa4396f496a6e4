"""How much of a fleet may be contained: caps for each scope, and what one effect takes of them."""

from typing import Self

from pydantic import Field, model_validator

from firebreak.domain.base import Model

ALL = 100  # percent


class Cap(Model):
    """How many devices of one scope may be contained at once, and newly within an hour.

    A percentage is of the scope's devices in the inventory, rounded down, and at least one device
    unless it is 0. Where a number and a percentage are given the smaller counts; where neither is,
    there is no cap.
    """

    at_once: int | None = Field(default=None, ge=0)
    at_once_percent: float | None = Field(default=None, ge=0, le=ALL)
    per_hour: int | None = Field(default=None, ge=0)
    per_hour_percent: float | None = Field(default=None, ge=0, le=ALL)

    @model_validator(mode="after")
    def _caps_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one of at_once, at_once_percent, per_hour, ...")
        return self

    def room(self, scope: str, devices: int) -> "Room":
        """The cap in devices, for a scope of so many."""
        return Room(
            scope=scope,
            at_once=_smaller(self.at_once, self.at_once_percent, devices),
            per_hour=_smaller(self.per_hour, self.per_hour_percent, devices),
        )


def _smaller(number: int | None, percent: float | None, devices: int) -> int | None:
    if percent is None:
        return number
    share = max(1, int(devices * percent / ALL)) if percent else 0
    return share if number is None else min(number, share)


class Limits(Model):
    """The caps of an estate: one for every site, class, switch and redundancy group.

    ``only`` replaces the cap of single scopes, named as ``firebreak limits`` shows them
    (``site/plant-1``, ``class/ip-camera``, ``switch/sw-1``, ``group/burner-3``).

    An estate without a ``limits`` section has the caps below: a flood of forged alerts reaches a
    quarter of a site and 20 devices of it, and never two members of one redundancy group.
    """

    site: Cap | None = Cap(at_once=20, at_once_percent=25, per_hour=30)
    device_class: Cap | None = None
    switch: Cap | None = None
    redundancy_group: Cap | None = Cap(at_once=1)
    only: dict[str, Cap] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_scopes(self) -> Self:
        for scope in self.only:
            if scope.partition("/")[0] not in KINDS or not scope.partition("/")[2]:
                raise ValueError(f"{scope}: name a scope as {', '.join(f'{k}/ID' for k in KINDS)}")
        return self

    def cap(self, scope: str) -> Cap | None:
        """The cap of a scope."""
        found: Cap | None = getattr(self, KINDS[scope.partition("/")[0]])
        return self.only.get(scope, found)


# The kinds of scope, as they are written, and the field with the cap of each.
KINDS = {
    "site": "site",
    "class": "device_class",
    "switch": "switch",
    "group": "redundancy_group",
}


class Room(Model):
    """A cap in devices; None is no cap. ``scope``: ``site/plant-1``."""

    scope: str
    at_once: int | None = None
    per_hour: int | None = None


class Reservation(Model):
    """What one effect takes: its device counts in each of ``rooms`` from its intent on.

    ``hold``: what it stands under; it counts as contained until that ends. None: it cannot be
    undone, so it counts until its outcome, and for its hour.
    """

    device: str
    site: str
    step: str
    hold: str | None
    rooms: tuple[Room, ...] = ()


class Usage(Model):
    """How many devices of a scope are contained now, and how many newly within the last hour."""

    scope: str
    at_once: int = 0
    last_hour: int = 0


class Fill(Model):
    """A cap and how full it is. ``devices``: how many the scope has in the inventory."""

    scope: str
    devices: int
    at_once: int
    at_once_cap: int | None
    last_hour: int
    per_hour_cap: int | None

    @property
    def full(self) -> bool:
        """Whether no other device of the scope may be contained now."""
        now = self.at_once_cap is not None and self.at_once >= self.at_once_cap
        return now or (self.per_hour_cap is not None and self.last_hour >= self.per_hour_cap)
