"""The one host key a switch may show, and how a changed one is told."""

import base64
import binascii
import hashlib
from pathlib import Path

from firebreak.domain.estate import Switch
from firebreak.errors import DefinitionError
from integrations.network.cli.access import access


def parse(switch: Switch) -> tuple[str, bytes]:
    """``(key type, key blob)`` of the estate's ``host_key``.

    Raises:
        DefinitionError: not a public key in OpenSSH's one-line form.
    """
    key = access(switch).host_key
    words = key.split()
    try:
        kind, blob = words[0], base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise DefinitionError(_how(switch)) from error
    # RFC 4253, section 6.6: the blob begins with its own type as a length-prefixed string.
    if "\n" in key.strip() or blob[4 : 4 + blob[3]] != kind.encode():
        raise DefinitionError(_how(switch))
    return kind, blob


def _how(switch: Switch) -> str:
    cli = access(switch)
    return (
        f"switch {switch.id}: host_key is not a public key; take the line that "
        f"`ssh-keyscan -p {cli.port} {cli.host}` prints, compare its fingerprint on the "
        "switch's console, and leave out the host name"
    )


def fingerprint(blob: bytes) -> str:
    """``SHA256:...`` as OpenSSH shows it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def write_known_hosts(switch: Switch, folder: Path) -> Path:
    """A known-hosts file with this switch's key and no other. Raises DefinitionError."""
    kind, blob = parse(switch)
    cli = access(switch)
    name = cli.host if cli.port == 22 else f"[{cli.host}]:{cli.port}"  # noqa: PLR2004 - the SSH port, which known_hosts leaves out
    path = folder / f"{switch.id}.known_hosts"
    path.write_text(f"{name} {kind} {base64.b64encode(blob).decode()}\n", encoding="ascii")
    return path
