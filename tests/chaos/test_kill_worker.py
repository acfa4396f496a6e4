"""kill -9 of the worker at every boundary of a response, and wherever chance will have it.

Whatever the moment: the response ends as it would have, the site is written to exactly twice (there
and back), and the ledger holds every entry once.
"""

import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from firebreak.contracts.engine import Start, Started
from firebreak.domain.people import Principal, Verdict
from firebreak.domain.record import Entry, Kind
from firebreak.errors import Unreachable
from firebreak.ledger.store import SqlLedger
from firebreak.settings import Settings
from firebreak.wiring.shared import connect_temporal, timing
from tests.chaos import worker
from tests.chaos.site import DiskSite
from tests.workflows.bench import Programs
from tests.workflows.playbooks import ask, contain, note, probe, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE
from workflows import engine as engine_module
from workflows.engine import TemporalEngine
from workflows.messages import ResponseResult

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("heavy"), pytest.mark.timeout(600)]

AUTOMATION = Principal(id="automation", kind="automation", roles=frozenset({"automation"}))
GRACE = Principal(id="grace", roles=frozenset({"on-call"}))
STEPS = program(
    contain(ladder=("switch",)), probe(), note(), ask(), release(), note("last"), name="chaos"
)
AT_ONCE = 6  # boundaries tried side by side, each with a queue and workers of its own
POLICY = """\
@id("all") @summary("everything") permit (principal, action, resource);
"""


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Children from a server that has imported everything: a worker is up in a moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chaos.worker"])
    return context


@dataclass
class Ward:
    """What the responses of a test share: a site, a ledger, and a way to start workers."""

    settings: Settings
    site: DiskSite
    folder: Path
    ledger: SqlLedger
    processes: multiprocessing.context.ForkServerContext

    @contextlib.asynccontextmanager
    async def engine(self, queue: str) -> AsyncIterator[TemporalEngine]:
        settings = self.settings.model_copy(update={"task_queue": queue})
        programs = Programs()
        programs.all["chaos"] = STEPS
        yield TemporalEngine(
            await connect_temporal(settings),
            programs,
            self.site,
            self.ledger,
            policy_digest=lambda: "sha256:test",
            task_queue=queue,
            timing=timing(settings),
            task_timeout=timedelta(seconds=settings.workflow_task_timeout_s),
        )

    def worker(self, queue: str, die_at: int = 0) -> multiprocessing.context.ForkServerProcess:
        settings = self.settings.model_copy(update={"task_queue": queue})
        tally = str(self.folder / f"tally-{queue}")
        process = self.processes.Process(
            target=worker.run, args=(settings, str(self.folder), die_at, tally), daemon=True
        )
        process.start()
        return process

    def moments(self, queue: str) -> int:
        return int((self.folder / f"tally-{queue}").read_text())


@pytest.fixture
async def ward(
    tmp_path: Path,
    temporal_address: str,
    processes: multiprocessing.context.ForkServerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Ward]:
    monkeypatch.setattr(engine_module, "ANSWER", timedelta(seconds=3))
    (tmp_path / "policy.cedar").write_text(POLICY)
    folder = tmp_path / "site"
    folder.mkdir()
    settings = Settings(
        state_dir=tmp_path,
        temporal_address=temporal_address,
        policy_file=tmp_path / "policy.cedar",
        send_window_s=1,
        heartbeat_timeout_s=1,
        workflow_task_timeout_s=1,
        retry_attempts=5,
        retry_backoff_s=0.1,
        release_retry_s=0.5,
        effect_timeout_s=20,
    )
    ledger = await SqlLedger.open(settings.ledger_url)
    yield Ward(settings, DiskSite(folder), folder, ledger, processes)
    for child in multiprocessing.active_children():
        child.kill()
    await ledger.close()


async def _answer(ward: Ward, engine: TemporalEngine, incident: str) -> None:
    """Say yes once to whatever the response asks, or until it was heard, while workers die."""
    heard: set[str] = set()
    while True:
        for request in await ward.ledger.approvals():
            if request.incident != incident or request.id in heard:
                continue
            with contextlib.suppress(Unreachable):
                await engine.decide(request.id, request.plan_hash, Verdict.APPROVE, GRACE, "yes")
                heard.add(request.id)
        await asyncio.sleep(0.1)


async def _finish(engine: TemporalEngine, ward: Ward, started: Started) -> ResponseResult:
    answering = asyncio.create_task(_answer(ward, engine, started.incident))
    try:
        client = await connect_temporal(ward.settings)
        handle = client.get_workflow_handle(started.workflow, result_type=ResponseResult)
        async with asyncio.timeout(90):
            result: ResponseResult = await handle.result()
            return result
    finally:
        answering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering


async def _respond(engine: TemporalEngine, device: str) -> Started:
    return await engine.respond(Start(playbook="chaos", device=device, requester=AUTOMATION))


def _words(chain: tuple[Entry, ...], device: str) -> list[str]:
    """What was recorded, but for what may differ: extra intents, the times in a hold's name."""
    words = []
    for entry in chain:
        if entry.kind in (Kind.INTENT, Kind.DECISION, Kind.PLAN) or entry.key.startswith("unsent:"):
            continue
        said = entry.key.replace(device, "DEVICE").replace(entry.incident, "INCIDENT")
        words.append(f"{entry.kind.value} {said.partition('/20')[0]}")
    return sorted(words)


async def _check(ward: Ward, result: ResponseResult, device: str, wanted: list[str]) -> None:
    assert (result.status, result.contained) == ("completed", True), result
    assert ward.site.writes(device) == [QUARANTINE, PRODUCTION]
    chain = await ward.ledger.chain(result.incident)  # verifies every link
    keys = [entry.key for entry in chain]
    assert len(keys) == len(set(keys))
    assert _words(chain, device) == wanted
    assert await ward.ledger.hold(f"hold/{device}/network.quarantine") is None


async def _undisturbed(ward: Ward) -> tuple[int, list[str]]:
    """How many moments a response has, and what it records."""
    queue = f"calm-{uuid4().hex}"
    async with ward.engine(queue) as engine:
        process = ward.worker(queue)
        result = await _finish(engine, ward, await _respond(engine, "cam-0"))
        moments = ward.moments(queue)
        process.kill()
    chain = await ward.ledger.chain(result.incident)
    words = _words(chain, "cam-0")
    await _check(ward, result, "cam-0", words)
    return moments, words


async def test_a_worker_killed_at_any_boundary_leaves_nothing_half_done(ward: Ward) -> None:
    moments, wanted = await _undisturbed(ward)
    assert moments > 20
    room = asyncio.Semaphore(AT_ONCE)
    killed: list[int] = []

    async def die_at(moment: int) -> None:
        async with room:
            queue, device = f"doom-{uuid4().hex}", f"cam-{moment}"
            async with ward.engine(queue) as engine:
                doomed = ward.worker(queue, die_at=moment)
                started = await _respond(engine, device)
                finish = asyncio.create_task(_finish(engine, ward, started))
                while doomed.is_alive() and not finish.done():
                    await asyncio.sleep(0.02)
                heir = ward.worker(queue)
                try:
                    await _check(ward, await finish, device, wanted)
                    if doomed.exitcode == -signal.SIGKILL:
                        killed.append(moment)
                finally:
                    heir.kill()

    every = [die_at(moment) for moment in range(1, moments + 1)]
    ends = await asyncio.gather(*every, return_exceptions=True)
    broken = {at: end for at, end in enumerate(ends, start=1) if end is not None}
    assert not broken, "\n".join(f"{at}: {end!r}" for at, end in broken.items())
    # Two flushes may come together or apart, so the last boundary or two may not be there.
    assert len(killed) >= moments - 3


async def test_workers_killed_at_fifty_random_moments_lose_and_repeat_nothing(ward: Ward) -> None:
    _, wanted = await _undisturbed(ward)
    chance = random.Random(os.environ.get("FIREBREAK_CHAOS_SEED", "mirai"))  # noqa: S311 - chance, no secret
    queue, kills = f"chance-{uuid4().hex}", 0
    async with ward.engine(queue) as engine:
        workers = [ward.worker(queue) for _ in range(2)]
        running: dict[str, asyncio.Task[ResponseResult]] = {}
        ended: dict[str, ResponseResult] = {}
        numbers: Iterator[int] = iter(range(1, 200))
        while kills < 50:
            while len(running) < 8:
                device = f"cam-{next(numbers)}"
                started = await _respond(engine, device)
                running[device] = asyncio.create_task(_finish(engine, ward, started))
            await asyncio.sleep(chance.uniform(0.02, 0.8))
            victim = chance.randrange(len(workers))
            os.kill(workers[victim].pid or 0, signal.SIGKILL)
            workers[victim].join()
            workers[victim] = ward.worker(queue)
            kills += 1
            for device in [name for name, task in running.items() if task.done()]:
                ended[device] = await running.pop(device)
        for device, task in running.items():
            ended[device] = await task
        for process in workers:
            process.kill()
    assert len(ended) >= 8
    for device, result in ended.items():
        await _check(ward, result, device, wanted)
