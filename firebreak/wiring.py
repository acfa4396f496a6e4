"""The one composition root: settings in, running processes out. Only this file sees everything."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Protocol

import structlog
import uvicorn
import uvloop
from temporalio.client import Client

from activities.builtin import NoteOperation, ProbeOperation
from activities.control import ControlRunner
from activities.operation import OperationRunner
from activities.release import ReleaseRunner
from activities.steps import Steps
from activities.witness import Witness
from activities.world import World
from firebreak import logs
from firebreak.codec import EncryptionCodec, RingFile
from firebreak.contracts import Control, Inventory, Ledger, Operation, Policy, Probe
from firebreak.domain.record import Entry
from firebreak.ledger import receipt
from firebreak.ledger.signing import Signer
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tokens import Tokens
from firebreak.playbook.catalogue import SHIPPED, Catalogue
from firebreak.playbook.library import Library
from firebreak.policy.static import StaticPolicy
from firebreak.server.app import create_app
from firebreak.server.services import Playbooks, Services, Source
from firebreak.settings import Settings
from firebreak.worker import build_worker, connect
from integrations import secrets
from integrations.inventory.yaml_file import YamlInventory
from integrations.network.controls import PortDown, SwitchQuarantine
from integrations.network.fleet import SwitchFleet
from integrations.probe.sentinel import SentinelProbe
from integrations.siem.suricata import SuricataParser
from workflows.engine import Programs, TemporalEngine
from workflows.messages import Timing

_log = structlog.get_logger("firebreak")


@dataclass(frozen=True)
class Adapters:
    """The outside systems of one worker."""

    catalogue: Catalogue
    inventory: Inventory
    probe: Probe
    controls: Mapping[tuple[str, str], Control]
    operations: Mapping[str, Operation]
    close: Callable[[], Coroutine[None, None, None]]
    witness: Witness | None = field(default=None)


def estate_adapters(settings: Settings) -> Adapters:
    """The adapters that the estate file asks for. Raises DefinitionError."""
    inventory = YamlInventory.load(settings.estate_file)
    estate = inventory.estate
    sites = {site.id: site for site in estate.sites}
    fleet = SwitchFleet(estate.switches, deadline_s=settings.switch_deadline_s)
    probe = SentinelProbe({site.id: site.sentinel for site in estate.sites})
    return Adapters(
        catalogue=SHIPPED,
        inventory=inventory,
        probe=probe,
        controls={
            ("network.quarantine", "switch"): SwitchQuarantine(fleet, sites),
            ("network.quarantine", "port-down"): PortDown(fleet),
        },
        operations={"device.probe": ProbeOperation(probe), "incident.note": NoteOperation()},
        close=fleet.close,
    )


def build_steps(settings: Settings, ledger: Ledger, policy: Policy, adapters: Adapters) -> Steps:
    """The activities over these adapters."""
    world = World(
        ledger=ledger,
        policy=policy,
        inventory=adapters.inventory,
        controls=adapters.controls,
        operations=adapters.operations,
        witness=adapters.witness or Witness(adapters.probe),
        clock=lambda: datetime.now(UTC),
        send_window=timedelta(seconds=settings.send_window_s),
    )
    return Steps(
        catalogue=adapters.catalogue,
        controls=ControlRunner(world),
        operations=OperationRunner(world),
        releases=ReleaseRunner(world),
        ledger=ledger,
        attempts=settings.retry_attempts,
    )


def load_policy(settings: Settings) -> StaticPolicy:
    """The policy file, or the shipped one. Raises DefinitionError."""
    shipped = Path(str(resources.files("playbooks") / "policies" / "default.yaml"))
    return StaticPolicy.load(settings.policy_file or shipped)


def timing(settings: Settings) -> Timing:
    """What of the settings a workflow keeps from its start."""
    return Timing(
        effect_timeout_s=settings.effect_timeout_s,
        heartbeat_timeout_s=settings.heartbeat_timeout_s,
        retry_backoff_s=settings.retry_backoff_s,
        release_retry_s=settings.release_retry_s,
    )


async def connect_temporal(settings: Settings) -> Client:
    """Connect, encrypting every payload with the installation's keys."""
    keys = RingFile(settings.state_dir / "keys" / "payload.json")

    def waiting(why: str) -> None:
        _log.warning("waiting for Temporal", address=settings.temporal_address, why=why[:200])

    return await connect(settings, EncryptionCodec(keys.ring), waiting)


async def serve_worker(settings: Settings, adapters: Adapters) -> None:
    """Run a worker until it is told to stop."""
    ledger = await SqlLedger.open(settings.ledger_url)
    try:
        client = await connect_temporal(settings)
        steps = build_steps(settings, ledger, load_policy(settings), adapters)
        async with build_worker(client, settings, steps):
            _log.info("worker ready", queue=settings.task_queue, temporal=settings.temporal_address)
            await _stopped()
        _log.info("worker stopped")
    finally:
        await adapters.close()
        await ledger.close()


class PlaybookSource(Playbooks, Programs, Protocol):
    """Playbooks for the server, and programs for the engine."""


@contextlib.asynccontextmanager
async def server_services(
    settings: Settings, playbooks: PlaybookSource, inventory: Inventory
) -> AsyncIterator[Services]:
    """Everything the API needs, closed at the end."""
    ledger = await SqlLedger.open(settings.ledger_url)
    try:
        policy = load_policy(settings)
        signer = Signer.load_or_create(settings.state_dir / "keys")
        engine = TemporalEngine(
            await connect_temporal(settings),
            playbooks,
            inventory,
            ledger,
            policy_digest=lambda: policy.digest,
            task_queue=settings.task_queue,
            timing=timing(settings),
            task_timeout=timedelta(seconds=settings.workflow_task_timeout_s),
        )

        def receipts(chain: tuple[Entry, ...]) -> bytes:
            return receipt.build(chain, signer)

        yield Services(
            settings=settings,
            ledger=ledger,
            engine=engine,
            inventory=inventory,
            playbooks=playbooks,
            tokens=Tokens(ledger.database),
            sources={"suricata": Source(SuricataParser(), settings.suricata_secret)},
            receipts=receipts,
            resolve_secret=secrets.resolve,
        )
    finally:
        await ledger.close()


async def serve_api(settings: Settings, playbooks: PlaybookSource, inventory: Inventory) -> None:
    """Run the API until it is told to stop."""
    async with server_services(settings, playbooks, inventory) as services:
        config = uvicorn.Config(
            create_app(services),
            host=settings.listen_host,
            port=settings.listen_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        _log.info("server ready", url=settings.api_url)
        await uvicorn.Server(config).serve()


async def _stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()


def run_worker(settings: Settings) -> None:
    """Run a worker process. Blocks until SIGTERM or SIGINT."""
    logs.configure(settings)
    uvloop.run(serve_worker(settings, estate_adapters(settings)))


def run_server(settings: Settings) -> None:
    """Run the API process. Blocks until SIGTERM or SIGINT."""
    logs.configure(settings)
    inventory = YamlInventory.load(settings.estate_file)
    uvloop.run(serve_api(settings, Library.load(settings.playbook_dirs, SHIPPED), inventory))
