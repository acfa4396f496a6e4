"""One real process of a stack: started, killed as a power cut would, started again."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_READY_S = 60.0
_STOP_S = 20.0
_TAIL = 2000


class DidNotStartError(Exception):
    """A process ended, or said nothing, before it was ready. Holds the end of its log."""


@dataclass
class Process:
    """A command that can be run again and again; its output is appended to ``log``.

    ``ready`` is what its log says once it works. It dies with the thread that started it, also
    when the tests are killed: start it from the main thread.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    ready: str = ""
    starts: int = 0
    _running: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    _log_from: int = 0

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        assert self._running is not None, f"{self.name} was never started"
        return self._running.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Start it and return at once."""
        assert not self.alive, f"{self.name} runs already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        self._log_from = self.log.stat().st_size
        with self.log.open("ab") as sink:
            self._running = subprocess.Popen(
                ("setpriv", "--pdeathsig", "KILL", *self.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self.starts += 1

    def said(self) -> str:
        """What it wrote since its last start."""
        with self.log.open("rb") as source:
            source.seek(self._log_from)
            return source.read().decode(errors="replace")

    def wait_ready(self, works: Callable[[], bool] | None = None) -> None:
        """Until it works: by ``works``, else by its log. Raises DidNotStartError."""
        look = works or (lambda: self.ready in self.said())
        give_up = time.monotonic() + _READY_S
        while not look():
            if not self.alive or time.monotonic() > give_up:
                raise DidNotStartError(f"{self.name}: {self.said()[-_TAIL:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it with SIGKILL, by its pid, and wait until it is gone."""
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """End it as an operator would; killed when it does not listen."""
        if self.alive:
            os.kill(self.pid, signal.SIGTERM)
        try:
            self._wait()
        except subprocess.TimeoutExpired:
            self.kill()

    def _wait(self) -> None:
        if self._running is not None:
            self._running.wait(_STOP_S)
