"""Records the histories that later versions must still be able to replay.

`python -m tests.replay.record` writes them for the current version, once, when it is released;
they are never written again. Payloads are plain here, so that a person can read what changed.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import firebreak
from firebreak.domain.people import Gate, Verdict
from firebreak.errors import Rejected
from firebreak.playbook.program import ForEach, HoldSpec, Parallel, Set, Until, When
from tests.workflows.bench import ON_CALL, Bench, end_all, open_bench
from tests.workflows.playbooks import ask, contain, note, probe, program, release
from tests.workflows.temporal_server import temporal_server

HISTORIES = Path(__file__).parent / "histories"
HOLD = "hold/cam-17/network.quarantine"


async def _say_yes(bench: Bench) -> None:
    (request,) = await bench.requests()
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "yes")


async def whole_response(bench: Bench) -> list[str]:
    """Contain, look, note, ask for the way back, give back."""
    started = await bench.start(program(contain(), probe(), note(), ask(), release()))
    await _say_yes(bench)
    await bench.result(started)
    return [started.workflow, HOLD]


async def gated_and_denied(bench: Bench) -> list[str]:
    """Policy asks, and somebody says no."""
    bench.rules.gates["network.quarantine"] = (Gate(role="on-call", within_s=60),)
    started = await bench.start(program(contain()))
    (request,) = await bench.requests()
    await bench.engine.decide(request.id, request.plan_hash, Verdict.DENY, ON_CALL, "no")
    await bench.result(started)
    return [started.workflow]


async def ladder_and_branches(bench: Bench) -> list[str]:
    """A refused rung, branches, a list, a choice and a failure edge."""
    bench.site.faults.refuse["switch"] = Rejected("a trunk")
    each = ForEach(
        id="each",
        items="['cam-17', 'cam-18']",
        name="who",
        limit=5,
        at_once=2,
        steps=(contain(device="{{ who }}"),),
    )
    steps = program(
        Parallel(id="both", branches=((each,), (note("a"), note("b")))),
        Set(id="keep", values={"word": "done"}),
        When(id="choice", test="vars.word == 'done'", then=(note("yes"),)),
        contain(id="refused", ladder=("switch",), on_failure=(note("told"),)),
    )
    started = await bench.start(steps)
    await bench.result(started)
    return [started.workflow, HOLD]


async def hold_with_a_condition(bench: Bench) -> list[str]:
    """A hold that is extended and ends by what it sees."""
    until = Until(do="device.probe", that="result.reachable", every_s=1)
    started = await bench.start(program(contain(hold=HoldSpec(for_s=3600, until=until))))
    await bench.result(started)
    await bench.engine.extend(HOLD, 60, ON_CALL, "thinking")
    bench.site.lies.add("cam-17")
    while await bench.ledger.hold(HOLD) is not None:
        await asyncio.sleep(0.1)
    return [started.workflow, HOLD]


SCENARIOS: dict[str, Callable[[Bench], Awaitable[list[str]]]] = {
    work.__name__.replace("_", "-"): work
    for work in (whole_response, gated_and_denied, ladder_and_branches, hold_with_a_condition)
}


async def _record(address: str, folder: Path) -> None:
    for name, play in SCENARIOS.items():
        with tempfile.TemporaryDirectory() as state:
            async with open_bench(Path(state), address, None) as bench:
                for number, workflow in enumerate(await play(bench)):
                    handle = bench.client.get_workflow_handle(workflow)
                    history = await handle.fetch_history()
                    file = folder / f"{name}-{number}.json"
                    file.write_text(history.to_json() + "\n")
                await end_all(bench.client, bench.settings.task_queue)


def main() -> None:
    """Write the histories of this version; refuse to touch those of one that is recorded."""
    folder = HISTORIES / firebreak.__version__
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as state, temporal_server(Path(state)) as address:
        asyncio.run(_record(address, folder))


if __name__ == "__main__":
    main()
