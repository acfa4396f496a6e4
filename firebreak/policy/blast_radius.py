"""Which caps an effect falls under, in devices of the inventory as it is now."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from firebreak.contracts.sources import Inventory
from firebreak.domain.device import Device
from firebreak.domain.limits import Fill, Limits, Reservation, Room, Usage


class BlastRadius:
    """The limits of the estate over the devices of the inventory.

    Args:
        limits: the limits as they are now; the estate file is read again while things run.
        inventory: the devices that percentages are of.
    """

    def __init__(self, limits: Callable[[], Limits], inventory: Inventory) -> None:
        """Counts nothing yet."""
        self._limits = limits
        self._inventory = inventory
        self._counted: tuple[tuple[Device, ...], Counter[str]] = ((), Counter())

    def reservation(
        self, device: Device, *, step: str, hold: str | None, switch: str | None
    ) -> Reservation:
        """What a step takes. ``switch``: where the device was found; None: where it is listed."""
        limits, sizes = self._limits(), self._sizes()
        rooms = tuple(_room(limits, sizes, scope) for scope in _scopes(device, switch))
        return Reservation(device=device.id, site=device.site, step=step, hold=hold, rooms=rooms)

    def scopes(self, device: Device, switch: str | None) -> dict[str, str]:
        """The scopes of a device by kind: ``site``, ``class``, ``switch``, ``group``."""
        return {scope.partition("/")[0]: scope for scope in _scopes(device, switch)}

    def filled(self, usage: Iterable[Usage]) -> tuple[Fill, ...]:
        """Every scope that has a cap, or that something was reserved in, by name."""
        limits, sizes = self._limits(), self._sizes()
        used = {one.scope: one for one in usage}
        named = {scope for scope in (*sizes, *limits.only) if limits.cap(scope)}
        scopes = sorted(named | set(used))
        return tuple(
            _fill(_room(limits, sizes, scope), sizes[scope], used.get(scope, Usage(scope=scope)))
            for scope in scopes
        )

    def _sizes(self) -> Counter[str]:
        """Devices by scope. The inventory's tuple is another one once it was read again."""
        devices = self._inventory.devices()
        if self._counted[0] is not devices:
            sizes = Counter(scope for device in devices for scope in _scopes(device, None))
            self._counted = (devices, sizes)
        return self._counted[1]


def _scopes(device: Device, switch: str | None) -> Iterator[str]:
    yield f"site/{device.site}"
    yield f"class/{device.device_class}"
    if switch is None and device.attached is not None:
        switch = device.attached.switch
    if switch is not None:
        yield f"switch/{switch}"
    if device.redundancy_group is not None:
        yield f"group/{device.redundancy_group}"


def _room(limits: Limits, sizes: Counter[str], scope: str) -> Room:
    cap = limits.cap(scope)
    return cap.room(scope, sizes[scope]) if cap else Room(scope=scope)


def _fill(room: Room, devices: int, used: Usage) -> Fill:
    return Fill(
        scope=room.scope,
        devices=devices,
        at_once=used.at_once,
        at_once_cap=room.at_once,
        last_hour=used.last_hour,
        per_hour_cap=room.per_hour,
    )
