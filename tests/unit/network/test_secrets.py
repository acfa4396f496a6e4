from pathlib import Path

import pytest

from firebreak.errors import AuthFailed
from integrations.secrets import resolve


def test_an_environment_variable_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SW_PASSWORD", "s3cret")
    assert resolve("env:SW_PASSWORD") == "s3cret"


def test_a_private_file_is_resolved_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("  s3cret \n")
    file.chmod(0o600)
    assert resolve(f"file:{file}") == "  s3cret "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret")
    file.chmod(mode)
    with pytest.raises(AuthFailed, match="chmod 600") as caught:
        resolve(f"file:{file}")
    assert "s3cret" not in str(caught.value)


def test_what_is_missing_empty_or_no_text_is_refused(tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.touch(0o600)
    binary.touch(0o600)
    binary.write_bytes(b"s3cret\xff")
    for ref in (
        "env:NOT_SET_ANYWHERE",
        f"file:{tmp_path}/none",
        f"file:{empty}",
        f"file:{tmp_path}",
    ):
        with pytest.raises(AuthFailed):
            resolve(ref)
    with pytest.raises(AuthFailed) as caught:
        resolve(f"file:{binary}")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_given_instead_of_its_reference_is_not_repeated() -> None:
    with pytest.raises(AuthFailed) as caught:
        resolve("hunter2")
    assert "hunter2" not in str(caught.value)
