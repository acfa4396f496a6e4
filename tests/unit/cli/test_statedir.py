"""A state directory has one owner, and a killed owner's processes do not outlive the next start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firebreak.errors import Busy
from firebreak.statedir import MARK, StateDir

OWN_AND_WAIT = """
import pathlib, sys
from firebreak.statedir import StateDir
with StateDir(pathlib.Path(sys.argv[1])).owned():
    print("owned", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    made = StateDir(tmp_path / "state")
    made.create()
    return made


def test_nobody_else_can_look_into_it(state: StateDir) -> None:
    for path in (state.root, state.logs, state.tokens, state.run, state.temporal, state.range):
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_second_owner_is_refused_and_told_who_the_first_is(state: StateDir) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWN_AND_WAIT, str(state.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"owned\n"
        with pytest.raises(Busy, match=f"process {owner.pid}"), state.owned():
            pytest.fail("two owners")
        owner.kill()
        owner.wait()
    with state.owned():  # the lock went with the killed process
        pass


def test_what_a_killed_owner_left_behind_is_ended(state: StateDir) -> None:
    environment = {**os.environ, MARK: str(state.root)}
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=environment
    ) as left:
        (state.run / "worker.pid").write_text(f"{left.pid}\n")
        assert state.end_leftovers() == ("worker",)
        assert left.wait() != 0
    assert not list(state.run.glob("*.pid"))


@pytest.mark.parametrize("mark", [None, "/somebody/elses"])
def test_a_stranger_with_a_remembered_process_id_is_left_alone(
    state: StateDir, mark: str | None
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != MARK}
    if mark is not None:
        environment[MARK] = mark
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=environment
    ) as stranger:
        (state.run / "temporal.pid").write_text(f"{stranger.pid}\n")
        assert state.end_leftovers() == ()
        assert stranger.poll() is None
        stranger.kill()


def test_a_pid_file_with_nonsense_is_only_removed(state: StateDir) -> None:
    (state.run / "range.pid").write_bytes(b"\xff\x00 -1")
    assert state.end_leftovers() == ()
    assert not (state.run / "range.pid").exists()
