"""What else a plan hits, as far as inventory and ledger know: for the people who are to decide."""

from collections.abc import Collection, Iterator

from activities.world import World
from firebreak.domain.device import Device
from firebreak.domain.limits import Fill
from firebreak.domain.plan import Plan

# People read the first names; the number says how many there are.
SHOWN = 5


class Surroundings:
    """Reads only; asked when people are, never on the way to an effect."""

    def __init__(self, world: World) -> None:
        """``world``: its inventory, ledger and limits."""
        self._inventory = world.inventory
        self._ledger = world.ledger
        self._blast_radius = world.blast_radius
        self._clock = world.clock

    async def hits(self, device: Device, plan: Plan) -> tuple[str, ...]:
        """A line for each other thing that people should know. Raises LedgerUnavailable."""
        if not plan.changes:
            return ()
        held = {hold.device for hold in await self._ledger.holds()}
        usage = await self._ledger.usage(self._clock())
        wanted = self._blast_radius.reservation(
            device, step="", hold=None, switch=plan.place.switch if plan.place else None
        )
        scopes = {room.scope for room in wanted.rooms}
        caps = [fill for fill in self._blast_radius.filled(usage) if fill.scope in scopes]
        return (*self._same_port(device, plan), *self._group(device, held), *_full(caps))

    def _same_port(self, device: Device, plan: Plan) -> Iterator[str]:
        where = plan.place or device.attached
        if where is None:
            return
        others = [d.id for d in self._inventory.devices() if d.attached == where]
        others = [other for other in others if other != device.id]
        if others:
            yield f"on the same port {where.switch} {where.port}: {_names(others)}"

    def _group(self, device: Device, held: Collection[str]) -> Iterator[str]:
        group = device.redundancy_group
        if group is None:
            return
        members = [d.id for d in self._inventory.devices() if d.redundancy_group == group]
        away = [member for member in members if member in held and member != device.id]
        said = f"contained already: {_names(away)}" if away else "none of the others is contained"
        yield f"one of {len(members)} in redundancy group {group}; {said}"


def _full(caps: list[Fill]) -> Iterator[str]:
    for cap in caps:
        if cap.at_once_cap is not None:
            yield f"{cap.scope}: {cap.at_once} of at most {cap.at_once_cap} contained"
        if cap.per_hour_cap is not None:
            yield f"{cap.scope}: {cap.last_hour} of at most {cap.per_hour_cap} in this hour"


def _names(devices: list[str]) -> str:
    more = len(devices) - SHOWN
    return ", ".join(devices[:SHOWN]) + (f" and {more} more" if more > 0 else "")
