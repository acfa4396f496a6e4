"""One change of one port: read, compare, write, read back."""

import asyncio

from firebreak.errors import OutcomeUnknown, Rejected, StateDrifted
from integrations.network import clock
from integrations.network.snmp.agent import Line, refusal
from integrations.network.snmp.faults import Lost, Refused, Renumbered
from integrations.network.snmp.levers import Lever, Reading, State
from integrations.network.snmp.tables import interfaces

_OUTRUN = 5  # so often another manager's SET may come between
_SETTLE_S = 2.0  # a switch may show a change a moment after it has said yes
_LOOK_S = 0.1


async def read_at(line: Line, lever: Lever[State], name: str) -> Reading[State]:
    """The port by a name, also when the switch has renumbered its interfaces meanwhile.

    Raises Rejected when there is none, and as the lever does.
    """
    try:
        return await lever.read(line, (await interfaces(line)).resolve(name))
    except (Renumbered, Rejected):  # a name that is new here may be in newer tables
        ports = await interfaces(line, fresh=True)
    try:
        return await lever.read(line, ports.resolve(name))
    except Renumbered as error:
        raise Rejected(
            f"switch {line.switch.id} renumbers its interfaces while {name} is read"
        ) from error


async def bring(line: Line, lever: Lever[State], known: State, wanted: State) -> State:
    """Take the port from ``known`` to ``wanted`` and return what is read afterwards.

    What comes back is what the switch shows: it is ``wanted`` when the change is in force.

    Raises:
        StateDrifted: it is neither; nothing was sent.
        Rejected, AuthFailed: the agent refused, and the port is as it was.
        OutcomeUnknown: the agent refused a part or did not answer, and the port is not ``wanted``.
    """
    serial: int | None = None
    for _ in range(_OUTRUN):
        reading = await read_at(line, lever, wanted.port)
        line.fence.unsettled = False
        if reading.state == wanted:
            return reading.state
        now = lever.configured(reading.state)
        if now == lever.configured(wanted):
            return await _settled(line, lever, wanted)
        if now != lever.configured(known):
            raise StateDrifted(
                f"port {wanted.port} of switch {wanted.switch} is {reading.state.record()}; the "
                f"plan knows {known.record()} and wants {wanted.record()}"
            )
        try:
            await lever.write(line, reading, wanted)
        except Refused as error:
            if error.outrun and reading.serial != serial:
                serial = reading.serial
                continue
            return await _after_refusal(line, lever, reading.state, wanted, error)
        except Lost as error:
            seen = await _settled(line, lever, wanted)
            if lever.configured(seen) != lever.configured(wanted):
                raise OutcomeUnknown(
                    f"switch {wanted.switch}: {error} to a change; the port is {seen.record()} now"
                ) from error
        else:
            seen = await _settled(line, lever, wanted)
        line.fence.unsettled = False
        return seen
    raise Rejected(f"another manager writes to switch {wanted.switch} all the time; try again")


async def _after_refusal(
    line: Line, lever: Lever[State], before: State, wanted: State, error: Refused
) -> State:
    """What a refusal left behind: nothing, as it should, or something to be told."""
    seen = (await read_at(line, lever, wanted.port)).state
    line.fence.unsettled = False
    if seen == before:
        raise refusal(line.agent, error) from error
    if seen != wanted:
        raise OutcomeUnknown(f"switch {wanted.switch}: {error}; the port is {seen.record()} now")
    return seen


async def _settled(line: Line, lever: Lever[State], wanted: State) -> State:
    """The state, as soon as it is the wanted one, or else as it stays."""
    end = clock.now() + min(_SETTLE_S, line.fence.left() / 2)
    while True:
        seen = (await read_at(line, lever, wanted.port)).state
        if seen == wanted or clock.now() > end:
            return seen
        await asyncio.sleep(_LOOK_S)
