"""The key that signs receipts: Ed25519, made once, readable by its owner alone."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from firebreak.errors import DefinitionError

PRIVATE_KEY = "receipt-key.pem"
PUBLIC_KEY = "receipt-key.pub.pem"


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 over the 32 raw bytes of the public key, in hex."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def is_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether ``key`` signed ``message``."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """A public key from its PEM form.

    Raises:
        DefinitionError: not a PEM file, or the key is not Ed25519.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DefinitionError("this is not a public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise DefinitionError("receipts are signed with Ed25519; this is another kind of key")
    return key


class Signer:
    """Signs with one private key, which never leaves this object."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Hold the key."""
        self._key = key

    @classmethod
    def load_or_create(cls, directory: Path) -> Self:
        """The signer of a state directory; its key is made at the first call.

        The public key lies beside it as ``receipt-key.pub.pem``. Processes that race to make the
        key all end up with the same one.

        Raises:
            DefinitionError: the key file can be read by others, or holds no Ed25519 key.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = directory / PRIVATE_KEY
        if not private.exists():
            _create(private, _private_pem(Ed25519PrivateKey.generate()))
        signer = cls(_load(private))
        public = directory / PUBLIC_KEY
        if not public.exists() or public.read_bytes() != signer.public_pem:
            _replace(public, signer.public_pem)
        return signer

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that verifies."""
        return self._key.public_key()

    @property
    def public_pem(self) -> bytes:
        """The key that verifies, as PEM (SubjectPublicKeyInfo)."""
        return self.public_key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def keyid(self) -> str:
        """See ``key_id``."""
        return key_id(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature (RFC 8032)."""
        return self._key.sign(message)


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise DefinitionError(f"{path} cannot be opened: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        # Asked of the open file: the name could be given to another one in between.
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DefinitionError(f"{path} is not a regular file")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise DefinitionError(
                f"{path} can be reached by others; whoever read it can sign receipts. "
                "Make a new key, or if you are sure: chmod 600"
            )
        pem = file.read()
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DefinitionError(f"{path} holds no unencrypted private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise DefinitionError(f"{path} holds another kind of key than Ed25519")
    return key


def _create(path: Path, content: bytes) -> None:
    """Write a file whole unless there is one: a link fails where the name is taken."""
    written = _written_beside(path, content)
    try:
        os.link(written, path)
    except FileExistsError:
        return  # another process was first; its key is the key
    finally:
        written.unlink()


def _replace(path: Path, content: bytes) -> None:
    written = _written_beside(path, content)
    written.chmod(0o644)
    written.replace(path)


def _written_beside(path: Path, content: bytes) -> Path:
    """A new file (O_EXCL, 0600) in the same directory, on disk when this returns."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
