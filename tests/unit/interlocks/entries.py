"""Interlocks and devices as tests need them: whole, with what matters to the test replaced."""

from datetime import UTC, datetime
from typing import Any

from firebreak.contracts.sources import StateSource
from firebreak.domain.device import Device
from firebreak.domain.estate import Estate
from firebreak.domain.hold import Hold, HoldState, hold_id
from firebreak.domain.interlock import (
    CalendarInterlock,
    HttpInterlock,
    MqttInterlock,
    OpcUaInterlock,
    RedundancyInterlock,
)
from firebreak.domain.plan import Plan
from firebreak.domain.reading import Reading

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
COMMON = {
    "id": "press-3-cycle",
    "summary": "press 3 is in a cycle",
    "applies_to": {"device": ["press-3"]},
}


def http(**fields: Any) -> HttpInterlock:
    known = {
        "kind": "http",
        "url": "https://plant.example.org/state",
        "value": "/state",
        "timestamp": "/at",
        "engaged_when": {"not": "idle"},
    }
    return HttpInterlock.model_validate({**COMMON, **known, **fields})


def opcua(**fields: Any) -> OpcUaInterlock:
    known = {
        "kind": "opcua",
        "endpoint": "opc.tcp://127.0.0.1:4840",
        "node": "ns=2;s=Press3.State",
        "engaged_when": {"not": 0},
    }
    return OpcUaInterlock.model_validate({**COMMON, **known, **fields})


def mqtt(**fields: Any) -> MqttInterlock:
    known = {
        "kind": "mqtt",
        "host": "127.0.0.1",
        "tls": False,
        "topic": "plant/press-3/state",
        "value": "/state",
        "timestamp": "/at",
        "engaged_when": {"not": "idle"},
    }
    return MqttInterlock.model_validate({**COMMON, **known, **fields})


def calendar(**fields: Any) -> CalendarInterlock:
    known = {"kind": "calendar", "rule": "never-within", "max_age_s": 86400.0}
    return CalendarInterlock.model_validate({**COMMON, **known, **fields})


def redundancy(**fields: Any) -> RedundancyInterlock:
    known = {
        "kind": "redundancy",
        "id": "keep-two",
        "summary": "too few presses would be left",
        "group": "presses",
        "keep": 2,
    }
    return RedundancyInterlock.model_validate({**known, **fields})


def device(number: int = 3, **fields: Any) -> Device:
    known = {
        "id": f"press-{number}",
        "mac": f"02:00:00:00:00:{number:02x}",
        "site": "plant-1",
        "device_class": "press",
        "redundancy_group": "presses",
    }
    return Device.model_validate({**known, **fields})


def estate(*interlocks: Any, devices: tuple[Device, ...] = ()) -> Estate:
    plain = [each if isinstance(each, dict) else each.to_json() for each in interlocks]
    return Estate.model_validate(
        {
            "sites": [
                {
                    "id": "plant-1",
                    "quarantine_vlan": 999,
                    "sentinel": {
                        "id": "sentinel-1",
                        "method": "tcp",
                        "port": 554,
                        "control": "127.0.0.1",
                    },
                }
            ],
            "devices": [each.to_json() for each in devices or tuple(device(n) for n in (1, 2, 3))],
            "interlocks": [_without_nothing(each) for each in plain],
        }
    )


def _without_nothing(entry: Any) -> Any:
    if isinstance(entry, dict):
        return {k: _without_nothing(v) for k, v in entry.items() if v not in (None, [], ())}
    return entry


def plan(name: str = "press-3") -> Plan:
    return Plan(
        action="network.quarantine",
        rung="switch",
        adapter="cli",
        device=name,
        site="plant-1",
        target="sw-1 Gi0/3",
        before={"vlan": 20},
        after={"vlan": 999},
        reversible=True,
        way_back="vlan 20",
        risk="low",
        summary="vlan 20 -> 999",
    )


def hold(name: str, state: HoldState = HoldState.ACTIVE) -> Hold:
    return Hold(
        id=hold_id(name, "network.quarantine"),
        incident="i-1",
        device=name,
        action="network.quarantine",
        plan=plan(name),
        owner="oncall",
        state=state,
        started_at=NOW,
    )


class Says(StateSource):
    """A source that says what it was told to, or fails as it was told to."""

    def __init__(self, answer: Reading | Exception) -> None:
        self.answer = answer
        self.reads = 0
        self.closed = False

    async def read(self) -> Reading:
        self.reads += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.closed = True
