"""What the channels file may say about Slack."""

from typing import Any

import pytest

from firebreak.errors import DefinitionError
from firebreak.wiring.slack import slack_config

GOOD: dict[str, Any] = {"bot_token": "env:BOT", "app_token": "env:APP", "channel": "C0123456789"}


def test_socket_mode_is_the_default() -> None:
    config = slack_config(GOOD)
    assert config.mode == "socket"
    assert config.channel_id == "C0123456789"


def test_a_channel_can_be_a_name() -> None:
    assert slack_config({**GOOD, "channel": "incidents"}).channel_id is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app_token": None}, "needs app_token"),
        ({"mode": "http"}, "needs signing_secret"),
        ({"mode": "rtm"}, "mode"),
        ({"bot_token": "xoxb-1234"}, "bot_token"),
        ({"channel": "#incidents"}, "channel"),
        ({"channel": ""}, "channel"),
        ({"base_url": "http://slack.example/api/"}, "https://"),
        ({"bot_tokn": "env:BOT"}, "bot_tokn"),
        ({"timeout_s": 0}, "timeout_s"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is_repeated(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(DefinitionError) as wrong:
        slack_config({**GOOD, **changes})
    assert said in str(wrong.value)
    assert "xoxb" not in str(wrong.value)
