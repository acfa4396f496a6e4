"""The probe has the last word on containment, and only when it can be believed."""

from datetime import UTC, datetime

import pytest

from activities.witness import Witness
from firebreak.domain.device import Device
from firebreak.domain.plan import OutcomeKind, ProbeReport, Reach
from tests.workflows.site import camera


def report(reach: Reach) -> ProbeReport:
    return ProbeReport(
        vantage="s", target="cam-17", method="tcp", reach=reach, at=datetime.now(UTC)
    )


class Looks:
    """A probe that sees what it is told, look by look; the last for ever."""

    def __init__(self, *reaches: Reach) -> None:
        self._reaches = list(reaches)
        self.count = 0

    async def look(self, device: Device) -> ProbeReport:
        del device
        self.count += 1
        return report(self._reaches.pop(0) if len(self._reaches) > 1 else self._reaches[0])


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (Reach.REACHABLE, Reach.UNREACHABLE, OutcomeKind.ENFORCED),
        (Reach.UNREACHABLE, Reach.UNREACHABLE, OutcomeKind.ACCEPTED),
        (Reach.INCONCLUSIVE, Reach.UNREACHABLE, OutcomeKind.ACCEPTED),
        (Reach.REACHABLE, Reach.INCONCLUSIVE, OutcomeKind.ACCEPTED),
        (Reach.REACHABLE, Reach.REACHABLE, OutcomeKind.FAILED),
        (Reach.UNREACHABLE, Reach.REACHABLE, OutcomeKind.FAILED),
    ],
)
async def test_only_a_seen_change_from_answering_to_silence_is_enforced(
    before: Reach, after: Reach, kind: OutcomeKind
) -> None:
    witness = Witness(Looks(after), rounds=2, pause_s=0)
    assert (await witness.cut_off(camera(), report(before))).kind is kind


async def test_a_table_that_lags_is_given_a_few_looks() -> None:
    looks = Looks(Reach.REACHABLE, Reach.REACHABLE, Reach.UNREACHABLE)
    judgment = await Witness(looks, rounds=4, pause_s=0).cut_off(camera(), report(Reach.REACHABLE))
    assert judgment.kind is OutcomeKind.ENFORCED
    assert looks.count == 3
