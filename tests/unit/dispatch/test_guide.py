"""What docs/how-to/channels.md shows is a channels file that loads, and a receiver that works."""

import hashlib
import hmac
import time
from pathlib import Path
from typing import Any

import pytest

from firebreak.wiring.channels import load_channels
from tests.docs.blocks import Block, blocks
from tests.unit.dispatch.receivers import given

PAGE = "docs/how-to/channels.md"


@pytest.mark.parametrize("block", blocks(PAGE, "yaml"), ids=lambda block: str(block.line))
async def test_the_file_on_the_page_loads(block: Block, tmp_path: Path) -> None:
    # The page's authority is not on this machine; everything else is as it stands there.
    text = "".join(line for line in block.text.splitlines(keepends=True) if "ca_file" not in line)
    file = tmp_path / "channels.yaml"
    file.write_text(text)
    loaded = load_channels(file, given(tmp_path))
    await loaded.close()
    assert {rules.kind for rules, _ in loaded.channels} == {"pagerduty", "smtp", "webhook"}


@pytest.mark.parametrize("block", blocks(PAGE, "python"), ids=lambda block: str(block.line))
def test_the_receiver_on_the_page_takes_what_is_signed(block: Block) -> None:
    names: dict[str, Any] = {}
    exec(block.text, names)  # noqa: S102 - the page's own code
    at = str(int(time.time()))
    digest = hmac.new(b"secret", f"{at}.".encode() + b"{}", hashlib.sha256).hexdigest()
    assert names["is_genuine"](f"t={at},v1={digest}", b"{}", b"secret")
    assert not names["is_genuine"](f"t={at},v1={digest}", b"{ }", b"secret")
