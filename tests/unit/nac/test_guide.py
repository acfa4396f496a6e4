"""The entries that docs/how-to/nac.md shows are the ones the estate takes."""

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from firebreak.domain.estate import Estate
from tests.docs.blocks import Block, blocks


@pytest.mark.parametrize("block", blocks("docs/how-to/nac.md", "yaml"), ids=lambda b: str(b.line))
def test_an_estate_with_a_nac_loads(block: Block) -> None:
    (site,) = Estate.model_validate(yaml.safe_load(block.text)).sites
    assert site.nac is not None
    assert site.nac.ca_file is not None
    assert site.nac.url.startswith("https://")
