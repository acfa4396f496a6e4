"""A dry run: what each control of a playbook would do now. Sends nothing, records nothing."""

from collections.abc import Iterable, Iterator

from temporalio import workflow

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.step import Ask, Road
from firebreak.playbook.program import AnyStep, Do, ForEach, Parallel, Run, When
from workflows.calls import Calls, roads_ask
from workflows.messages import ResponseInput


class Preview(Model):
    """One line for each rung: ``{step, action, rung, adapter, why, plan, decision, refused}``."""

    rungs: tuple[JsonObject, ...]


@workflow.defn
class PreviewWorkflow:
    """Plans every control of a playbook on the device, whatever its conditions."""

    @workflow.run
    async def run(self, start: ResponseInput) -> Preview:
        """Ask the adapters for plans, rung by rung."""
        calls = Calls(start.timing)
        lines = []
        for step in controls(start.program.steps):
            roads = await calls.roads(roads_ask(step, start.device.id))
            lines += [await _preview(calls, start, step, road) for road in roads.roads]
        return Preview(rungs=tuple(lines))


async def _preview(calls: Calls, start: ResponseInput, step: Do, road: Road) -> JsonObject:
    line: JsonObject = {
        "step": step.id,
        "action": step.action,
        "rung": road.rung,
        "adapter": road.adapter,
        "why": road.why,
        "plan": None,
        "decision": None,
        "refused": road.left_out,
    }
    if road.left_out:
        return line
    ask = Ask(
        incident="",
        response=workflow.info().workflow_id,
        step=step.id,
        action=step.action,
        rung=road.rung,
        device=start.device.id,
        requester=start.requester,
        severity=max((alert.severity for alert in start.alerts), default=0),
        confidence=max((alert.confidence for alert in start.alerts), default=0),
        preview=True,
    )
    answer = await calls.perform(ask, quick=False)
    return {
        **line,
        "plan": answer.plan.to_json() if answer.plan else None,
        "decision": answer.decision.to_json() if answer.decision else None,
        "refused": answer.outcome.detail if answer.outcome else "",
    }


def controls(steps: Iterable[AnyStep]) -> Iterator[Do]:
    """Every control step, in the order it is written, wherever it stands."""
    for step in steps:
        match step:
            case Do(ladder=ladder) if ladder:
                yield step
            case Parallel(branches=branches):
                for branch in branches:
                    yield from controls(branch)
            case ForEach(steps=inner) | Run(steps=inner):
                yield from controls(inner)
            case When(then=then, otherwise=otherwise):
                yield from controls((*then, *otherwise))
        yield from controls(step.on_failure)
