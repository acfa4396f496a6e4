"""Adapters of your own: named by the settings, configured by the estate, and checked at start."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firebreak.domain.estate import Estate
from firebreak.errors import DefinitionError
from firebreak.wiring.extensions import check_names, load
from firebreak.wiring.roads import network_roads

MODULE = """
from dataclasses import dataclass

from firebreak.contracts.controls import Capabilities
from firebreak.errors import DefinitionError


class Mine:
    def __init__(self, rung):
        self.capabilities = Capabilities(
            adapter="mine", rung=rung, reversible=True, idempotent=True, deadline_s=1
        )


@dataclass
class Mines:
    controls: tuple

    async def close(self):
        pass


def extend(estate, config):
    if "rung" not in config:
        raise DefinitionError("adapters.mine: say `rung`")
    return Mines((Mine(config["rung"]),))
"""


@pytest.fixture
def _mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("mine", "empty"):
        sys.modules.pop(name, None)


def estate(**adapters: dict[str, object]) -> Estate:
    return Estate.model_validate({"sites": (), "adapters": adapters})


@pytest.mark.usefixtures("_mine")
async def test_an_adapter_of_your_own_is_asked_before_the_shipped_ones() -> None:
    plant = estate(mine={"rung": "switch"})
    roads = network_roads(plant, load(["mine"], plant), switch_deadline_s=1)
    asked = [c.capabilities.adapter for c in roads.controls["network.quarantine", "switch"]]
    await roads.close()
    assert asked == ["mine", "netmiko"]


@pytest.mark.usefixtures("_mine")
@pytest.mark.parametrize(
    ("modules", "adapters", "says"),
    [
        (["nowhere"], {}, "cannot import nowhere"),
        (["empty"], {}, "no function `extend`"),
        (["mine"], {"mine": {"rung": "magic"}}, "there are: nac, radius"),
        (["mine"], {"mine": {}}, "say `rung`"),
        ([], {"mine": {"rung": "switch"}}, "FIREBREAK_ADAPTERS does not name"),
    ],
)
def test_a_wrong_adapter_is_refused_at_start_with_the_reason(
    modules: list[str], adapters: dict[str, dict[str, object]], says: str
) -> None:
    with pytest.raises(DefinitionError, match=says):
        load(modules, estate(**adapters))


@pytest.mark.usefixtures("_mine")
def test_two_adapters_of_one_name_and_rung_are_refused() -> None:
    plant = estate(mine={"rung": "switch"})
    twice = load(["mine", "mine"], plant)
    with pytest.raises(DefinitionError, match="two adapters call themselves mine on rung switch"):
        check_names([control for extension in twice for control in extension.controls])
