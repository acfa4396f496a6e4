"""Histories can be read by whoever has the keys, through rotations, and by nobody else."""

from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload

from firebreak.codec import EncryptionCodec, KeyRing, RingFile
from firebreak.errors import DefinitionError

PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"secret": "plan"}')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "payload.json"


async def test_a_payload_comes_back_as_it_was_and_is_unreadable_between(path: Path) -> None:
    codec = EncryptionCodec(RingFile(path))
    (sealed,) = await codec.encode([PLAIN])
    assert b"secret" not in sealed.SerializeToString()
    assert await codec.decode([sealed]) == [PLAIN]


async def test_the_same_payload_never_looks_the_same_twice(path: Path) -> None:
    codec = EncryptionCodec(RingFile(path))
    first, second = await codec.encode([PLAIN, PLAIN])
    assert first.data != second.data


async def test_after_a_rotation_old_payloads_still_open_and_new_ones_use_the_new_key(
    path: Path,
) -> None:
    (old,) = await EncryptionCodec(RingFile(path)).encode([PLAIN])
    KeyRing.load(path).rotated().save(path)
    codec = EncryptionCodec(RingFile(path))
    (new,) = await codec.encode([PLAIN])
    assert new.metadata["key"] != old.metadata["key"]
    assert await codec.decode([old, new]) == [PLAIN, PLAIN]


async def test_a_process_that_runs_opens_what_another_sealed_with_a_newer_key(path: Path) -> None:
    running = EncryptionCodec(RingFile(path))
    KeyRing.load(path).rotated().save(path)
    (sealed,) = await EncryptionCodec(RingFile(path)).encode([PLAIN])
    assert await running.decode([sealed]) == [PLAIN]


@pytest.mark.parametrize("place", [0, 12, -1])
async def test_a_changed_payload_is_refused(path: Path, place: int) -> None:
    codec = EncryptionCodec(RingFile(path))
    (sealed,) = await codec.encode([PLAIN])
    data = bytearray(sealed.data)
    data[place] ^= 1
    with pytest.raises(DefinitionError, match="was changed"):
        await codec.decode([Payload(metadata=sealed.metadata, data=bytes(data))])


async def test_a_payload_that_nobody_encrypted_is_refused(path: Path) -> None:
    codec = EncryptionCodec(RingFile(path))
    with pytest.raises(DefinitionError, match="not encrypted"):
        await codec.decode([PLAIN])


async def test_a_key_that_is_gone_is_named(path: Path) -> None:
    (sealed,) = await EncryptionCodec(RingFile(path)).encode([PLAIN])
    other = EncryptionCodec(RingFile(path.with_name("other.json")))
    with pytest.raises(DefinitionError, match="which is not here"):
        await other.decode([sealed])


def test_a_ring_that_others_can_read_is_refused(path: Path) -> None:
    RingFile(path)
    path.chmod(0o644)
    with pytest.raises(DefinitionError, match="chmod 600"):
        KeyRing.load(path)


def test_two_first_starts_agree_on_one_ring(path: Path) -> None:
    assert KeyRing.load_or_create(path).active == KeyRing.load_or_create(path).active


def test_a_file_that_is_no_ring_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_text('{"active": "a", "keys": {"a": "c2hvcnQ="}}')
    with pytest.raises(DefinitionError, match="32 bytes"):
        KeyRing.load(path)
