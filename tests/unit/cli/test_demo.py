"""The demo is the whole product in one command: it works, and when it cannot it says why."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from firebreak.cli import demo_site
from firebreak.cli.demo_acts import Teller
from tests.unit.cli.conftest import Call


@pytest.fixture(autouse=True)
def _own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_the_demo_contains_releases_and_leaves_a_receipt_that_verifies(call: Call) -> None:
    result = call("demo", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["incident"]["status"] == "completed"
    assert facts["incident"]["contained"] is True
    assert facts["took_s"] < 60
    assert any("linked and unchanged" in check for check in facts["checks"])
    for word in (
        "ALERT",
        "APPROVED",
        "CONTAINED",
        "HOLD",
        "ESCALATED",
        "refused: whoever asked",
        "counts once",
        "RELEASED",
        "CLOSED",
    ):
        assert word in result.stderr
    receipt = Path(facts["receipt"])
    key = Path(facts["state"]) / "keys" / "receipt-key.pub.pem"
    receipt.write_bytes(receipt.read_bytes().replace(b'"payload":"e', b'"payload":"f', 1))
    assert call("receipt", "verify", str(receipt), "--public-key", str(key)).exit_code == 1


def test_a_demo_that_cannot_come_up_ends_with_the_reason(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = ("/bin/sh", "-c", "echo no floppy disk >&2; exit 1")
    monkeypatch.setattr(demo_site, "FIREBREAK", broken)
    result = call("demo")
    assert result.exit_code == 1
    assert "up: no floppy disk" in result.stdout
    assert "did not get ready" in result.stderr


def test_a_command_to_copy_stays_on_one_line() -> None:
    console = Console(file=io.StringIO(), width=20)
    Teller(console).to_copy("firebreak receipt show /tmp/firebreak-demo-x/receipt.json")
    assert isinstance(console.file, io.StringIO)
    assert len(console.file.getvalue().splitlines()) == 1
