"""A users file on disk: read whole, replaced in one step, changed by one process at a time."""

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from firebreak.errors import OutcomeUnknown, Rejected, Unreachable
from integrations.network import clock
from integrations.network.radius.users_blocks import UsersText

_MAX_BYTES = 16 << 20
_LOCK_POLL_S = 0.01


class UsersFile:
    """The file that FreeRADIUS's main users file includes. Methods block: call them in threads."""

    def __init__(self, path: str) -> None:
        """``path`` is read at every call; a symbolic link is followed, not replaced."""
        self._path = Path(path)

    def read(self) -> UsersText:
        """Read and check the file.

        Raises:
            Rejected: it is not there, may not be read, or holds a block that was edited by hand.
        """
        try:
            with self._real().open("rb") as source:
                raw = source.read(_MAX_BYTES + 1)
        except OSError as error:
            raise Rejected(
                f"the users file {self._path} cannot be read: {error.strerror}; create it empty, "
                "include it in FreeRADIUS's main users file, and let the worker write it"
            ) from error
        if len(raw) > _MAX_BYTES:
            raise Rejected(f"the users file {self._path} is larger than {_MAX_BYTES} bytes")
        # Lines of others may be in any encoding: undecodable bytes survive the round trip.
        return UsersText.parse(raw.decode("utf-8", "surrogateescape"))

    @contextlib.contextmanager
    def locked(self, give_up: float) -> Iterator[None]:
        """Keep every other worker on this machine from changing the file.

        Raises:
            Unreachable: it was not to be had before ``give_up`` (``integrations.network.clock``).
        """
        try:
            handle = os.open(self._beside(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Rejected(
                f"the folder of {self._path} cannot be written: {error.strerror}"
            ) from error
        try:
            while not _lock(handle):
                if clock.now() > give_up:
                    raise Unreachable(f"other workers keep the users file {self._path} locked")
                time.sleep(_LOCK_POLL_S)
            yield
        finally:
            os.close(handle)

    def replace(self, content: UsersText) -> None:
        """Put new content in the file's place, with its owner and mode; durable on return.

        Raises:
            Rejected: the folder or the owner does not allow it; nothing was changed.
            Unreachable: the disk is full or fails; nothing was changed.
            OutcomeUnknown: the new content stands, but perhaps not after a power cut.
        """
        path = self._real()
        data = content.text().encode("utf-8", "surrogateescape")
        try:
            old = path.stat()
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        except OSError as error:
            raise Rejected(
                f"the users file {self._path} cannot be replaced: {error.strerror}"
            ) from error
        try:
            with os.fdopen(handle, "wb") as target:
                _resemble(target.fileno(), old)
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
            Path(name).replace(path)
        except PermissionError as error:
            Path(name).unlink(missing_ok=True)
            raise Rejected(
                f"the users file {self._path} cannot keep its owner: {error.strerror}"
            ) from error
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            raise Unreachable(
                f"the users file {self._path} cannot be written: {error.strerror}"
            ) from error
        _sync_folder(path.parent)

    def _real(self) -> Path:
        return Path(os.path.realpath(self._path))

    def _beside(self, suffix: str) -> Path:
        real = self._real()
        return real.with_name(f".{real.name}{suffix}")


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _resemble(handle: int, old: os.stat_result) -> None:
    """Owner and mode of the old file: FreeRADIUS runs as its own user and must read the new one."""
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise OutcomeUnknown(f"{folder} cannot be synced: {error.strerror}") from error
