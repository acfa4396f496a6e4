"""Keeps the processes of `firebreak up` running: starts them, restarts them, ends them in order."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# A child that exits with this says that its configuration is wrong: starting it again is useless.
WRONG_CONFIGURATION = 2

_LOG_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Child:
    """A process to keep running.

    Its output goes to ``log``, or its standard output alone to ``answer``, a file that is emptied
    at each start. ``grace_s`` is how long it may take to end before it is killed. One that is
    ``held`` loads and then reads a line from its standard input: what ``Supervisor.release`` says.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    answer: Path | None = None
    grace_s: float = 5
    held: bool = False


@dataclass(frozen=True)
class Patience:
    """When to start a child again. Seconds.

    The pause doubles from ``first_s`` to ``longest_s`` and starts over once a child has run for
    ``steady_s``. Until ``Supervisor.settled``, so many early ends (``tries``) of one child are a
    failure, and so is a child that calls its configuration wrong.
    """

    first_s: float = 0.2
    longest_s: float = 10
    steady_s: float = 30
    tries: int = 5


class ChildFailedError(Exception):
    """A process cannot be kept running. ``log`` is the file that says why."""

    def __init__(self, name: str, detail: str, log: Path) -> None:
        """Keep which child it is and where it wrote."""
        super().__init__(f"{name} {detail}")
        self.log = log


class Supervisor:
    """Runs children until it is stopped.

    ``run_dir`` gets a pid file for each child, so that a later start can find what a killed
    supervisor left behind. ``say`` is told about every unplanned end.
    """

    def __init__(
        self, run_dir: Path, say: Callable[[str], None], patience: Patience | None = None
    ) -> None:
        """Nothing is started yet."""
        self._run_dir = run_dir
        self._say = say
        self._patience = patience or Patience()
        self._settled = False
        self._word: bytes | None = None
        self._children: list[Child] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._failures: list[ChildFailedError] = []
        self._has_failed = asyncio.Event()

    async def start(self, child: Child) -> None:
        """Start a child and keep it running.

        Raises:
            ChildFailedError: its program cannot be run.
        """
        self._children.append(child)
        process = await self._spawn(child)
        self._keepers[child.name] = asyncio.create_task(self._keep(child, process))

    def release(self, word: str) -> None:
        """Let held children begin, now and whenever they are started again, with that line."""
        self._word = f"{word}\n".encode()
        for child in self._children:
            self._tell(child, self._processes[child.name])

    def settled(self) -> None:
        """Everything has been seen to work: from now on no number of crashes is the end."""
        self._settled = True

    def pids(self) -> dict[str, int]:
        """The process of each child that has been started."""
        return {name: process.pid for name, process in self._processes.items()}

    async def failure(self) -> None:
        """Return only by raising.

        Raises:
            ChildFailedError: a child cannot be kept running.
        """
        await self._has_failed.wait()
        raise self._failures[0]

    async def stop(self) -> None:
        """End every child, the last one started first."""
        for child in reversed(self._children):
            await self._end(child)
        self._children.clear()

    def kill(self) -> None:
        """Leave nobody the time to end well; ``stop`` is still what waits for the end."""
        for process in self._processes.values():
            if process.returncode is None:
                _kill_group(process)

    async def _keep(self, child: Child, process: asyncio.subprocess.Process) -> None:
        try:
            await self._restart_for_ever(child, process)
        except ChildFailedError as error:
            self._failures.append(error)
            self._has_failed.set()

    async def _restart_for_ever(self, child: Child, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        early_ends, pause = 0, self._patience.first_s
        while True:
            started = loop.time()
            code = await process.wait()
            _kill_group(process)
            if loop.time() - started >= self._patience.steady_s:
                early_ends, pause = 0, self._patience.first_s
            early_ends += 1
            self._give_up_or_not(child, code, early_ends)
            self._say(
                f"{child.name} {_ended(code)}; starting it again in {pause:g} s ({child.log})"
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._patience.longest_s)
            process = await self._spawn(child)

    def _give_up_or_not(self, child: Child, code: int, early_ends: int) -> None:
        if self._settled:
            return  # what runs must not end because somebody edited a file
        if code == WRONG_CONFIGURATION:
            raise ChildFailedError(child.name, "says that its configuration is wrong", child.log)
        if early_ends >= self._patience.tries:
            raise ChildFailedError(child.name, f"{_ended(code)}, {early_ends} times", child.log)

    def _tell(self, child: Child, process: asyncio.subprocess.Process) -> None:
        if child.held and self._word is not None and process.stdin is not None:
            process.stdin.write(self._word)
            process.stdin.close()

    async def _spawn(self, child: Child) -> asyncio.subprocess.Process:
        try:
            with contextlib.ExitStack() as files:
                log = files.enter_context(_open_log(child.log))
                output = files.enter_context(child.answer.open("wb")) if child.answer else log
                process = await asyncio.create_subprocess_exec(
                    *child.command,
                    env=dict(child.environment),
                    stdin=asyncio.subprocess.PIPE if child.held else asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C reaches the supervisor only
                )
            self._processes[child.name] = process
            self._tell(child, process)
            draft = self._pid_file(child).with_suffix(".new")
            draft.write_text(f"{process.pid}\n", encoding="ascii")
            draft.replace(self._pid_file(child))  # whoever reads it never sees half of it
        except OSError as error:
            raise ChildFailedError(child.name, f"cannot be started: {error}", child.log) from error
        return process

    async def _end(self, child: Child) -> None:
        keeper = self._keepers.pop(child.name, None)
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        process = self._processes.get(child.name)
        if process is not None:
            await _terminate(process, child.grace_s)
            del self._processes[child.name]
        self._pid_file(child).unlink(missing_ok=True)

    def _pid_file(self, child: Child) -> Path:
        return self._run_dir / f"{child.name}.pid"


async def _terminate(process: asyncio.subprocess.Process, grace_s: float) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), grace_s)
    _kill_group(process)
    await process.wait()


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """The process, and whatever it started: each child leads its own group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _ended(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _open_log(path: Path) -> BinaryIO:
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(path.suffix + ".1"))
    return path.open("ab")
