"""The playbooks that ship: without problems, and started by the alerts they are for."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firebreak.domain.alert import Alert
from firebreak.domain.device import Device
from firebreak.playbook.library import Library
from firebreak.playbook.program import Do

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
FILES = sorted(PLAYBOOKS.glob("*.yaml"))


def alert(**fields: object) -> Alert:
    base = {
        "id": "suricata:0123456789abcdef",
        "source": "suricata",
        "title": "An alert",
        "time": datetime(2026, 11, 21, tzinfo=UTC),
    }
    return Alert.model_validate({**base, **fields})


def device(kind: str) -> Device:
    fields = {"id": "cam-17", "mac": "02:00:00:00:00:17", "site": "plant", "class": kind}
    return Device.model_validate(fields)


SCAN = alert(technique="T1046", severity=3, category="Attempted Information Leak")
LOGIN = alert(technique="T1110", severity=4, category="A Network Trojan was detected")
BINARY = alert(severity=4, category="A Network Trojan was detected")


def test_there_are_playbooks() -> None:
    assert {file.stem for file in FILES} >= {"isolate", "mirai-botnet"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_playbook_has_no_problems(file: Path) -> None:
    library = Library.load()
    assert library.problems_of(file.stem) == ()
    assert library.program(file.stem).name == file.stem


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_playbook_names_its_schema(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"
    assert json.loads((PLAYBOOKS / "schema.json").read_text())["title"] == "Playbook"


@pytest.mark.parametrize("seen", [SCAN, LOGIN, BINARY], ids=["scan", "login", "binary"])
def test_every_sign_of_mirai_on_a_camera_starts_the_response(seen: Alert) -> None:
    assert Library.load().matching(seen, device("ip-camera")) == (("mirai-botnet",), ())


@pytest.mark.parametrize("seen", [SCAN, LOGIN, BINARY], ids=["scan", "login", "binary"])
def test_nothing_but_a_camera_starts_the_response(seen: Alert) -> None:
    assert Library.load().matching(seen, device("plc")) == ((), ())


def test_a_weak_sign_starts_nothing() -> None:
    weak = alert(technique="T1046", severity=2)
    assert Library.load().matching(weak, device("ip-camera")) == ((), ())


def test_isolate_contains_for_a_limited_time() -> None:
    (step,) = Library.load().program("isolate").steps
    assert isinstance(step, Do)
    assert step.hold is not None
    assert (step.action, step.hold.for_s) == ("network.quarantine", 4 * 3600)
