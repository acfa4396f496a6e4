"""Triggers: what starts a playbook, and what a broken one says."""

from datetime import UTC, datetime

import pytest

from firebreak.domain.alert import Alert
from firebreak.domain.device import Device
from firebreak.playbook.program import Program, Wait
from firebreak.playbook.triggers import match
from tests.unit.playbook.writing import library, playbook

ALERT = Alert(
    id="suricata:0123456789abcdef",
    source="suricata",
    title="Telnet scan",
    time=datetime(2026, 1, 1, tzinfo=UTC),
    severity=4,
    technique="T1046",
)
CAMERA = Device.model_validate(
    {"id": "cam-17", "mac": "02:00:00:00:00:17", "site": "plant", "class": "ip-camera"}
)


def program(*triggers: str) -> Program:
    steps = (Wait(id="wait", seconds=1),)
    return Program(name="test", version=1, summary="A test", triggers=triggers, steps=steps)


@pytest.mark.parametrize(
    ("trigger", "matched"),
    [
        ("alert.severity >= 4 and device.class == 'ip-camera'", True),
        ("alert.technique in ['T1498', 'T1046']", True),
        ("alert.severity > 4", False),
        ("device.class == 'plc'", False),
        ("device.attached is none", True),
    ],
)
def test_a_trigger_looks_at_the_alert_and_the_device(trigger: str, matched: bool) -> None:
    found = match(program(trigger), ALERT, CAMERA)
    assert (found.matched, found.problems) == (matched, ())


def test_a_playbook_without_triggers_never_starts_by_itself() -> None:
    assert not match(program(), ALERT, CAMERA).matched


@pytest.mark.parametrize(
    "broken",
    [
        "alert.nothing == 1",
        "alert.severity",
        "alert.severity < 'a'",
        "device.attached.switch == 'a'",
        "incident.reason == 'a'",
        "alert.",
    ],
)
def test_a_broken_trigger_starts_nothing_and_says_so(broken: str) -> None:
    found = match(program(broken), ALERT, CAMERA)
    assert not found.matched
    assert len(found.problems) == 1
    assert found.problems[0].startswith("playbook test, trigger 1: ")


def test_a_broken_trigger_does_not_silence_the_next_one() -> None:
    found = match(program("alert.nothing == 1", "alert.severity == 4"), ALERT, CAMERA)
    assert found.matched
    assert len(found.problems) == 1


def test_a_library_names_what_matches_and_what_broke() -> None:
    def text(name: str, when: str) -> str:
        head = f"playbook: {name}\nversion: 1\nsummary: A\ntriggers:\n  - when: {when}\n"
        return playbook("- wait: 1s", head)

    books = library(
        {
            "yes": text("yes", "alert.severity == 4"),
            "no": text("no", "alert.severity == 1"),
            "detached": text("detached", "device.attached.switch == 'a'"),
            "broken": text("broken", "alert.nothing"),
        }
    )
    names, problems = books.matching(ALERT, CAMERA)
    assert names == ("yes",)
    assert [p.partition(",")[0] for p in problems] == ["playbook detached"]
