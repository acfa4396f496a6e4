"""What the how-to shows are people files that load."""

import re
from pathlib import Path

from firebreak.people.book import load
from tests.unit.people.writing import write

PAGE = Path(__file__).parents[3] / "docs/how-to/people-and-on-call.md"


def test_the_examples_load(tmp_path: Path) -> None:
    whole, layer, elsewhere = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert list(load(write(tmp_path, whole)).persons) == ["ops-a", "ops-b", "lead"]
    stacked = whole.replace("    overrides:", f"{layer}    overrides:")
    assert len(load(write(tmp_path, stacked)).rotas["on-call"].layers) == 2
    people = whole.partition("rotas:")[0]
    assert load(write(tmp_path, people + elsewhere)).rotas["on-call"].pagerduty is not None
