"""What the estate names is built, and what is missing is said when the worker starts."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firebreak.domain.hold import Hold
from firebreak.errors import DefinitionError, InterlockEngaged
from firebreak.wiring.interlocks import build
from tests.unit.interlocks.entries import (
    calendar,
    device,
    estate,
    hold,
    http,
    mqtt,
    opcua,
    plan,
    redundancy,
)


async def none() -> Sequence[Hold]:
    return ()


async def one() -> Sequence[Hold]:
    return (hold("press-1"),)


async def test_a_source_of_every_kind_is_built_and_closed_and_nobody_home_is_engaged() -> None:
    entries = (
        opcua(endpoint="opc.tcp://127.0.0.1:1", timeout_s=1),
        http(id="b", url="http://127.0.0.1:1/"),
        mqtt(id="c", port=1),
        calendar(id="d", file="/nowhere/freezes.ics"),
        redundancy(id="e"),
    )
    guard = build(estate(*entries), one)
    with pytest.raises(InterlockEngaged) as caught:
        await guard.check(device(), plan())
    for entry in entries:
        assert f"{entry.id} is engaged" in str(caught.value)
    await guard.close()


async def test_a_free_estate_gives_its_evidence(tmp_path: Path) -> None:
    file = tmp_path / "windows.ics"
    file.write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Open\r\n"
        f"DTSTART;VALUE=DATE:{datetime.now(UTC):%Y%m%d}\r\nDURATION:P2D\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )
    entries = (calendar(file=str(file), rule="only-within"), redundancy())
    guard = build(estate(*entries), none)
    first, second = await guard.check(device(), plan())
    assert first.startswith("press-3-cycle is free: ")
    assert "in 'Open'" in first
    assert second == "keep-two is free: 2 alive (press-1, press-2), 2 needed"
    await guard.close()


async def test_the_devices_of_this_moment_are_counted() -> None:
    guard = build(estate(redundancy()), none, devices=lambda: (device(1), device(3)))
    (verdict,) = await guard.look(device())
    assert verdict.reason == "1 alive (press-1), 2 needed"
    assert verdict.engaged


def test_opc_ua_without_its_extra_is_refused_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "integrations.interlocks.opcua", None)
    with pytest.raises(DefinitionError, match=r"pip install 'firebreak\[opcua\]'"):
        build(estate(opcua()), none)
    build(estate(http()), none)
