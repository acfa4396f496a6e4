"""Where a device really is: the inventory's word, checked against what the switches see."""

import asyncio
from dataclasses import dataclass

from firebreak.contracts.controls import Control, Locator, Observation, Place
from firebreak.domain.device import Attachment, Device
from firebreak.domain.plan import Plan
from firebreak.errors import FirebreakError

_SURE = {"seen": "seen by a switch", "inventory": "only the inventory says so"}


@dataclass(frozen=True)
class Found:
    """A device at its place, as observed there. ``place``: when the inventory says another.

    ``sure``: whether a switch or a session shows it there, and not the inventory alone.
    """

    device: Device
    seen: Observation
    place: Attachment | None
    sure: bool


class Whereabouts:
    """Observes a device where it is, not where somebody once wrote that it is."""

    def __init__(self, locator: Locator) -> None:
        """``locator``: looks across the site."""
        self._locator = locator

    async def device(self, device: Device, control: Control) -> Found:
        """Observe the device at the place the switches agree on.

        Raises:
            InterlockEngaged: two ports claim it.
            FirebreakError: what the control's ``observe`` raises, when the device is nowhere else.
        """
        place, first = await asyncio.gather(
            self._locator.locate(device), _observed(control, device)
        )
        if place is None or place.attached == device.attached or _sighted(first):
            if isinstance(first, FirebreakError):
                raise first
            sure = _sighted(first) or (place is not None and place.confidence == "seen")
            return Found(device, _with(first, place), None, sure)
        moved = device.model_copy(update={"attached": place.attached})
        seen = await control.observe(moved)
        told = f"the inventory has {device.id} {_told(device)}; it was found elsewhere"
        return Found(moved, _with(seen, place, told), place.attached, sure=True)


def at_place(device: Device, plan: Plan) -> Device:
    """The device where a plan found it."""
    return device if plan.place is None else device.model_copy(update={"attached": plan.place})


async def _observed(control: Control, device: Device) -> Observation | FirebreakError:
    """What is seen at the inventory's place; a refusal of that place is an answer too."""
    try:
        return await control.observe(device)
    except FirebreakError as error:
        return error


def _sighted(first: Observation | FirebreakError) -> bool:
    return isinstance(first, Observation) and first.sighted


def _with(seen: Observation, place: Place | None, *more: str) -> Observation:
    found = (*place.evidence, f"place: {_SURE[place.confidence]}") if place else ()
    evidence = (*seen.evidence, *more, *found)
    return seen.model_copy(update={"evidence": evidence})


def _told(device: Device) -> str:
    at = device.attached
    return f"on {at.switch} {at.port}" if at else "nowhere"
