"""What docs/how-to/slack.md shows is what the code asks for and posts."""

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from pydantic import ValidationError

from integrations.chat.slack.card import card
from integrations.chat.slack.commands import HELP
from integrations.chat.slack.config import SlackConfig
from tests.docs.blocks import blocks, text_of
from tests.peers.slack import SCOPES
from tests.unit.chat.stories import approval, words

PAGE = "docs/how-to/slack.md"


def test_the_manifest_asks_for_the_scopes_that_the_emulator_was_given() -> None:
    manifest = yaml.safe_load(blocks(PAGE, "yaml")[0].text)
    asked = set(manifest["oauth_config"]["scopes"]["bot"])
    assert asked - {"commands"} | {"channels:read"} == set(SCOPES)


@pytest.mark.parametrize("number", [1, 2])
def test_the_channels_on_the_page_are_valid(number: int) -> None:
    (given,) = yaml.safe_load(blocks(PAGE, "yaml")[number].text)["channels"].values()
    assert given.pop("kind") == "slack"
    SlackConfig.model_validate(given)
    with pytest.raises(ValidationError):
        SlackConfig.model_validate({**given, "unknown": 1})


def test_the_card_on_the_page_is_the_card() -> None:
    shown = " ".join(blocks(PAGE, "text")[0].text.split())
    # What differs: a time on the reader's own clock, and the dialog behind Approve.
    for line in words(card(approval(), []).blocks).splitlines():
        if "<!date" in line or line == "Not yet" or line.startswith("This will"):
            continue
        assert " ".join(line.split()) in shown


def test_every_command_on_the_page_is_one() -> None:

    for name, _ in HELP:
        assert name.removeprefix("/firebreak ") in text_of(PAGE)
