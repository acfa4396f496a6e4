"""The estate's NASes, asked over kept sockets (RFC 5176)."""

import asyncio
from collections.abc import Mapping

from firebreak.domain.estate import RadiusAccess, Switch
from firebreak.errors import CapabilityMissing, OutcomeUnknown, Rejected, Unreachable
from integrations.network.radius.fence import Fence
from integrations.network.radius.line import Line, Silence
from integrations.network.radius.packets import Reply, Request
from integrations.secrets import resolve


def access(switches: Mapping[str, Switch], switch: str) -> RadiusAccess:
    """How a switch takes RFC 5176 requests. Raises CapabilityMissing."""
    found = switches.get(switch)
    if found is None or found.radius is None:
        raise CapabilityMissing(f"switch {switch} has no `radius` entry in the estate")
    return found.radius


class DynamicAuthorization:
    """Sends CoA- and Disconnect-Requests to the switches of the estate.

    Every request carries Message-Authenticator and Event-Timestamp. A reply counts when it comes
    from the address asked, to an identifier waited for, with a code that belongs to the request,
    and verifies; all else is silence.
    """

    def __init__(self, switches: Mapping[str, Switch]) -> None:
        """``switches`` by id; those without ``radius`` cannot be asked."""
        self.switches = dict(switches)
        self._lines: dict[str, Line] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret references it resolves."""
        refs = {switch.radius.secret for switch in self.switches.values() if switch.radius}
        return tuple(sorted(refs))

    async def ask(self, switch: str, request: Request, fence: Fence) -> Reply:
        """Ask one NAS, within the fence, and return what it said: an ACK or a NAK.

        Raises:
            Unreachable: nothing was sent, or nobody answered a request that has no effect.
            OutcomeUnknown: the request left, and no reply came that verifies.
            AuthFailed: there is no secret to sign with.
            CapabilityMissing: the estate has no `radius` entry for the switch.
        """
        nas = access(self.switches, switch)
        where = f"NAS {switch} at {nas.host}:{nas.port}"
        secret = resolve(nas.secret).encode()
        try:
            line = await self._line(switch, nas, fence)
            return await line.ask(request, secret, fence, nas.timeout_s, nas.retries)
        except TimeoutError as error:
            raise Unreachable(f"{where}: its name was not resolved in time") from error
        except OSError as error:
            raise Unreachable(f"{where}: no socket to it: {error.strerror or error}") from error
        except ValueError as error:
            raise Rejected(f"{where}: {request} cannot be written: {error}") from error
        except Silence as silence:
            raise _unanswered(where, request, silence) from silence

    async def _line(self, switch: str, nas: RadiusAccess, fence: Fence) -> Line:
        line = self._lines.get(switch)
        if line is not None and not line.closed:
            return line
        async with self._opening.setdefault(switch, asyncio.Lock()):
            line = self._lines.get(switch)
            if line is None or line.closed:
                line = self._lines[switch] = await _opened(nas, fence)
            return line

    async def close(self) -> None:
        """Close every socket."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        await asyncio.sleep(0)  # asyncio closes a datagram socket in the loop's next turn


async def _opened(nas: RadiusAccess, fence: Fence) -> Line:
    local = (nas.source, 0) if nas.source else None
    async with asyncio.timeout(fence.left_s):
        _, line = await asyncio.get_running_loop().create_datagram_endpoint(
            Line, local_addr=local, remote_addr=(nas.host, nas.port)
        )
    return line


def _unanswered(where: str, request: Request, silence: Silence) -> Unreachable | OutcomeUnknown:
    if not silence.sends:
        return Unreachable(f"{where}: no time was left, or no turn; nothing was sent")
    text = f"{where} did not answer {request}: {silence.why}"
    if request.harmless:
        return Unreachable(f"{text}; nothing was changed")
    return OutcomeUnknown(f"{text}; it may have acted on it")
