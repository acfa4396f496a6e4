"""Children are restarted, given up on, and ended in order."""

import asyncio
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firebreak.supervisor import Child, ChildFailedError, Patience, Supervisor

QUICK = Patience(first_s=0.01, longest_s=0.05, steady_s=30, tries=3)


def child(directory: Path, name: str, code: str, grace_s: float = 5) -> Child:
    return Child(
        name=name,
        command=(sys.executable, "-c", code),
        environment=dict(os.environ),
        log=directory / f"{name}.log",
        grace_s=grace_s,
    )


async def eventually(look: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while True:
            if look():
                return
            await asyncio.sleep(0.01)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


async def test_a_killed_child_is_started_again_and_it_is_said_loudly(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path, said.append, QUICK)
    await supervisor.start(child(tmp_path, "sleeper", "import time; time.sleep(60)"))
    supervisor.settled()
    first = supervisor.pids()["sleeper"]
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: supervisor.pids()["sleeper"] != first)
    await supervisor.stop()
    assert said == [
        f"sleeper was killed by signal 9; starting it again in 0.01 s ({tmp_path}/sleeper.log)"
    ]


async def test_before_all_is_well_a_child_that_keeps_ending_is_a_failure(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    await supervisor.start(child(tmp_path, "broken", "print('my last words'); raise SystemExit(1)"))
    async with asyncio.timeout(20):
        with pytest.raises(
            ChildFailedError, match="broken ended with exit code 1, 3 times"
        ) as info:
            await supervisor.failure()
    await supervisor.stop()
    assert "my last words" in info.value.log.read_text()


async def test_once_all_was_well_no_number_of_crashes_is_the_end(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path, said.append, QUICK)
    supervisor.settled()
    await supervisor.start(child(tmp_path, "flaky", "raise SystemExit(2)"))
    await eventually(lambda: len(said) > QUICK.tries + 2, within_s=20)
    await supervisor.stop()


async def test_at_the_start_a_child_that_calls_its_configuration_wrong_is_a_failure(
    tmp_path: Path,
) -> None:
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    await supervisor.start(child(tmp_path, "confused", "raise SystemExit(2)"))
    async with asyncio.timeout(10):
        with pytest.raises(ChildFailedError, match="configuration is wrong"):
            await supervisor.failure()
    await supervisor.stop()


async def test_a_program_that_does_not_exist_is_a_failure_at_once(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    missing = Child("ghost", (str(tmp_path / "no-such-program"),), {}, tmp_path / "ghost.log")
    with pytest.raises(ChildFailedError, match="cannot be started"):
        await supervisor.start(missing)
    await supervisor.stop()


async def test_a_held_child_begins_at_the_word_and_hears_it_again_when_it_is_restarted(
    tmp_path: Path,
) -> None:
    heard = tmp_path / "heard"
    code = (
        "import sys, time\n"
        f"open({str(tmp_path / 'loaded')!r}, 'w').close()\n"
        "line = sys.stdin.readline()\n"
        f"open({str(heard)!r}, 'a').write(line)\n"
        "time.sleep(60)\n"
    )
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    free = child(tmp_path, "free", "import time; time.sleep(60)")
    await supervisor.start(free)
    await supervisor.start(dataclasses.replace(child(tmp_path, "held", code), held=True))
    await eventually((tmp_path / "loaded").exists)
    assert not heard.exists()
    supervisor.release("go")
    await eventually(lambda: lines(heard) == ["go"])
    os.kill(supervisor.pids()["held"], signal.SIGKILL)
    await eventually(lambda: lines(heard) == ["go", "go"])
    await supervisor.stop()


async def test_children_end_in_the_reverse_of_their_start(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1] + '\\n')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"open({str(tmp_path)!r} + '/up-' + sys.argv[1], 'w').close()\n"
        "time.sleep(60)\n"
    )
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    for name in ("first", "second", "third"):
        one = child(tmp_path, name, code)
        await supervisor.start(Child(name, (*one.command, name), one.environment, one.log))
    await eventually(lambda: len(list(tmp_path.glob("up-*"))) == 3)
    await supervisor.stop()
    assert lines(order) == ["third", "second", "first"]
    assert not (tmp_path / "first.pid").exists()


async def test_a_child_that_will_not_end_is_killed_with_all_it_started(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'inner')!r}, 'w').write(f'{{inner.pid}}\\n')\n"
        "time.sleep(60)\n"
    )
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    await supervisor.start(child(tmp_path, "stubborn", code, grace_s=0.1))
    await eventually(lambda: (tmp_path / "inner").exists() and bool(lines(tmp_path / "inner")))
    began = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - began < 5
    inner = int(lines(tmp_path / "inner")[0])
    await eventually(lambda: not runs(inner))


async def test_kill_does_not_wait_for_a_child_to_end_well(tmp_path: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(tmp_path / 'deaf')!r}, 'w').close()\n"
        "time.sleep(60)\n"
    )
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    await supervisor.start(child(tmp_path, "stubborn", code, grace_s=30))
    await eventually((tmp_path / "deaf").exists)
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0)
    supervisor.kill()
    async with asyncio.timeout(5):
        await stopping


async def test_an_answer_goes_to_its_own_file_and_is_fresh_at_each_start(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_text("of an earlier life\n")
    code = (
        "import sys, time\n"
        "print('ready', flush=True)\n"
        "print('noise', file=sys.stderr)\n"
        "time.sleep(60)\n"
    )
    one = child(tmp_path, "talker", code)
    supervisor = Supervisor(tmp_path, lambda _: None, QUICK)
    await supervisor.start(Child(one.name, one.command, one.environment, one.log, answer=answer))
    await eventually(lambda: answer.read_text() == "ready\n")
    await eventually(lambda: "noise" in one.log.read_text())
    await supervisor.stop()


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
