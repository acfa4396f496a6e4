"""The stacks that tests of this folder share, each running once in a session."""

from collections.abc import Iterator

import pytest

from firebreak.domain.estate import Estate
from integrations.inventory.yaml_file import YamlInventory
from tests.e2e.stack import RangeShape, Stack, playbook_setting
from tests.peers.dot1x import dot1x, dot1x_session
from tests.peers.ovs import ovs, ovs_session
from tests.peers.rt import rt
from tests.peers.slack import slack_emulator

__all__ = ["dot1x", "dot1x_session", "ovs", "ovs_session", "rt", "slack_emulator"]

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

NOTE = """\
playbook: note
version: 1
summary: Write down that a device was seen to look around
triggers:
  - when: alert.technique == 'T1595'
steps:
  - {id: seen, do: incident.note, with: {text: "{{ device.id }}: {{ alert.title }}"}}
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A simulated site with a switch for each kind of trouble, and hundreds of devices."""
    root = tmp_path_factory.mktemp("site")
    playbooks = root / "playbooks"
    playbooks.mkdir()
    (playbooks / "contain.yaml").write_text(CONTAIN)
    (playbooks / "note.yaml").write_text(NOTE)
    shape = RangeShape(devices=540, switches=17)
    with Stack(root, site=shape, settings=playbook_setting(playbooks)) as stack:
        yield stack


@pytest.fixture(scope="session")
def estate(site: Stack) -> Estate:
    """What the site's estate file says."""
    return YamlInventory.load(site.estate).estate
