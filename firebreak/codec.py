"""Encrypts every payload in Temporal's history with AES-256-GCM, under keys that rotate."""

import base64
import contextlib
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from firebreak.errors import DefinitionError

ENCODING = b"binary/firebreak-aes256gcm"
LOOK_S = 1.0  # how soon a rotation is felt by a process that runs
_NONCE = 12


class KeyRing:
    """Named 256-bit keys: the active one encrypts, all of them decrypt."""

    def __init__(self, active: str, keys: Mapping[str, bytes]) -> None:
        """Raises DefinitionError when the active key is missing or a key has another length."""
        if active not in keys or any(len(key) != 32 for key in keys.values()):  # noqa: PLR2004
            raise DefinitionError("the payload keys need an active key, and 32 bytes each")
        self.active = active
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._keys = dict(keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys by name, in the order they were made."""
        return tuple(self._ciphers)

    def __contains__(self, name: str) -> bool:
        return name in self._ciphers

    def cipher(self, name: str) -> AESGCM:
        """The cipher of a key. Raises DefinitionError for one that is not in the ring."""
        if name not in self._ciphers:
            raise DefinitionError(f"a payload was encrypted with key {name}, which is not here")
        return self._ciphers[name]

    def rotated(self) -> "KeyRing":
        """The ring with a fresh active key; the others stay, for histories that need them."""
        name = secrets.token_hex(4)
        return KeyRing(name, {**self._keys, name: AESGCM.generate_key(256)})

    @classmethod
    def load_or_create(cls, path: Path) -> "KeyRing":
        """Read the ring, or make it at first start. Two processes starting at once agree.

        Raises:
            DefinitionError: the file can be read by others, or is no key ring.
        """
        if not path.exists():
            name = secrets.token_hex(4)
            fresh = cls(name, {name: AESGCM.generate_key(256)})
            fresh._link(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Read the ring. Raises DefinitionError."""
        if path.stat().st_mode & 0o077:
            raise DefinitionError(f"{path} can be read by others; run: chmod 600 {path}")
        try:
            stored = json.loads(path.read_text())
            keys = {name: base64.b64decode(key) for name, key in stored["keys"].items()}
            return cls(stored["active"], keys)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DefinitionError(f"{path} is not a key ring; restore it from a backup") from error

    def save(self, path: Path) -> None:
        """Replace the file in one step."""
        self._written(path).replace(path)

    def _link(self, path: Path) -> None:
        """Put the file in place unless another process was first."""
        written = self._written(path)
        try:
            os.link(written, path)
        except FileExistsError:
            pass  # another process was first, and its keys are the ones to use
        finally:
            written.unlink()

    def _written(self, path: Path) -> Path:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = {name: base64.b64encode(key).decode() for name, key in self._keys.items()}
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({"active": self.active, "keys": keys}, file)
            file.flush()
            os.fsync(file.fileno())
        return draft


class RingFile:
    """A key ring on disk, read again when the file changes: rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        """Make the ring at first start. Raises DefinitionError."""
        self._path = path
        self._ring = KeyRing.load_or_create(path)
        self._stamp = path.stat().st_mtime_ns
        self._looked = time.monotonic()

    def ring(self) -> KeyRing:
        """The ring, at most LOOK_S old. A broken file leaves the last good one in use."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            self._reload()
        return self._ring

    def ring_with(self, name: str) -> KeyRing:
        """The ring, read again when it lacks a key that another process may just have made."""
        if name not in self._ring:
            self._reload()
        return self._ring

    def _reload(self) -> None:
        with contextlib.suppress(OSError, DefinitionError):
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._ring, self._stamp = KeyRing.load(self._path), stamp


class EncryptionCodec(PayloadCodec):
    """One payload in, one out. The key's name travels in the metadata, bound by the tag."""

    def __init__(self, keys: RingFile) -> None:
        """``keys``: the ring on disk."""
        self._keys = keys

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt with the active key."""
        ring = self._keys.ring()
        return [_encrypt(ring, payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt; a payload that is not encrypted by us is refused."""
        return [self._decrypt(payload) for payload in payloads]

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            raise DefinitionError("a payload is not encrypted; it was not written by Firebreak")
        name = payload.metadata["key"]
        cipher = self._keys.ring_with(name.decode()).cipher(name.decode())
        try:
            opened = cipher.decrypt(payload.data[:_NONCE], payload.data[_NONCE:], name)
        except InvalidTag as error:
            raise DefinitionError("a payload was changed, or its key is another one") from error
        return Payload.FromString(opened)


def _encrypt(ring: KeyRing, payload: Payload) -> Payload:
    name, nonce = ring.active.encode(), os.urandom(_NONCE)
    sealed = ring.cipher(ring.active).encrypt(nonce, payload.SerializeToString(), name)
    return Payload(metadata={"encoding": ENCODING, "key": name}, data=nonce + sealed)
