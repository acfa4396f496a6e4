"""The state directory of `firebreak up`: one owner at a time, no processes of a dead one."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firebreak.errors import Busy

# In the environment of every child: which state directory it belongs to. It tells a left-over
# process from a stranger that got the same process id.
MARK = "FIREBREAK_SUPERVISED_BY"

_GRACE_S = 5.0


@dataclass(frozen=True)
class StateDir:
    """Where everything of one installation is kept. ``root`` is absolute."""

    root: Path

    @property
    def logs(self) -> Path:
        """What the processes write."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Process ids, and what processes answered at their start."""
        return self.root / "run"

    @property
    def tokens(self) -> Path:
        """API tokens, one file each, for the owner's eyes only."""
        return self.root / "tokens"

    @property
    def temporal(self) -> Path:
        """The embedded Temporal's database."""
        return self.root / "temporal"

    @property
    def range(self) -> Path:
        """The simulated site's files."""
        return self.root / "range"

    @property
    def url(self) -> Path:
        """Holds the API's address while it runs, so that the CLI finds it on any port."""
        return self.run / "url"

    def create(self) -> None:
        """Make the directories; only their owner may look inside."""
        for path in (self.root, self.logs, self.run, self.tokens, self.temporal, self.range):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Hold the directory alone; the lock goes with the process, however that ends.

        Raises:
            Busy: another process holds it.
        """
        with (self.root / "up.lock").open("a+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                owner = lock.read().strip() or "unknown"
                raise Busy(f"{self.root} is in use by another `up` (process {owner})") from error
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def end_leftovers(self) -> tuple[str, ...]:
        """End processes that an owner left behind when it was killed; their names.

        Call it only as the owner. Needs ``/proc``; elsewhere nothing is ended.
        """
        ended = []
        for file in sorted(self.run.glob("*.pid")):
            pid = _pid_in(file)
            if pid is not None and self._is_ours(pid):
                _end(pid)
                ended.append(file.stem)
            file.unlink(missing_ok=True)
        return tuple(ended)

    def _is_ours(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"{MARK}={self.root}".encode() in environment


def _pid_in(file: Path) -> int | None:
    text = file.read_text(encoding="ascii", errors="replace").strip()
    return int(text) if text.isdecimal() else None


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + _GRACE_S
        while _runs(pid) and time.monotonic() < deadline:
            time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # dead, and only waiting for its parent to look
