"""Policies follow their files while the engine runs, and a broken file changes nothing."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from firebreak import live_file
from firebreak.domain.people import Effect
from firebreak.errors import DefinitionError
from firebreak.policy.live import LivePolicy, PolicyChange
from tests.unit.policy.asking import ALLOW, VOCABULARY, permit, question

NEVER = '@id("never") @summary("no") forbid (principal, action, resource);\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.cedar").write_text(ALLOW)
    return tmp_path


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_a_change_is_taken_up_and_told(folder: Path) -> None:
    changes: list[PolicyChange] = []
    policy = LivePolicy.load(folder, VOCABULARY, on_change=changes.append)
    before = policy.digest
    assert policy.decide(question()).effect is Effect.ALLOW
    (folder / "b.cedar").write_text(NEVER)
    with capture_logs() as logged:
        policy.refresh()
    assert policy.decide(question()).rules == ("never",)
    (change,) = changes
    assert (change.before, change.after, change.policies) == (before, policy.digest, 2)
    assert [Path(file).name for file in change.files] == ["a.cedar", "b.cedar"]
    assert policy.decide(question()).policy_digest == change.after != before
    assert [line["log_level"] for line in logged] == ["warning"]


@pytest.mark.parametrize("text", ["permit", "", permit("context.nope"), ALLOW.replace("@id", "@i")])
def test_a_broken_change_is_refused_loudly_and_the_last_good_one_stays(
    folder: Path, text: str
) -> None:
    changes: list[PolicyChange] = []
    policy = LivePolicy.load(folder, VOCABULARY, on_change=changes.append)
    before = policy.digest
    (folder / "a.cedar").write_text(text)
    with capture_logs() as logged:
        policy.refresh()
    assert (policy.digest, changes) == (before, [])
    assert policy.decide(question()).effect is Effect.ALLOW
    assert [line["log_level"] for line in logged] == ["error"]
    assert policy.problem is not None
    assert str(folder) in policy.problem
    (folder / "a.cedar").write_text(NEVER)
    policy.refresh()
    assert policy.problem is None
    assert policy.decide(question()).effect is Effect.FORBID


def test_policies_that_are_gone_leave_the_last_good_ones(folder: Path) -> None:
    policy = LivePolicy.load(folder, VOCABULARY)
    (folder / "a.cedar").unlink()
    policy.refresh()
    assert policy.problem is not None
    assert policy.decide(question()).effect is Effect.ALLOW


def test_a_file_that_was_only_touched_is_no_change(folder: Path) -> None:
    changes: list[PolicyChange] = []
    policy = LivePolicy.load(folder, VOCABULARY, on_change=changes.append)
    os.utime(folder / "a.cedar", (1, 1))
    policy.refresh()
    assert changes == []


def test_decisions_look_at_the_files_by_themselves(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "CHECK_EVERY_S", 0.0)
    policy = LivePolicy.load(folder, VOCABULARY)
    (folder / "a.cedar").write_text(ALLOW + NEVER)
    until(lambda: policy.decide(question()).effect is Effect.FORBID)


def test_files_that_still_change_are_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "CHECK_EVERY_S", 0.0)
    policy = LivePolicy.load(folder, VOCABULARY)
    for number in range(20):
        (folder / "a.cedar").write_text("permit (" + " " * number)
        policy.decide(question())
        assert policy._files._reading is None
    assert policy.problem is None


def test_broken_policies_do_not_start(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text("permit")
    with pytest.raises(DefinitionError, match=r"a\.cedar:1"):
        LivePolicy.load(tmp_path, VOCABULARY)
