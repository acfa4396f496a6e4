"""A host that slept: its monotonic clock stood still, and ``send_by`` passed all the same."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from integrations.network import clock
from integrations.network.cli.faults import TooLate
from integrations.network.cli.line import Fence as CliFence
from integrations.network.radius.fence import Fence as RadiusFence
from integrations.network.rest import Window
from integrations.network.snmp.faults import TooLate as SnmpTooLate
from integrations.network.snmp.fence import Fence as SnmpFence


@pytest.fixture
def sleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the host sleep: wall time goes on, and the monotonic clock of Linux does not."""
    wall, ticks = time.time, time.monotonic
    monkeypatch.setattr(clock, "_CLOCK", clock._Clock())

    def sleep(seconds: float) -> None:
        stood = ticks()
        monkeypatch.setattr(time, "monotonic", lambda: stood)
        monkeypatch.setattr(time, "time", lambda: wall() + seconds)

    return sleep


SEND_BY = timedelta(seconds=20)


def test_rest_sends_nothing_after_a_sleep(sleep: Callable[[float], None]) -> None:
    window = Window.of(30, datetime.now(UTC) + SEND_BY)
    assert window.may_send()
    sleep(25)
    assert not window.may_send()


def test_radius_sends_nothing_after_a_sleep(sleep: Callable[[float], None]) -> None:
    fence = RadiusFence.of(30, datetime.now(UTC) + SEND_BY)
    assert fence.open
    sleep(25)
    assert not fence.open


def test_a_switch_is_sent_nothing_after_a_sleep(sleep: Callable[[float], None]) -> None:
    now = clock.now()
    line = CliFence(deadline=now + 30, send_by=now + 20)
    agent = SnmpFence(deadline=now + 30, send_by=now + 20)
    line.check_time()
    sleep(25)
    with pytest.raises(TooLate):
        line.check_time()
    with pytest.raises(SnmpTooLate):
        agent.pass_effect()


def test_wall_time_that_is_set_back_lengthens_nothing(sleep: Callable[[float], None]) -> None:
    sleep(25)
    before = clock.now()
    sleep(-3600)
    assert 0 <= clock.now() - before < 1
