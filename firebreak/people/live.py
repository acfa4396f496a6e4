"""The people file while it changes: a good change is taken up, a broken one refused loudly."""

import threading
import time
from pathlib import Path
from typing import Self

import structlog

from firebreak.errors import DefinitionError
from firebreak.people.book import People, load

CHECK_EVERY_S = 1.0

_log = structlog.get_logger(__name__)

Stamp = tuple[int, int, int]  # when it was written, its size, its inode
_GONE: Stamp = (0, 0, 0)


class LivePeople:
    """The people of a file, as last read without a problem.

    The file is looked at no more than once a second, when somebody is asked about or while it is
    followed, and read in a thread only when it has looked the same twice: neither a half-written
    file nor a long parse is felt. While it is broken or gone ``problem`` says why, and the last
    good one counts.
    """

    def __init__(self, path: Path, people: People, seen: Stamp) -> None:
        """Use ``load``; this takes what it has read."""
        self.path = path
        self._people = people
        self._tried = self._seen = seen
        self._checked_at = time.monotonic()
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self._over = threading.Event()
        self.problem: str | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check the file. Raises DefinitionError naming file and line."""
        seen = _stamp(path)
        return cls(path, load(path), seen)

    def current(self) -> People:
        """The people as they are now. Ask once for one answer: the next call may know others."""
        now = time.monotonic()
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            self._check()
        return self._people

    def follow(self) -> None:
        """Look at the file every second until ``close``, also while nobody is asked about.

        Else whoever comes first after a quiet night would still have yesterday's roles.
        """
        threading.Thread(target=self._follow, name="people-follow", daemon=True).start()

    def close(self) -> None:
        """Follow the file no more."""
        self._over.set()

    def _follow(self) -> None:
        while not self._over.wait(CHECK_EVERY_S):
            self.current()

    def refresh(self) -> None:
        """Read the file now if it changed."""
        seen = _stamp(self.path)
        with self._lock:
            if seen == self._tried:
                return
            self._tried = self._seen = seen
            try:
                self._people = load(self.path)
            except DefinitionError as error:
                self.problem = str(error)
                _log.error(
                    "people file is broken; the last good one still counts",
                    file=str(self.path),
                    people=len(self._people.persons),
                    problem=self.problem,
                )
            else:
                self.problem = None
                _log.warning(
                    "people file read again; roles are as it says from now on",
                    file=str(self.path),
                    people=len(self._people.persons),
                    rotas=len(self._people.rotas),
                )

    def _check(self) -> None:
        seen = _stamp(self.path)
        settled, self._seen = seen == self._seen, seen
        if seen == self._tried or not settled or (self._reading and self._reading.is_alive()):
            return
        self._reading = threading.Thread(target=self.refresh, name="people-reload", daemon=True)
        self._reading.start()


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return _GONE
    return status.st_mtime_ns, status.st_size, status.st_ino
