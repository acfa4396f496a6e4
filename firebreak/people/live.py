"""The people file while it changes: a good change is taken up, a broken one refused loudly."""

import threading
from pathlib import Path
from typing import Self

import structlog

from firebreak import live_file
from firebreak.live_file import LiveFile, stamp
from firebreak.people.book import People, load

_log = structlog.get_logger(__name__)


class LivePeople:
    """The people of a file, as last read without a problem; see ``LiveFile``."""

    def __init__(self, path: Path) -> None:
        """Use ``load``."""
        self.path = path
        self._over = threading.Event()
        self._file = LiveFile(
            lambda: load(path), lambda: stamp(path), taken=self._taken, refused=self._refused
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check the file. Raises DefinitionError naming file and line."""
        return cls(path)

    @property
    def problem(self) -> str | None:
        """Why an older file counts than the one that is there; None when all is well."""
        return self._file.problem

    def current(self) -> People:
        """The people as they are now. Ask once for one answer: the next call may know others."""
        return self._file.current()

    def follow(self) -> None:
        """Look at the file every second until ``close``, also while nobody is asked about.

        Else whoever comes first after a quiet night would still have yesterday's roles.
        """
        threading.Thread(target=self._follow, name="people-follow", daemon=True).start()

    def close(self) -> None:
        """Follow the file no more."""
        self._over.set()

    def _follow(self) -> None:
        while not self._over.wait(live_file.CHECK_EVERY_S):
            self.current()

    def refresh(self) -> None:
        """Read the file now if it changed."""
        self._file.refresh()

    def _taken(self, before: People, now: People) -> None:
        del before
        _log.warning(
            "people file read again; roles are as it says from now on",
            file=str(self.path),
            people=len(now.persons),
            rotas=len(now.rotas),
        )

    def _refused(self, still: People, problem: str) -> None:
        _log.error(
            "people file is broken; the last good one still counts",
            file=str(self.path),
            people=len(still.persons),
            problem=problem,
        )
