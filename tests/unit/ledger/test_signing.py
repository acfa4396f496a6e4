import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from firebreak.errors import DefinitionError
from firebreak.ledger.signing import (
    PRIVATE_KEY,
    PUBLIC_KEY,
    Signer,
    is_signed,
    key_id,
    read_public_key,
)


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    signer = Signer.load_or_create(directory)
    assert stat.S_IMODE((directory / PRIVATE_KEY).stat().st_mode) == 0o600
    assert sorted(p.name for p in directory.iterdir()) == sorted([PRIVATE_KEY, PUBLIC_KEY])
    assert Signer.load_or_create(directory).keyid == signer.keyid
    public = read_public_key((directory / PUBLIC_KEY).read_bytes())
    assert key_id(public) == signer.keyid
    assert is_signed(public, signer.sign(b"m"), b"m")
    assert not is_signed(public, signer.sign(b"m"), b"n")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_private_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    Signer.load_or_create(tmp_path)
    (tmp_path / PRIVATE_KEY).chmod(mode)
    with pytest.raises(DefinitionError, match="can be reached by others"):
        Signer.load_or_create(tmp_path)


def test_a_private_key_behind_a_link_is_refused(tmp_path: Path) -> None:
    Signer.load_or_create(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / PRIVATE_KEY).symlink_to(tmp_path / "a" / PRIVATE_KEY)
    with pytest.raises(DefinitionError):
        Signer.load_or_create(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_broken_private_key_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / PRIVATE_KEY
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(DefinitionError):
        Signer.load_or_create(tmp_path)
    assert path.read_bytes() == content


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    key = generate_private_key(SECP256R1())
    path = tmp_path / PRIVATE_KEY
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)
    with pytest.raises(DefinitionError, match="another kind of key"):
        Signer.load_or_create(tmp_path)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(DefinitionError, match="another kind of key"):
        read_public_key(public)


def test_a_public_key_that_does_not_belong_is_written_anew(tmp_path: Path) -> None:
    signer = Signer.load_or_create(tmp_path)
    (tmp_path / PUBLIC_KEY).write_bytes(b"other")
    Signer.load_or_create(tmp_path)
    assert (tmp_path / PUBLIC_KEY).read_bytes() == signer.public_pem


def test_processes_that_race_to_make_the_key_get_the_same_one(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from firebreak.ledger.signing import Signer;"
        "sys.stdin.read(); print(Signer.load_or_create(Path(sys.argv[1])).keyid)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    racers = [subprocess.Popen(command, **pipes) for _ in range(4)]  # type: ignore[call-overload] # mypy cannot match ** against Popen's overloads
    keys = {racer.communicate()[0] for racer in racers}
    assert len(keys) == 1
    assert [racer.returncode for racer in racers] == [0] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([PRIVATE_KEY, PUBLIC_KEY])


def test_the_key_is_in_no_representation_of_the_signer(tmp_path: Path) -> None:
    signer = Signer.load_or_create(tmp_path)
    secret = (tmp_path / PRIVATE_KEY).read_text().splitlines()[1]
    assert secret not in repr(signer)
