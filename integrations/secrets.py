"""Secret references become secrets here, at call time, and nowhere else."""

import os
import stat
from pathlib import Path

from firebreak.errors import AuthFailed

_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def resolve(ref: str) -> str:
    """The secret behind ``env:NAME`` or ``file:/path`` (without a trailing line end).

    Raises:
        AuthFailed: there is none, it is empty, or others may read the file. The message names the
            reference and never the value.
    """
    scheme, _, where = ref.partition(":")
    if scheme == "env":
        secret = os.environ.get(where, "")
    elif scheme == "file":
        secret = _from_file(Path(where))
    else:
        # The text may be a secret that someone pasted where its reference belongs.
        raise AuthFailed("a secret reference starts with env: or file:")
    if not secret:
        raise AuthFailed(f"the secret {ref} is not set or is empty")
    return secret


def _from_file(path: Path) -> str:
    check_private(path)
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        # The decode error would quote the bytes it stumbled on.
        raise AuthFailed(f"the secret file {path} cannot be read as text") from (
            error if isinstance(error, OSError) else None
        )


def check_private(path: Path) -> None:
    """Raise AuthFailed unless the file is there and only its owner may touch it."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise AuthFailed(f"the secret file {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise AuthFailed(f"the secret file {path} is not a regular file")
    if mode & _FOR_OTHERS:
        raise AuthFailed(f"the secret file {path} is open to others; chmod 600 it")
