"""What `firebreak up` runs on one machine: each process with its command and its environment."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firebreak.embedded import DevServer
from firebreak.errors import DefinitionError
from firebreak.settings import Settings
from firebreak.statedir import MARK, StateDir
from firebreak.supervisor import Child

_LOOPBACK = ("127.0.0.1", "localhost")

# A child has no use for what only the command line needs.
_NOT_FOR_CHILDREN = frozenset({"FIREBREAK_TOKEN", "FIREBREAK_URL"})


@dataclass(frozen=True)
class Machine:
    """One installation. ``settings`` name its ports; ``devices`` is the size of the range."""

    state: StateDir
    settings: Settings
    devices: int

    @property
    def temporal_port(self) -> int:
        """Where the embedded Temporal listens.

        Raises:
            DefinitionError: the settings name a Temporal that is not this machine's own.
        """
        address = self.settings.temporal_address
        host, _, port = address.rpartition(":")
        if host not in _LOOPBACK or not port.isdecimal() or self.settings.temporal_tls:
            raise DefinitionError(
                f"`up` brings its own Temporal, and {address} is another one: unset "
                "FIREBREAK_TEMPORAL_ADDRESS and FIREBREAK_TEMPORAL_TLS, or run `firebreak worker` "
                "and `firebreak server`"
            )
        return int(port)

    def temporal(self) -> Child:
        """The embedded Temporal. Raises DefinitionError when it is not installed."""
        server = DevServer(
            directory=self.state.temporal,
            port=self.temporal_port,
            sync=self.settings.temporal_sync,
            ui_port=self.settings.temporal_ui_port,
            namespaces=(self.settings.temporal_namespace,),
        )
        mark = {MARK: str(self.state.root)}
        return Child(
            name="temporal",
            command=server.command(),
            environment={**server.environment(), **mark},
            log=self._log("temporal"),
        )

    def range(self) -> Child:
        """The simulated site; its ready line goes to ``range_answer``."""
        where = ("--state", str(self.state.range), "--devices", str(self.devices))
        return Child(
            name="range",
            command=(sys.executable, "-m", "firebreak.cyber_range", *where),
            environment=self._environment({}),
            log=self._log("range"),
            answer=self.range_answer,
        )

    def firebreak(self, name: str) -> Child:
        """The ``worker`` or the ``server``: loads, and begins when told the estate file."""
        return Child(
            name=name,
            command=(sys.executable, "-m", "firebreak.cli", name, "--held"),
            environment=self._environment({}),
            held=True,
            log=self._log(name),
            grace_s=12 if name == "worker" else 5,  # an effect in flight may end
        )

    @property
    def range_answer(self) -> Path:
        """What the range said when it was ready."""
        return self.state.run / "range.json"

    def range_estate(self) -> Path | None:
        """The range's estate file, once the range is ready."""
        line, newline, _ = self.range_answer.read_text(encoding="utf-8").partition("\n")
        return Path(json.loads(line)["estate"]) if newline else None

    def _log(self, name: str) -> Path:
        return self.state.logs / f"{name}.log"

    def _environment(self, more: Mapping[str, str]) -> Mapping[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in _NOT_FOR_CHILDREN}
        return {
            **kept,
            MARK: str(self.state.root),
            "FIREBREAK_STATE_DIR": str(self.state.root),
            "FIREBREAK_TEMPORAL_ADDRESS": self.settings.temporal_address,
            "FIREBREAK_LISTEN_PORT": str(self.settings.listen_port),
            **more,
        }
