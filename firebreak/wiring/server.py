"""The composition root of the API server."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
import uvicorn
import uvloop

from firebreak import logs, memory
from firebreak.contracts.people import Directory
from firebreak.contracts.sources import Inventory
from firebreak.domain.limits import Limits
from firebreak.domain.record import Entry
from firebreak.ledger import receipt
from firebreak.ledger.audit import AuditLog
from firebreak.ledger.signing import Signer
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tokens import Tokens
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.library import Library
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.facts import Facts
from firebreak.policy.guard import Interlocks
from firebreak.server.app import create_app
from firebreak.server.delegates import Delegates
from firebreak.server.desk import FrontDesk
from firebreak.server.recorded import RecordedDesk
from firebreak.server.services import Inbound, Nobody, Playbooks, Services, Source
from firebreak.settings import Settings
from firebreak.wiring.channels import Channels, dispatcher, server_channels
from firebreak.wiring.identity import sign_in
from firebreak.wiring.interlocks import calendars
from firebreak.wiring.people import load_people
from firebreak.wiring.policy_changes import PolicyChanges
from firebreak.wiring.shared import connect_temporal, load_policy, timing
from integrations import secrets
from integrations.inventory.yaml_file import YamlInventory
from integrations.siem.suricata import SuricataParser
from workflows.engine import Programs, TemporalEngine

_log = structlog.get_logger("firebreak")


class PlaybookSource(Playbooks, Programs, Protocol):
    """Playbooks for the server, and programs for the engine."""


@contextlib.asynccontextmanager
async def server_services(
    settings: Settings,
    playbooks: PlaybookSource,
    inventory: Inventory,
    limits: Callable[[], Limits] = Limits,
    windows: Interlocks | None = None,
) -> AsyncIterator[Services]:
    """Everything the API needs, closed at the end. Without ``windows`` none is ever open."""
    async with contextlib.AsyncExitStack() as closing:
        ledger = await SqlLedger.open(settings.ledger_url)
        closing.push_async_callback(ledger.close)
        everyone = load_people(settings)
        closing.push_async_callback(everyone.close)
        changes = PolicyChanges(ledger)
        policy = load_policy(settings, inventory, on_change=changes.put)
        await closing.enter_async_context(changes.followed(policy))
        if windows is not None:
            closing.push_async_callback(windows.close)
        blast_radius = BlastRadius(limits, inventory)
        facts = Facts(
            ledger,
            blast_radius,
            lambda: policy.mentions,
            windows.change_window if windows else None,
            lambda: datetime.now(UTC),
        )
        decide = functools.partial(facts.decide, policy)
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

        channels = server_channels(settings, *everyone)
        audit = AuditLog(ledger.database, settings.audit_days)
        tokens = Tokens(ledger.database)
        delegates = Delegates(ledger, everyone.directory, tokens)
        desk = FrontDesk(engine, ledger, inventory, decide, playbooks.programs, delegates=delegates)
        chat = RecordedDesk(desk, everyone.directory, audit, via="slack")

        def receipts(chain: tuple[Entry, ...]) -> bytes:
            return receipt.build(chain, signer)

        yield Services(
            settings=settings,
            ledger=ledger,
            engine=engine,
            inventory=inventory,
            decide=decide,
            blast_radius=blast_radius,
            playbooks=playbooks,
            tokens=tokens,
            sources={"suricata": Source(SuricataParser(), settings.suricata_secret)},
            receipts=receipts,
            resolve_secret=secrets.resolve,
            policy_status=lambda: policy.status,
            audit=audit,
            sign_in=await closing.enter_async_context(sign_in(settings)),
            telling=dispatcher(channels, ledger, receipts) if channels.channels else Nobody(),
            directory=everyone.directory,
            inbounds=_inbounds(channels, chat, everyone.directory),
        )


def _inbounds(channels: Channels, chat: RecordedDesk, directory: Directory) -> Sequence[Inbound]:
    """The chats among the channels, as ways in. Raises DefinitionError."""
    if not channels.channels:
        return ()
    from firebreak.wiring.slack import slack_inbounds  # noqa: PLC0415 - slow to load, seldom there

    found = [channel for _, channel in channels.channels]
    return slack_inbounds(found, chat, directory, chat.stranger)


async def serve_api(
    settings: Settings,
    playbooks: PlaybookSource,
    inventory: Inventory,
    limits: Callable[[], Limits] = Limits,
    windows: Interlocks | None = None,
) -> None:
    """Run the API until it is told to stop."""
    async with server_services(settings, playbooks, inventory, limits, windows) as services:
        config = uvicorn.Config(
            create_app(services),
            host=settings.listen_host,
            port=settings.listen_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            # Longer than senders keep an idle line, so that they never post into a closed one.
            timeout_keep_alive=75,
        )
        _log.info("server ready", url=settings.api_url)
        await uvicorn.Server(config).serve()


def run_server(settings: Settings) -> None:
    """Run the API process. Blocks until SIGTERM or SIGINT."""
    logs.configure(settings)
    inventory = YamlInventory.load(settings.estate_file)
    memory.settle()
    library = Library.load(settings.playbook_dirs, SHIPPED)
    windows = calendars(inventory.estate)
    uvloop.run(serve_api(settings, library, inventory, lambda: inventory.estate.limits, windows))
