import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firebreak.cli import app
from firebreak.ledger.receipt import build
from firebreak.ledger.signing import PUBLIC_KEY, Signer
from tests.unit.ledger.chains import chained, story


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    file = tmp_path / "receipt.json"
    file.write_bytes(build(chained(*story()), Signer.load_or_create(tmp_path / "keys")))
    return file


@pytest.fixture
def key(receipt: Path) -> Path:
    return receipt.parent / "keys" / PUBLIC_KEY


def run(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, ["receipt", *map(str, arguments)])


def test_a_valid_receipt_tells_the_story_and_exits_0(receipt: Path, key: Path) -> None:
    result = run("verify", receipt, "--public-key", key)
    assert result.exit_code == 0
    for part in (
        "VALID",
        "mirai-botnet v3",
        "completed, the device was contained",
        "on this machine's clock",
        "6.0 s after detection",
        "vlan 10 -> 666",
        "by bo",
        "is unreachable from prod",
        "56.0 s after containment",
    ):
        assert part in result.stdout
    assert "\a" not in result.stdout, "a title cannot ring the terminal's bell"


def test_a_changed_receipt_says_what_failed_tells_no_story_and_exits_1(
    receipt: Path, key: Path
) -> None:
    receipt.write_bytes(receipt.read_bytes() + b"\n")
    result = run("verify", receipt, "--public-key", key)
    assert result.exit_code == 1
    assert "FAILED  envelope" in result.stdout
    assert "INVALID" in result.stdout
    assert "cam-17" not in result.stdout


def test_json_holds_every_check_and_the_predicate_of_a_valid_receipt_only(
    receipt: Path, key: Path, tmp_path: Path
) -> None:
    good = run("verify", receipt, "--public-key", key, "--json")
    said = json.loads(good.stdout)
    assert (good.exit_code, said["valid"]) == (0, True)
    assert said["predicate"]["summary"]["contained"] is True
    Signer.load_or_create(tmp_path / "other")
    bad = run("verify", receipt, "--public-key", tmp_path / "other" / PUBLIC_KEY, "--json")
    said = json.loads(bad.stdout)
    assert (bad.exit_code, said["valid"], said["predicate"]) == (1, False, None)
    assert [c["name"] for c in said["checks"] if not c["ok"]] == ["key", "signature"]


def test_what_cannot_be_read_exits_2_with_a_reason(receipt: Path, key: Path) -> None:
    nowhere = receipt.with_name("nowhere")
    for arguments, reason in (
        ((nowhere, "--public-key", key), "nowhere cannot be read"),
        ((receipt, "--public-key", nowhere), "nowhere cannot be read"),
        ((receipt.parent, "--public-key", key), "cannot be read: Is a directory"),
        ((receipt, "--public-key", receipt), "not a public key"),
    ):
        result = run("verify", *arguments)
        assert result.exit_code == 2
        assert reason in " ".join(result.stderr.split())
        assert "Traceback" not in result.stderr
    assert run("verify", receipt).exit_code == 2, "without a key nothing can be verified"


def test_show_warns_that_nothing_was_verified(receipt: Path) -> None:
    shown = run("show", receipt)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("Not verified")
    assert "cam-17" in shown.stdout
    receipt.write_bytes(b"{}")
    assert run("show", receipt).exit_code == 2
