"""Whether a ticket may be closed without anybody having looked."""

import pytest

from integrations.itsm.helpdesk import Phase, phase_of
from tests.conformance.tickets.stories import Incident


@pytest.mark.parametrize(
    ("status", "contained", "phase"),
    [
        ("completed", True, Phase.RESOLVED),
        ("completed", False, Phase.FAILED),  # the playbook went on without it
        ("denied", False, Phase.FAILED),
        ("denied", True, Phase.FAILED),
        ("failed", True, Phase.FAILED),
        ("cancelled", False, Phase.RESOLVED),  # somebody did look
    ],
)
def test_a_ticket_is_resolved_only_when_nobody_has_to_look(
    status: str, contained: bool, phase: Phase
) -> None:
    incident = Incident(status=status, contained=contained, holds=())
    assert phase_of(incident.story) is phase
