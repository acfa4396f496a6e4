"""The entries that the pages show are the ones the estate takes, and the adapters serve them."""

import pytest

from firebreak.contracts.controls import Control
from firebreak.domain.estate import Estate
from firebreak.strict_yaml import Document
from integrations.network.cloud.meraki import MerakiQuarantine
from integrations.network.cloud.mist import MistQuarantine
from tests.docs.blocks import Block, blocks


@pytest.mark.parametrize(
    "block", blocks("docs/how-to/cloud-controllers.md", "yaml"), ids=lambda b: str(b.line)
)
def test_a_device_behind_a_controller_of_the_page_is_served(block: Block) -> None:
    estate = Document(block.page, block.text).validate(Estate)
    sites, switches = {s.id: s for s in estate.sites}, {s.id: s for s in estate.switches}
    (site,), (device,) = estate.sites, estate.devices
    assert site.controller is not None
    controls: list[Control] = [MerakiQuarantine(sites, switches), MistQuarantine(sites, switches)]
    serving = [c.capabilities.adapter for c in controls if c.serves(device) == ""]
    assert serving == [site.controller.kind]
