"""The interlocks that the estate file asks for, each with the reader of its kind."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from firebreak.contracts.sources import Probe, StateSource
from firebreak.domain.estate import Estate
from firebreak.domain.hold import Hold
from firebreak.domain.interlock import (
    CalendarInterlock,
    HttpInterlock,
    Interlock,
    MqttInterlock,
    OpcUaInterlock,
    RedundancyInterlock,
)
from firebreak.errors import DefinitionError
from firebreak.policy.guard import Devices, Holds, Interlocks, Redundancy
from integrations.interlocks.calendar_file import CalendarSource
from integrations.interlocks.http import HttpSource
from integrations.interlocks.mqtt import MqttSource
from integrations.interlocks.turns import InTurn

Clock = Callable[[], datetime]


def build(
    estate: Estate, holds: Holds, *, devices: Devices | None = None, probe: Probe | None = None
) -> Interlocks:
    """Build the guard. Connects to nothing yet.

    Args:
        estate: its interlocks.
        holds: every live hold, as the ledger has them: ``ledger.holds``.
        devices: the devices as they are now, when the estate file is read again at run time:
            ``inventory.devices``. Without it, those of ``estate``.
        probe: looks at the members of redundancy groups with ``health: probe``.

    Raises:
        DefinitionError: a certificate cannot be read, or an extra is not installed.
    """
    redundancy = Redundancy(holds, devices or (lambda: estate.devices), probe)
    sources: dict[str, StateSource] = {}
    for interlock in estate.interlocks:
        if not isinstance(interlock, RedundancyInterlock):
            source = _source(interlock, _now)
            sources[interlock.id] = InTurn(source, interlock.timeout_s)
    return Interlocks(estate.interlocks, sources, redundancy, _now)


def calendars(estate: Estate) -> Interlocks:
    """Only its calendars, for who asks whether a change window is open. Raises as ``build``."""

    async def no_holds() -> Sequence[Hold]:
        return ()

    found = tuple(each for each in estate.interlocks if isinstance(each, CalendarInterlock))
    return build(estate.model_copy(update={"interlocks": found}), no_holds)


def _source(interlock: Interlock, clock: Clock) -> StateSource:
    match interlock:
        case HttpInterlock():
            return HttpSource(interlock)
        case MqttInterlock():
            return MqttSource(interlock)
        case CalendarInterlock():
            return CalendarSource(interlock, clock)
        case OpcUaInterlock():
            return _opcua(interlock)
        case RedundancyInterlock():
            raise TypeError("redundancy is counted, not read")


def _opcua(interlock: OpcUaInterlock) -> StateSource:
    try:
        from integrations.interlocks.opcua import OpcUaSource  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DefinitionError(
            f"interlock {interlock.id} is read over OPC UA, and asyncua is not installed: "
            "pip install 'firebreak[opcua]'"
        ) from error
    return OpcUaSource(interlock)


def _now() -> datetime:
    return datetime.now(UTC)
