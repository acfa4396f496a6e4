"""`firebreak interlocks` reads the sources of the estate from here, with and without a server."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Call, StubApi
from tests.unit.interlocks.entries import hold

ESTATE = """\
sites:
  - id: plant-1
    quarantine_vlan: 999
    sentinel: {{id: s, method: tcp, port: 554, control: 127.0.0.1, control_port: 443}}
devices:
  - {{id: press-1, mac: 02:00:00:00:00:01, site: plant-1, class: press, redundancy_group: presses}}
  - {{id: press-2, mac: 02:00:00:00:00:02, site: plant-1, class: press, redundancy_group: presses}}
  - {{id: saw-1, mac: 02:00:00:00:00:03, site: plant-1, class: saw}}
interlocks:
  - id: freezes
    kind: calendar
    rule: never-within
    summary: change freeze
    contact: change board
    applies_to: {{site: [plant-1]}}
    file: {calendar}
    max_age_s: 3600
  - {{id: keep-one, kind: redundancy, summary: nobody would press, group: presses, keep: 1}}
"""
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//plant//EN
BEGIN:VEVENT
UID:1
SUMMARY:Stocktaking
DTSTART;VALUE=DATE:{day}
DURATION:P3D
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def freezes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    calendar = tmp_path / "freezes.ics"
    calendar.write_text(CALENDAR.format(day="20200101"))
    estate = tmp_path / "estate.yaml"
    estate.write_text(ESTATE.format(calendar=calendar))
    monkeypatch.setenv("FIREBREAK_ESTATE_FILE", str(estate))
    return calendar


@pytest.mark.usefixtures("freezes")
def test_every_interlock_is_read_and_redundancy_counts_the_servers_holds(
    api: StubApi, call: Call
) -> None:
    api.answer("GET", "/holds", {"holds": []})
    api.answer("GET", "/holds", {"holds": [hold("press-1").to_json()]})
    free = json.loads(call("interlocks", "--json").stdout)
    assert [(each["id"], each["engaged"]) for each in free] == [
        ("freezes", False),
        ("keep-one", False),
    ]
    shown = call("interlocks", "press-2")
    assert shown.exit_code == 0
    assert "ENGAGED" in shown.stdout
    assert "not counted: press-1 (held)" in shown.stdout


@pytest.mark.usefixtures("state_dir")
def test_without_a_server_all_but_redundancy_is_known(
    freezes: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBREAK_URL", "http://127.0.0.1:1")
    verdicts = {each["id"]: each for each in json.loads(call("interlocks", "--json").stdout)}
    assert not verdicts["freezes"]["engaged"]
    assert verdicts["keep-one"]["engaged"]
    assert "cannot reach a Firebreak server" in verdicts["keep-one"]["reason"]
    freezes.write_text(CALENDAR.format(day=f"{datetime.now(UTC):%Y%m%d}"))
    shown = call("interlocks", "saw-1")
    assert "change freeze: " in shown.stdout
    assert "Stocktaking" in shown.stdout
    assert "change board" in shown.stdout
    assert "keep-one" not in shown.stdout


@pytest.mark.usefixtures("freezes", "state_dir")
def test_a_device_that_is_not_in_the_estate_is_named(call: Call) -> None:
    shown = call("interlocks", "saw-9")
    assert shown.exit_code == 5
    assert "saw-9" in shown.stderr
