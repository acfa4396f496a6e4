"""The operations that need no vendor: looking at a device, and writing into the record."""

from firebreak.contracts.sources import Probe
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.plan import Reach
from firebreak.errors import BadInput

LONGEST_NOTE = 2000


class ProbeOperation:
    """``device.probe``: results ``{reach, reachable, detail}``.

    An inconclusive look is neither reachable nor unreachable: ``reachable`` is null then, so that
    a playbook that tests it for true or false takes neither for granted.
    """

    idempotent = True

    def __init__(self, probe: Probe) -> None:
        """``probe``: the sentinels."""
        self._probe = probe

    async def run(self, device: Device, inputs: JsonObject, key: str) -> JsonObject:  # noqa: ARG002 - the contract's shape
        """Look once."""
        report = await self._probe.look(device)
        conclusive = report.reach is not Reach.INCONCLUSIVE
        return {
            "reach": report.reach.value,
            "reachable": report.reach is Reach.REACHABLE if conclusive else None,
            "detail": report.detail,
        }


class NoteOperation:
    """``incident.note``: the text stands in the intent and the outcome; nothing is sent."""

    idempotent = True

    async def run(self, device: Device, inputs: JsonObject, key: str) -> JsonObject:  # noqa: ARG002 - the contract's shape
        """Return the text as it was recorded. Raises BadInput when it is no text."""
        text = inputs.get("text")
        if not isinstance(text, str) or not text:
            raise BadInput("incident.note needs a text")
        return {"text": text[:LONGEST_NOTE]}
