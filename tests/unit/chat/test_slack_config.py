"""What the channels file may say about Slack."""

from typing import Any

import pytest
from pydantic import ValidationError

from firebreak.errors import DefinitionError
from firebreak.wiring.slack import slack_inbounds
from integrations.chat.slack.channel import SlackChannel, build
from integrations.chat.slack.config import SlackConfig
from tests.unit.chat.fake_desk import FakeDesk
from tests.unit.chat.stories import People

GOOD: dict[str, Any] = {"bot_token": "env:BOT", "app_token": "env:APP", "channel": "C0123456789"}


def test_socket_mode_is_the_default() -> None:
    config = SlackConfig.model_validate(GOOD)
    assert config.mode == "socket"
    assert config.channel_id == "C0123456789"


def test_a_channel_can_be_a_name() -> None:
    assert SlackConfig.model_validate({**GOOD, "channel": "incidents"}).channel_id is None


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
    with pytest.raises(ValidationError) as wrong:
        SlackConfig.model_validate({**GOOD, **changes})
    assert said in str(wrong.value)
    assert "xoxb" not in str(wrong.value)


class Tools:
    directory = None


def channel(**changes: Any) -> SlackChannel:
    return build("chat", {**GOOD, **changes}, Tools())


async def test_an_app_in_two_channels_has_one_way_in() -> None:
    found = slack_inbounds([channel(), channel(channel="general")], FakeDesk(), People())
    assert len(found) == 1
    assert found[0].routes == ()


async def test_only_one_app_can_have_the_route() -> None:
    http = {"mode": "http", "signing_secret": "env:SIGN"}
    (one,) = slack_inbounds([channel(**http)], FakeDesk(), People())
    assert len(one.routes) == 1
    both = [channel(**http), channel(**http, bot_token="env:OTHER")]
    with pytest.raises(DefinitionError, match="only one Slack app"):
        slack_inbounds(both, FakeDesk(), People())
