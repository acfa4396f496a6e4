"""`firebreak channels`: how people are reached, and whether the file is right."""

import json
from datetime import UTC, datetime
from pathlib import Path

from firebreak.domain.channel import ChannelStanding, ChannelStatus
from tests.unit.cli.conftest import Call, StubApi

STATUS = ChannelStatus(
    name="duty",
    kind="pagerduty",
    tells="asks",
    standing=ChannelStanding.FAILING,
    backlog=3,
    oldest=datetime(2026, 3, 1, 3, 0, tzinfo=UTC),
    last_error="unreachable: no answer\x1b[31m",
)


def test_channels_shows_what_waits_and_why(api: StubApi, call: Call) -> None:
    api.answer("GET", "/channels", {"channels": [STATUS.to_json()]})
    shown = call("channels").stdout
    assert "failing" in shown
    assert "unreachable: no answer" in shown
    assert "\x1b" not in shown
    assert json.loads(call("channels", "--json").stdout)[0]["backlog"] == 3


def test_a_test_message_is_sent_by_the_server(api: StubApi, call: Call) -> None:
    api.answer("POST", "/channels/duty/test", {"channels": [STATUS.to_json()]})
    assert call("channels", "test", "duty").exit_code == 0
    assert api.requests[-1].path == "/channels/duty/test"


def test_check_reads_the_file_without_a_server(tmp_path: Path, call: Call) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text(
        "channels:\n  duty: {kind: pagerduty, routing_key: env:PAGERDUTY_KEY, tells: asks}\n"
    )
    good = call("channels", "check", str(file), "--json")
    assert json.loads(good.stdout)["channels"][0]["kind"] == "pagerduty"
    file.write_text("channels:\n  duty: {kind: pager}\n")
    bad = call("channels", "check", str(file))
    assert (bad.exit_code != 0, f"{file}:2" in bad.stderr.replace("\n", "")) == (True, True)
    assert call("channels", "check").exit_code != 0
