"""The channels file: strict, and every mistake in it has a line."""

from pathlib import Path

import pytest

from firebreak.contracts.people import Weight
from firebreak.errors import DefinitionError
from firebreak.wiring.channels import load_channels
from tests.unit.dispatch.receivers import given

GOOD = """\
channels:
  duty:
    kind: pagerduty
    tells: asks
    routing_key: env:PAGERDUTY_KEY
    instead: mail
    instead_after: 90s
  mail:
    kind: smtp
    standby: true
    sites: [plant-1]
    host: mail.example.org
    from: firebreak@example.org
    to: [soc@example.org]
  hook:
    kind: webhook
    tells: all
    url: https://hooks.example.org/firebreak
    secret: file:/etc/firebreak/secrets/hook
"""


async def test_channels_are_built_with_their_rules(tmp_path: Path) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text(GOOD)
    loaded = load_channels(file, given(tmp_path))
    await loaded.close()
    duty, mail, hook = (rules for rules, _ in loaded.channels)
    assert (duty.name, duty.weight, duty.instead) == ("duty", Weight.ASK, "mail")
    assert duty.instead_after_s == 90
    assert (mail.standby, mail.sites, mail.weight) == (
        True,
        frozenset({"plant-1"}),
        Weight.PROGRESS,
    )
    assert hook.weight is Weight.DETAIL


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("kind: telegraph", "kind: pagerduty", "'telegraph' is no kind; there are: "),
        ("tells: some", "tells: asks", ":4: channels.duty.tells: "),
        ("routing_key: R0UT1NG", "routing_key: env:PAGERDUTY_KEY", ":5: channels.duty.routing_key"),
        ("instead: fax", "instead: mail", ":6: channels.duty.instead: 'fax' is no channel"),
        ("instead: duty", "instead: mail", "cannot stand in for itself"),
        ("instead_after: soon", "instead_after: 90s", ":7: channels.duty.instead_after"),
        ("url: http://hooks.example.org", "url: https://hooks", ":18: channels.hook.url"),
        ("hots: mail.example.org", "host: mail.example.org", "channels.mail.hots: is no field"),
        ("from: a@b@c", "from: firebreak@example.org", "channels.mail.from"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    wrong: str, right: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text(GOOD.replace(right, wrong, 1))
    with pytest.raises(DefinitionError) as refused:
        load_channels(file, given(tmp_path))
    assert says in str(refused.value)
    assert "R0UT1NG" not in str(refused.value)
