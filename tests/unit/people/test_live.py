"""The people file is followed by itself, whole and never half-written."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firebreak import live_file
from firebreak.errors import DefinitionError
from firebreak.people.live import LivePeople
from tests.unit.people.writing import PEOPLE, write


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_a_change_is_taken_up_when_somebody_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "CHECK_EVERY_S", 0.0)
    people = LivePeople.load(write(tmp_path, PEOPLE))
    write(tmp_path, PEOPLE + "  - id: ops-c\n")
    until(lambda: "ops-c" in people.current().persons)


def test_a_file_that_still_changes_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "CHECK_EVERY_S", 0.0)
    people = LivePeople.load(write(tmp_path, PEOPLE))
    for number in range(20):
        write(tmp_path, PEOPLE + " " * number + "x")
        people.current()
        assert people._file._reading is None
    assert people.problem is None


def test_a_broken_file_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"people\.yaml:2"):
        LivePeople.load(write(tmp_path, "people: ["))
    with pytest.raises(DefinitionError, match="cannot be read"):
        LivePeople.load(tmp_path / "none.yaml")


def test_a_change_is_taken_up_while_nobody_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "CHECK_EVERY_S", 0.01)
    people = LivePeople.load(write(tmp_path, PEOPLE))
    people.follow()
    try:
        write(tmp_path, PEOPLE + "  - id: ops-c\n")
        until(lambda: "ops-c" in people._file.content.persons)
    finally:
        people.close()
