"""An engine over a site in memory: real Temporal, real ledger, and every history replayed."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.converter import PayloadCodec
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

from activities.builtin import NoteOperation, ProbeOperation
from activities.steps import Steps
from activities.witness import Witness
from activities.world import World
from firebreak.contracts.engine import Start, Started
from firebreak.domain.people import Approval, Principal
from firebreak.domain.record import Entry
from firebreak.errors import NotFound
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.program import Program
from firebreak.policy.blast_radius import BlastRadius
from firebreak.sandbox import sandboxed
from firebreak.settings import Settings
from firebreak.worker import WORKFLOWS, build_worker, connect
from tests.workflows.people import MemoryPeople
from tests.workflows.policy import Rules
from tests.workflows.site import MemoryInventory, MemorySite, camera, memory_controls
from workflows.engine import TemporalEngine
from workflows.messages import ResponseResult, Timing

ANALYST = Principal(id="ada", roles=frozenset({"analyst"}))
ON_CALL = Principal(id="grace", roles=frozenset({"on-call"}))
SECOND = Principal(id="edith", roles=frozenset({"on-call", "soc-lead"}))


class Programs:
    """Playbooks of a test, by name."""

    def __init__(self) -> None:
        self.all: dict[str, Program] = {}

    def program(self, name: str) -> Program:
        if name not in self.all:
            raise NotFound(f"no playbook {name}")
        return self.all[name]


@dataclasses.dataclass
class Bench:
    """Everything a test of the engine holds in its hands."""

    client: Client
    engine: TemporalEngine
    ledger: SqlLedger
    site: MemorySite
    rules: Rules
    programs: Programs
    settings: Settings
    steps: Steps
    people: MemoryPeople

    async def start(self, program: Program, device: str = "cam-17", **more: object) -> Started:
        self.programs.all[program.name] = program
        values = {"requester": ANALYST, "reason": "a test", **more}
        return await self.engine.respond(
            Start.model_validate({"playbook": program.name, "device": device, **values})
        )

    async def result(self, started: Started) -> ResponseResult:
        handle = self.client.get_workflow_handle(started.workflow, result_type=ResponseResult)
        result: ResponseResult = await handle.result()
        return result

    async def requests(self) -> list[Approval]:
        """The approvals that wait, once there is one."""
        async with asyncio.timeout(15):
            while not (found := await self.ledger.approvals()):
                await asyncio.sleep(0.05)
        return list(found)

    async def run(self, program: Program, **more: object) -> tuple[ResponseResult, list[Entry]]:
        started = await self.start(program, "cam-17", **more)
        result = await self.result(started)
        return result, list(await self.ledger.chain(result.incident))


@contextlib.asynccontextmanager
async def open_bench(
    tmp_path: Path, temporal_address: str, codec: PayloadCodec | None
) -> AsyncIterator[Bench]:
    """A bench, ended with a replay of every history that was made on it."""
    settings = Settings(
        state_dir=tmp_path,
        temporal_address=temporal_address,
        task_queue=f"test-{uuid4().hex}",
        cached_workflows=0,
        send_window_s=1,
        retry_attempts=2,
        retry_backoff_s=0.05,
        heartbeat_timeout_s=2,
        release_retry_s=0.5,
        workflow_task_timeout_s=2,
    )
    ledger = await SqlLedger.open(settings.ledger_url)
    client = await connect(settings, codec, lambda _: None)
    site, rules, programs = MemorySite.of(camera(), camera(18)), Rules(), Programs()
    people = MemoryPeople()
    steps = memory_steps(ledger, rules, site, settings, people)
    engine = TemporalEngine(
        client,
        programs,
        MemoryInventory(site),
        ledger,
        policy_digest=lambda: rules.digest,
        task_queue=settings.task_queue,
        timing=Timing(
            effect_timeout_s=20,
            heartbeat_timeout_s=settings.heartbeat_timeout_s,
            retry_backoff_s=settings.retry_backoff_s,
            release_retry_s=settings.release_retry_s,
        ),
        task_timeout=timedelta(seconds=settings.workflow_task_timeout_s),
    )
    try:
        async with patient_worker(client, settings, steps):
            yield Bench(client, engine, ledger, site, rules, programs, settings, steps, people)
            await end_all(client, settings.task_queue)
        await replay_all(client, settings.task_queue)
    finally:
        await ledger.close()


def patient_worker(client: Client, settings: Settings, steps: Steps) -> Worker:
    """The worker, except that waiting 2 s for a core is no deadlock: tests share few cores."""
    worker = build_worker(client, settings, steps)
    workflows = worker._workflow_worker  # the SDK has no setting for it
    assert workflows is not None
    workflows._deadlock_timeout_seconds = 30
    return worker


def memory_steps(
    ledger: SqlLedger,
    rules: Rules,
    site: MemorySite,
    settings: Settings,
    people: MemoryPeople | None = None,
) -> Steps:
    """The real activities over a site in memory."""
    inventory = MemoryInventory(site)
    world = World(
        catalogue=SHIPPED,
        ledger=ledger,
        policy=rules,
        inventory=inventory,
        controls=memory_controls(site),
        locator=site,
        operations={"device.probe": ProbeOperation(site), "incident.note": NoteOperation()},
        witness=Witness(site, rounds=2, pause_s=0.01),
        clock=lambda: datetime.now(UTC),
        send_window=timedelta(seconds=settings.send_window_s),
        blast_radius=BlastRadius(lambda: site.limits, inventory),
        guards=(site,),
        directory=people,
        roster=people,
    )
    return Steps(world, settings.retry_attempts)


async def _workflows(client: Client, queue: str) -> list[WorkflowExecution]:
    """Every run on the queue. Visibility lags behind, so it is asked until it stops growing."""
    found: list[WorkflowExecution] = []
    while True:
        seen = [w async for w in client.list_workflows(f"TaskQueue = '{queue}'")]
        if len(seen) == len(found):
            return seen
        found = seen
        await asyncio.sleep(0.1)


async def end_all(client: Client, queue: str) -> None:
    """End what a test left running, so that nothing waits for a worker that is gone."""
    for execution in await _workflows(client, queue):
        if execution.status is WorkflowExecutionStatus.RUNNING:
            handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
            with contextlib.suppress(RPCError):
                await handle.terminate("the test is over")


async def replay_all(client: Client, queue: str) -> None:
    """Every history that a test made must replay: the code that wrote it can read it again."""
    replayer = Replayer(
        workflows=list(WORKFLOWS),
        data_converter=client.data_converter,
        workflow_runner=sandboxed(),
    )
    for execution in await _workflows(client, queue):
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        await replayer.replay_workflow(await handle.fetch_history())
