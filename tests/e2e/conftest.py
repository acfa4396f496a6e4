"""The stacks that tests of this folder share, each running once in a session."""

from collections.abc import Iterator

import pytest

from firebreak.domain.estate import Estate
from integrations.inventory.yaml_file import YamlInventory
from tests.e2e.stack import RangeShape, Stack, playbook_setting

CONTAIN = """\
playbook: contain
version: 1
summary: Contain a device that logs in where it should not, and leave it to people from there
triggers:
  - when: alert.technique == 'T1021'
steps:
  - id: contain
    do: network.quarantine
    ladder: [switch, port-down]
    hold: 1h
    on_failure:
      - id: not_contained
        do: incident.note
        with: {text: "{{ device.id }} is NOT contained: {{ steps.contain.outcome }}"}
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A simulated site large enough for every test to have a switch of its own."""
    root = tmp_path_factory.mktemp("site")
    playbooks = root / "playbooks"
    playbooks.mkdir()
    (playbooks / "contain.yaml").write_text(CONTAIN)
    shape = RangeShape(devices=96, switches=16)
    with Stack(root, site=shape, settings=playbook_setting(playbooks)) as stack:
        yield stack


@pytest.fixture(scope="session")
def estate(site: Stack) -> Estate:
    """What the site's estate file says."""
    return YamlInventory.load(site.estate).estate
