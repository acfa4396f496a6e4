"""The estate that docs/how-to/interlocks.md shows is one that loads, with every kind in it."""

import pytest

from firebreak.domain.estate import Estate
from firebreak.domain.interlock import (
    CalendarInterlock,
    HttpInterlock,
    MqttInterlock,
    OpcUaInterlock,
    RedundancyInterlock,
)
from firebreak.strict_yaml import Document
from tests.docs.blocks import Block, blocks


@pytest.mark.parametrize(
    "block", blocks("docs/how-to/interlocks.md", "yaml"), ids=lambda block: str(block.line)
)
def test_the_estate_on_the_page_loads(block: Block) -> None:
    estate = Document("estate.yaml", block.text).validate(Estate)
    assert {type(each) for each in estate.interlocks} == {
        OpcUaInterlock,
        HttpInterlock,
        MqttInterlock,
        CalendarInterlock,
        RedundancyInterlock,
    }
