"""A response calls its holds by name; these are the names."""

from temporalio import workflow

from workflows.hold import HoldWorkflow
from workflows.messages import HOLD_ATTACH, HOLD_END, HOLD_WORKFLOW


def test_the_names_a_response_calls_its_holds_by_are_theirs() -> None:
    definition = workflow._Definition.must_from_class(HoldWorkflow)
    assert definition.name == HOLD_WORKFLOW
    assert {HOLD_ATTACH, HOLD_END} <= definition.signals.keys()
