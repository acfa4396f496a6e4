"""Token files: one secret each, in the state directory, readable by their owner alone."""

import os
import re
from pathlib import Path

from firebreak.cli.exits import ProblemError
from firebreak.settings import Settings
from firebreak.statedir import StateDir

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,99}")


def token_file(state: StateDir, name: str) -> Path:
    """Where the token of that name is kept.

    Raises:
        ProblemError: it is not a name; a path, for one.
    """
    if not _NAME.fullmatch(name):
        raise ProblemError(
            f"{name!r} is not a token name", "names look like oncall", error="bad-input"
        )
    return state.tokens / f"{name}.token"


def sign_in_file(settings: Settings) -> Path:
    """Where `firebreak login` keeps what it was given."""
    return settings.state_dir.absolute() / "sign-in.json"


def write_token(file: Path, secret: str) -> None:
    """Keep a secret; the file is never there with less in it or with wider permissions."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as sink:
        sink.write(f"{secret}\n")
        sink.flush()
        os.fsync(sink.fileno())
    fresh.replace(file)
