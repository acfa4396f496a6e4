"""Real programs that tests start: each ends with the test process, whatever ends that."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Running = subprocess.Popen[bytes]

_STARTS_WITHIN_S = 20.0
_STOPS_WITHIN_S = 5.0


def run(*argv: str) -> str:
    """Run a command to its end and return what it wrote; RuntimeError when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def start(
    stack: contextlib.ExitStack,
    log: Path,
    *argv: str,
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Start a daemon in the foreground; the stack stops it by its pid."""
    sink = stack.enter_context(log.open("ab"))
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *argv],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=sink,
    )
    stack.callback(stop, process)
    return process


def stop(process: Running) -> None:
    """End a daemon; killed when it does not listen."""
    process.terminate()
    try:
        process.wait(timeout=_STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=_STOPS_WITHIN_S)


def until(ready: Callable[[], bool], what: str, *, log: Path | None = None) -> None:
    """Wait for something real to be so; RuntimeError, with the end of the log, when it never is."""
    end = time.monotonic() + _STARTS_WITHIN_S
    while not ready():
        if time.monotonic() > end:
            said = log.read_text(errors="replace")[-2000:] if log else ""
            raise RuntimeError(f"{what} did not come: {said}")
        time.sleep(0.01)


def render(template: Path, values: Mapping[str, object]) -> str:
    """A configuration file with its marks filled in: ``@name@``, as the programs use $ and %."""
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text
