"""What both sides of a benchmark share: the effect they have, and how it is seen."""

import asyncio
import json
import socket
import time
from dataclasses import dataclass, field

EFFECTS = 5


class Bell:
    """Rings over UDP on loopback whenever an effect happens: ``{who, step, at}``, at in seconds."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = ("127.0.0.1", port)

    def ring(self, who: str, step: str) -> None:
        """Say that an effect has just happened."""
        said = json.dumps({"who": who, "step": step, "at": time.time()})
        self._socket.sendto(said.encode(), self._to)


@dataclass
class Listener(asyncio.DatagramProtocol):
    """Collects when each effect of each response happened. ``effects``: how many one has."""

    effects: int = EFFECTS
    seen: dict[str, dict[str, float]] = field(default_factory=dict)
    again: int = 0
    _waiting: dict[str, asyncio.Future[float]] = field(default_factory=dict)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Note one effect; the last of a response wakes whoever waits for it."""
        del addr
        said = json.loads(data)
        steps = self.seen.setdefault(said["who"], {})
        self.again += said["step"] in steps
        steps[said["step"]] = said["at"]
        if len(steps) == self.effects and (waiter := self._waiting.pop(said["who"], None)):
            waiter.set_result(max(steps.values()))

    async def last_effect(self, who: str) -> float:
        """When the last effect of a response happened."""
        steps = self.seen.get(who, {})
        if len(steps) == self.effects:
            return max(steps.values())
        waiter = self._waiting.setdefault(who, asyncio.get_running_loop().create_future())
        return await asyncio.wait_for(waiter, 120)
