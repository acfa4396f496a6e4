"""A `firebreak up --range` for the pages to be tried on, started the way they say."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.blocks import ROOT
from tests.ports import free_port

_STOP_S = 30


class Site:
    """An installation in a directory that looks like a clone to whoever reads there."""

    def __init__(self, directory: Path) -> None:
        """Nothing runs yet."""
        self.directory = directory
        self._process: subprocess.Popen[str] | None = None
        self._port = free_port()
        for name in ("firebreak", "playbooks", "tests"):
            (directory / name).symlink_to(ROOT / name)
        (directory / "mine").mkdir()
        self.environment: Mapping[str, str] = {
            **{k: v for k, v in os.environ.items() if not k.startswith("FIREBREAK_")},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "COLUMNS": "500",  # one line of output is one line
            "PYTHONSAFEPATH": "1",  # the directory's `firebreak` is there to be read
            "FIREBREAK_STATE_DIR": str(directory / ".firebreak"),
            "FIREBREAK_TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
            "FIREBREAK_PLAYBOOK_DIRS": '["mine"]',
            "FIREBREAK_LISTEN_PORT": str(self._port),
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self._port}"

    def token(self, name: str) -> str:
        """A token that `up` made."""
        return (self.directory / ".firebreak" / "tokens" / f"{name}.token").read_text().strip()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        log = self.directory / "up.log"
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                ["firebreak", "up", "--range", "--json"],
                cwd=self.directory,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        assert '"url"' in ready, log.read_text()

    def stop(self) -> None:
        """Stop it as Ctrl-C would."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=_STOP_S)
            self._process = None
