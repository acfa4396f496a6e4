"""The site's own command that has FreeRADIUS read its users files again: no shell, no leftovers."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Sequence
from typing import IO

from firebreak.errors import OutcomeUnknown, Rejected

_SAID_BYTES = 300
# The command is the operator's, but what this process holds in its environment is not for it.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


async def reload(argv: Sequence[str], timeout_s: float) -> None:
    """Run the command to its end.

    Raises:
        Rejected: it cannot be started, or says that the server did not reload (exit code not 0).
        OutcomeUnknown: it did not end in time; it was killed, with all that it had started.
    """
    # Into a file: a service that the command starts would keep a pipe open for ever.
    with tempfile.TemporaryFile() as said:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise Rejected(f"the reload command {argv[0]} cannot be started: {error}") from error
        await _ended(process, argv[0], timeout_s)
        if process.returncode != 0:
            raise Rejected(
                f"the reload command {argv[0]} failed with exit code {process.returncode}: "
                f"{_last_words(said)}"
            )


async def _ended(process: asyncio.subprocess.Process, name: str, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError as error:
        raise OutcomeUnknown(f"the reload command {name} did not end in time") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _last_words(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _SAID_BYTES))
    text = " ".join(said.read().decode(errors="replace").split())
    return "".join(c if c.isprintable() else "?" for c in text)
