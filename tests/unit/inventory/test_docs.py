"""What the how-to shows is an estate that loads, and the error it quotes is the one people get."""

import re
from pathlib import Path

import pytest

from firebreak.errors import DefinitionError
from integrations.inventory.yaml_file import YamlInventory

PAGE = Path(__file__).parents[3] / "docs/how-to/inventory.md"


def test_the_example_is_an_estate_and_the_error_is_genuine(tmp_path: Path) -> None:
    text = PAGE.read_text()
    example = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[0]
    path = tmp_path / "estate.yaml"
    path.write_text(example)
    assert [d.id for d in YamlInventory.load(path).devices()] == ["cam-17"]
    path.write_text(example.replace("safety: none", "safety: some"))
    with pytest.raises(DefinitionError) as caught:
        YamlInventory.load(path)
    assert str(caught.value).replace(f"{tmp_path}/", "") in text
