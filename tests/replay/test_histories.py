"""What was running when a new version is installed must go on: old histories still replay."""

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from firebreak.sandbox import sandboxed
from firebreak.worker import WORKFLOWS, data_converter
from tests.replay.record import HISTORIES

RECORDED = {
    f"{path.parent.name}/{path.stem}": path.read_text()
    for path in sorted(HISTORIES.glob("*/*.json"))
}


def replayer() -> Replayer:
    return Replayer(
        workflows=list(WORKFLOWS),
        data_converter=data_converter(None),
        workflow_runner=sandboxed(),
    )


def test_histories_are_recorded() -> None:
    assert len(RECORDED) >= 6


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_history_replays(name: str) -> None:
    await replayer().replay_workflow(WorkflowHistory.from_json("recorded", RECORDED[name]))


async def test_a_history_broken_on_purpose_is_caught() -> None:
    whole = RECORDED["0.1.0/whole-response-0"]
    broken = whole.replace('"name": "perform"', '"name": "wipe"')
    assert broken != whole
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(WorkflowHistory.from_json("broken", broken))
