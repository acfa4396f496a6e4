"""The demo's own installation: `firebreak up --range` in a directory of its own, on free ports."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from firebreak.cli.client import Api
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.token_files import token_file
from firebreak.statedir import StateDir

FIREBREAK = (sys.executable, "-m", "firebreak.cli")

_STOP_S = 30
_PORTS = (15_000, 32_000)
_TAIL_LINES = 8
_TAIL_WIDTH = 300


class DemoSite:
    """Runs while it is entered. What it leaves in ``directory`` is everything it did."""

    def __init__(self, directory: Path) -> None:
        """Nothing runs yet."""
        self.state = StateDir(directory)
        self.url = ""
        self.took_s = 0.0
        self.last_words: list[str] = []  # once it has ended: the end of every log until then
        self._log = directory / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, fixed arguments
                [*FIREBREAK, *self._up_arguments()],
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # on Ctrl-C the demo ends it, in its own time
            )
        try:
            self._read_ready_line(self._process.stdout)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def api(self, name: str) -> Api:
        """The API as the principal of that name."""
        return Api(self.url, token_file(self.state, name).read_text(encoding="ascii").strip())

    def verify(self, receipt: Path, public_key: Path) -> list[str]:
        """Check a receipt with nothing but two files; what was found to hold.

        Raises:
            ProblemError: it does not hold.
        """
        arguments = ["receipt", "verify", str(receipt), "--public-key", str(public_key), "--json"]
        run = subprocess.run(  # noqa: S603 - our own program, fixed arguments
            [*FIREBREAK, *arguments], check=False, capture_output=True, timeout=60
        )
        if run.returncode:
            raise ProblemError(
                f"the receipt does not verify: {run.stdout.decode(errors='replace')}",
                f"firebreak receipt verify {receipt} --public-key {public_key}",
                code=Exit.NOT_DONE,
            )
        return [check["message"] for check in json.loads(run.stdout)["checks"]]

    def _ends_of_logs(self) -> list[str]:
        lines = []
        for log in (*sorted(self.state.logs.glob("*.log")), self._log):
            text = log.read_text(encoding="utf-8", errors="replace")
            last = text.splitlines()[-_TAIL_LINES:]
            lines += [f"{log.stem}: {line[:_TAIL_WIDTH]}" for line in last]
        return lines

    def _up_arguments(self) -> list[str]:
        where = ["--state", str(self.state.root), "--port", str(_free_port())]
        return ["up", "--range", "--json", *where]

    def _environment(self) -> dict[str, str]:
        """The caller's, without settings that are meant for another installation."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("FIREBREAK_")}
        return {
            **kept,
            "FIREBREAK_TEMPORAL_ADDRESS": f"127.0.0.1:{_free_port()}",
            "FIREBREAK_POLICY_FILE": str(self._hurried("policies", ".cedar")),
            "FIREBREAK_PLAYBOOK_DIRS": str(self._hurried("", ".yaml")),
        }

    def _hurried(self, folder: str, suffix: str) -> Path:
        """The shipped policies or playbooks, with people who are called sooner: 30m is 2s."""
        target = self.state.root / f"demo-{folder or 'playbooks'}"
        target.mkdir(exist_ok=True)
        source = resources.files("playbooks") / folder
        for file in source.iterdir():
            if file.name.endswith(suffix):
                said = file.read_text(encoding="utf-8")
                hurried = said.replace("after 30m", "after 2s").replace("after: 30m", "after: 2s")
                (target / file.name).write_text(hurried, encoding="utf-8")
        return target

    def _read_ready_line(self, stdout: IO[bytes] | None) -> None:
        line = stdout.readline() if stdout else b""
        facts = json.loads(line) if line else {}
        if "url" not in facts:
            raise ProblemError(
                "`firebreak up --range` did not get ready", f"see {self._log}", code=Exit.NOT_DONE
            )
        self.url, self.took_s = facts["url"], facts["took_s"]

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        self.last_words = self._ends_of_logs()
        process.terminate()
        try:
            process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        self._process = None


def _free_port() -> int:
    """Below the range that connections are given: nothing else takes it before it is used."""
    while True:
        port = random.randint(*_PORTS)  # noqa: S311 - no secret
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
