"""Which rungs of a ladder lead to a device: what the site has, what each would touch, and whom."""

from activities.world import World
from firebreak.domain.device import Device, SafetyClass
from firebreak.domain.step import Road, Roads, RoadsAsk
from firebreak.errors import CapabilityMissing, DefinitionError, NotFound
from firebreak.playbook.catalogue import Action, Footprint, Rung

_TOUCHES = {
    Footprint.SESSION: "touches the device's own session only",
    Footprint.PORT: "touches whatever hangs on its port",
    Footprint.LINK: "cuts its port off altogether",
}

# A device that protects people or keeps them alive loses its link only where an author wrote so.
_KEEPS_ITS_LINK = frozenset({SafetyClass.PROTECTIVE, SafetyClass.LIFE_SUPPORT})


def choose(world: World, ask: RoadsAsk) -> Roads:
    """The ladder for one device. Reads the estate only; sends nothing.

    A ladder that an author wrote keeps its order and loses only what does not exist there. One that
    nobody wrote is climbed by what each rung touches, the gentlest first.

    Where the device, the action or a rung is unknown nothing is left out: trying it says what is
    wrong, on record.
    """
    try:
        device = world.inventory.device(ask.device)
        action = world.catalogue[ask.action]
        rungs = [action.rung(name) for name in ask.ladder]
    except (NotFound, DefinitionError):
        return Roads(roads=tuple(Road(rung=name) for name in ask.ladder))
    if ask.chosen:
        rungs.sort(key=lambda rung: list(Footprint).index(rung.footprint))
    return Roads(roads=tuple(_road(world, action, rung, device, ask.chosen) for rung in rungs))


def _road(world: World, action: Action, rung: Rung, device: Device, chosen: bool) -> Road:
    if chosen and rung.footprint is Footprint.LINK and device.safety in _KEEPS_ITS_LINK:
        why = f"a {device.safety.value} device keeps its link unless a playbook's ladder says so"
        return Road(rung=rung.name, left_out=why)
    try:
        control = world.control(action.name, rung.name, device)
    except CapabilityMissing as error:
        return Road(rung=rung.name, left_out=str(error))
    why = _TOUCHES[rung.footprint]
    return Road(rung=rung.name, adapter=control.capabilities.adapter, why=why)
