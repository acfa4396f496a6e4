"""What files say while they change: a good change is taken up, a broken one is told and refused."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from firebreak.errors import DefinitionError

CHECK_EVERY_S = 1.0

T = TypeVar("T")


class LiveFile(Generic[T]):
    """The content of a file or a directory, as last read without a problem.

    It is looked at no more than once a second, when somebody asks, and read in a thread only when
    it has looked the same twice: neither a half-written file nor a long parse is felt. While it is
    broken or gone ``problem`` says why, and the last good content stays.
    """

    def __init__(
        self,
        read: Callable[[], T],
        stamp: Callable[[], object],
        *,
        taken: Callable[[T, T], None],
        refused: Callable[[T, str], None],
    ) -> None:
        """Read it now.

        Args:
            read: reads and checks all of it; raises DefinitionError.
            stamp: something that differs when the content does; raises nothing.
            taken: told of what was before and what counts from now on, in the thread that read it.
            refused: told of what still counts, and what is wrong with the new content.

        Raises:
            DefinitionError: as ``read`` does.
        """
        self._read, self._stamp = read, stamp
        self._taken, self._refused = taken, refused
        self._tried = self._seen = stamp()  # the last that was read, good or not; the last seen
        self.content = read()  # without a look at the file
        self.problem: str | None = None
        self._checked_at = time.monotonic()
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None

    def current(self) -> T:
        """The content as it is now. Ask once for one answer: the next call may find another."""
        now = time.monotonic()
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            self._check()
        return self.content

    def refresh(self) -> None:
        """Read it now if it changed."""
        seen = self._stamp()
        with self._lock:
            if seen == self._tried:
                return
            self._tried = self._seen = seen
            try:
                found = self._read()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not go unsaid
                known = isinstance(error, DefinitionError)
                self.problem = str(error) if known else f"reading it broke: {error!r}"
                self._refused(self.content, self.problem)
            else:
                before, self.content, self.problem = self.content, found, None
                self._taken(before, found)

    def _check(self) -> None:
        seen = self._stamp()
        settled, self._seen = seen == self._seen, seen
        if seen == self._tried or not settled or (self._reading and self._reading.is_alive()):
            return
        self._reading = threading.Thread(target=self.refresh, name="reload", daemon=True)
        self._reading.start()


def stamp(path: Path) -> object:
    """What changes when one file does; None when it cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
