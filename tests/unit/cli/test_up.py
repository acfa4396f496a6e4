"""`firebreak up`: says what is missing, comes up, survives kills, ends cleanly."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from firebreak.cli.exits import Exit
from tests.ports import free_port
from tests.unit.cli.conftest import Call

CHILDREN = ("temporal", "range", "worker", "server")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory and ports that nobody else uses."""
    monkeypatch.setenv("FIREBREAK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FIREBREAK_TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("FIREBREAK_TEMPORAL_SYNC", "normal")
    monkeypatch.setenv("FIREBREAK_LISTEN_PORT", str(free_port()))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def test_without_an_estate_it_names_the_simulated_site(elsewhere: Path, call: Call) -> None:
    result = call("up")
    assert result.exit_code == 2
    assert "--range" in result.stderr
    assert not list((elsewhere / "logs").iterdir())  # nothing was started


def test_a_port_in_use_is_said_before_anything_is_started(elsewhere: Path, call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = call("up", "--range", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "--port" in result.stderr
    assert not list((elsewhere / "logs").iterdir())


@pytest.mark.parametrize("address", ["temporal.example:7233", "127.0.0.1", "127.0.0.1:x"])
def test_somebody_elses_temporal_is_not_shadowed_by_an_embedded_one(
    elsewhere: Path, call: Call, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    del elsewhere
    monkeypatch.setenv("FIREBREAK_TEMPORAL_ADDRESS", address)
    result = call("up", "--range")
    assert result.exit_code == 2
    assert "firebreak worker" in result.stderr


class Up:
    """A running `firebreak up --range`."""

    def __init__(self, state: Path) -> None:
        self.state = state
        with (state.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "firebreak.cli", "up", "--range", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (state.parent / "up.log").read_text()
        self.facts = json.loads(line)

    def pid(self, child: str) -> int:
        return int((self.state / "run" / f"{child}.pid").read_text())

    def healthy(self) -> bool:
        try:
            return httpx.get(f"{self.facts['url']}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def start(elsewhere: Path) -> Iterator[Callable[[], Up]]:
    started: list[Up] = []

    def begin() -> Up:
        started.append(Up(elsewhere))
        return started[-1]

    yield begin
    for up in started:
        if up.process.poll() is None:
            up.end()


def eventually(look: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_every_killed_child_comes_back_and_an_interrupt_ends_them_all(
    start: Callable[[], Up], call: Call
) -> None:
    up = start()
    assert call("devices").exit_code == 0  # the command line finds it by its state directory
    for child in CHILDREN:
        before = up.pid(child)
        os.kill(before, signal.SIGKILL)
        eventually(lambda child=child, before=before: up.pid(child) != before)  # type: ignore[misc]
    eventually(up.healthy)
    children = [up.pid(child) for child in CHILDREN]
    began = time.monotonic()
    assert up.end(signal.SIGINT) == 0
    assert time.monotonic() - began < 15
    assert not any(runs(pid) for pid in children)
    assert call("devices").exit_code == 3


def test_after_a_kill_of_up_itself_the_next_one_takes_over(start: Callable[[], Up]) -> None:
    killed = start()
    left = [killed.pid(child) for child in CHILDREN]
    killed.end(signal.SIGKILL)
    up = start()
    assert not any(runs(pid) for pid in left)
    assert up.healthy()
    second = subprocess.run(
        [sys.executable, "-m", "firebreak.cli", "up", "--range"], capture_output=True, check=False
    )
    assert second.returncode == 1
    assert f"process {up.process.pid}" in second.stderr.decode()


def test_no_log_ever_shows_a_token(start: Callable[[], Up], call: Call) -> None:
    up = start()
    call("incidents")
    assert up.end() == 0
    secrets = [file.read_text().strip() for file in (up.state / "tokens").iterdir()]
    assert len(secrets) == 4
    for log in [*(up.state / "logs").iterdir(), up.state.parent / "up.log"]:
        text = log.read_text(errors="replace")
        assert not any(secret in text for secret in secrets)


@pytest.mark.parametrize("process", ["worker", "server"])
def test_a_process_that_is_held_ends_with_the_up_that_holds_it(call: Call, process: str) -> None:
    assert call(process, "--held").exit_code == Exit.NOT_DONE
