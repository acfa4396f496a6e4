"""What worker and server are built from alike."""

import structlog
from temporalio.client import Client

from firebreak.codec import EncryptionCodec, RingFile
from firebreak.contracts.sources import Inventory
from firebreak.playbook.catalogue import SHIPPED, Catalogue
from firebreak.policy.files import shipped
from firebreak.policy.live import LivePolicy, OnChange
from firebreak.policy.vocabulary import Vocabulary
from firebreak.search import register
from firebreak.settings import Settings
from firebreak.worker import connect
from workflows.messages import Timing

_log = structlog.get_logger("firebreak")


def load_policy(
    settings: Settings,
    inventory: Inventory,
    catalogue: Catalogue = SHIPPED,
    on_change: OnChange | None = None,
) -> LivePolicy:
    """The policies, about the catalogue's actions, by the sites' clocks. Raises DefinitionError."""
    return LivePolicy.load(
        settings.policy_file or shipped(),
        Vocabulary(catalogue),
        time_zone=inventory.time_zone,
        on_change=on_change,
    )


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

    client = await connect(settings, EncryptionCodec(keys), waiting)
    await register(client)
    return client
