"""The composition root of a worker: the adapters that the estate file asks for, and Temporal."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
import uvloop

from activities.builtin import NoteOperation, ProbeOperation
from activities.steps import Steps
from activities.witness import Witness
from activities.world import World
from firebreak import logs, memory
from firebreak.contracts.controls import Control, Guard, Locator, Operation
from firebreak.contracts.ledger import Ledger
from firebreak.contracts.people import Directory, Roster
from firebreak.contracts.policy import Policy
from firebreak.contracts.sources import Inventory, Probe
from firebreak.domain.limits import Limits
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tokens import Tokens
from firebreak.playbook.catalogue import SHIPPED, Catalogue
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.facts import Facts
from firebreak.policy.glass import Glasses
from firebreak.policy.guard import Interlocks
from firebreak.policy.live import LivePolicy
from firebreak.settings import Settings
from firebreak.wiring.extensions import load
from firebreak.wiring.interlocks import build
from firebreak.wiring.people import load_people
from firebreak.wiring.policy_changes import PolicyChanges
from firebreak.wiring.roads import network_roads
from firebreak.wiring.shared import connect_temporal, load_policy
from firebreak.worker import build_worker
from integrations.inventory.yaml_file import YamlInventory
from integrations.probe.sentinel import SentinelProbe

_log = structlog.get_logger("firebreak")


@dataclass(frozen=True)
class Adapters:
    """The outside systems of one worker."""

    catalogue: Catalogue
    inventory: Inventory
    probe: Probe
    controls: Mapping[tuple[str, str], Sequence[Control]]
    locator: Locator
    operations: Mapping[str, Operation]
    close: Callable[[], Coroutine[None, None, None]]
    limits: Callable[[], Limits] = Limits
    interlocks: Callable[[Ledger], Interlocks] | None = None  # redundancy counts the ledger's holds


def estate_adapters(settings: Settings) -> Adapters:
    """The adapters that the estate file asks for. Raises DefinitionError."""
    inventory = YamlInventory.load(settings.estate_file)
    estate = inventory.estate
    extensions = load(settings.adapters, estate)
    roads = network_roads(estate, extensions, switch_deadline_s=settings.switch_deadline_s)
    probe = SentinelProbe({site.id: site.sentinel for site in estate.sites})
    return Adapters(
        catalogue=SHIPPED,
        inventory=inventory,
        probe=probe,
        controls=roads.controls,
        locator=roads.locator,
        operations={"device.probe": ProbeOperation(probe), "incident.note": NoteOperation()},
        close=roads.close,
        limits=lambda: inventory.estate.limits,
        interlocks=lambda ledger: build(
            estate, ledger.holds, devices=inventory.devices, probe=probe
        ),
    )


def build_steps(
    settings: Settings,
    ledger: Ledger,
    policy: Policy,
    adapters: Adapters,
    guards: Sequence[Guard] = (),
    *,
    glasses: Glasses | None = None,
    facts: Facts | None = None,
    directory: Directory | None = None,
    roster: Roster | None = None,
) -> Steps:
    """The activities over these adapters."""
    world = World(
        catalogue=adapters.catalogue,
        ledger=ledger,
        policy=policy,
        inventory=adapters.inventory,
        controls=adapters.controls,
        locator=adapters.locator,
        operations=adapters.operations,
        witness=Witness(adapters.probe),
        clock=_now,
        send_window=timedelta(seconds=settings.send_window_s),
        blast_radius=BlastRadius(adapters.limits, adapters.inventory),
        guards=guards,
        glasses=glasses,
        facts=facts,
        directory=directory,
        roster=roster,
    )
    return Steps(world, settings.retry_attempts)


async def serve_worker(settings: Settings, adapters: Adapters) -> None:
    """Run a worker until it is told to stop."""
    ledger = await SqlLedger.open(settings.ledger_url)
    try:
        client = await connect_temporal(settings)
        everyone = load_people(settings)
        # Without a people file a person is what their token says.
        current = everyone.known.current if everyone.known else Tokens(ledger.database).current
        changes = PolicyChanges(ledger)
        policy = load_policy(settings, adapters.inventory, adapters.catalogue, changes.put)
        async with _interlocks(adapters, ledger) as interlocks, changes.followed(policy):
            steps = build_steps(
                settings,
                ledger,
                policy,
                adapters,
                (interlocks,) if interlocks else (),
                glasses=Glasses(ledger, current, _now),
                directory=everyone.known,
                roster=everyone.rotas,
                facts=_facts(ledger, policy, adapters, interlocks),
            )
            async with build_worker(client, settings, steps):
                _log.info(
                    "worker ready", queue=settings.task_queue, temporal=settings.temporal_address
                )
                await _stopped()
        await everyone.close()
        _log.info("worker stopped")
    finally:
        await adapters.close()
        await ledger.close()


def _facts(
    ledger: Ledger, policy: LivePolicy, adapters: Adapters, interlocks: Interlocks | None
) -> Facts:
    """What policies may ask about beside the plan."""
    return Facts(
        ledger,
        BlastRadius(adapters.limits, adapters.inventory),
        lambda: policy.mentions,
        interlocks.change_window if interlocks else None,
        _now,
    )


@asynccontextmanager
async def _interlocks(adapters: Adapters, ledger: Ledger) -> AsyncIterator[Interlocks | None]:
    """What stands between a plan and its effect, closed at the end. Raises DefinitionError."""
    if adapters.interlocks is None:
        yield None
        return
    interlocks = adapters.interlocks(ledger)
    try:
        yield interlocks
    finally:
        await interlocks.close()


def _now() -> datetime:
    return datetime.now(UTC)


async def _stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()


def run_worker(settings: Settings) -> None:
    """Run a worker process. Blocks until SIGTERM or SIGINT."""
    logs.configure(settings)
    memory.settle()
    uvloop.run(serve_worker(settings, estate_adapters(settings)))
