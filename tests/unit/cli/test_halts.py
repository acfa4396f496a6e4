"""Halts and limits on the command line."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firebreak.domain.halt import Halt
from firebreak.domain.limits import Fill
from tests.unit.cli.conftest import Call, StubApi

HALT = Halt(id="halt-1", site="plant", by="ada", reason="forged", at=datetime.now(UTC))


def fill(scope: str, used: int, cap: int | None) -> dict[str, Any]:
    return Fill(
        scope=scope, devices=20, at_once=used, at_once_cap=cap, last_hour=used, per_hour_cap=None
    ).to_json()


@pytest.mark.parametrize(
    ("words", "site"), [((), None), (("--all",), None), (("--site", "plant"), "plant")]
)
@pytest.mark.parametrize("command", ["halt", "resume"])
def test_where_is_one_site_or_everywhere(
    api: StubApi, call: Call, command: str, words: tuple[str, ...], site: str | None
) -> None:
    api.answer("POST", f"/{command}", {"halts": [HALT.to_json()]})
    result = call(command, *words, "--reason", "forged alerts")
    assert result.exit_code == 0
    assert api.requests[0].json == {"site": site, "reason": "forged alerts"}
    assert "site plant" in result.stdout


def test_both_a_site_and_everywhere_is_a_mistake(api: StubApi, call: Call) -> None:
    assert call("halt", "--all", "--site", "plant", "--reason", "r").exit_code == 2
    assert not api.requests


def test_limits_show_what_is_full_and_leave_out_what_is_empty(api: StubApi, call: Call) -> None:
    rows = [fill("site/plant", 5, 5), fill("group/burner", 0, 1), fill("switch/sw-1", 2, None)]
    api.answer("GET", "/limits", {"limits": rows})
    shown = call("limits").stdout
    assert "5 of 5" in shown
    assert "full" in shown
    assert "group/burner" not in shown
    assert "switch/sw-1" in shown
    assert "group/burner" in call("limits", "--all").stdout
