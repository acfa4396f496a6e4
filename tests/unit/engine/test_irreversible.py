"""An operation that cannot be undone minds halts and caps like a control."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from activities.operation import OperationRunner
from activities.witness import Witness
from activities.world import World
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.limits import Cap, Limits
from firebreak.domain.people import Principal
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.domain.step import Ask
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.catalogue import Action, ActionKind, Catalogue
from firebreak.policy.blast_radius import BlastRadius
from tests.workflows.policy import Rules
from tests.workflows.site import MemoryInventory, MemorySite, camera

WIPE = Action(name="device.wipe", kind=ActionKind.EFFECT, summary="Wipe it", reversible=False)


class Wiper:
    """Remembers what it wiped."""

    idempotent = False

    def __init__(self) -> None:
        self.wiped: list[str] = []

    async def run(self, device: Device, inputs: JsonObject, key: str) -> JsonObject:
        del inputs, key
        self.wiped.append(device.id)
        return {}


def now() -> datetime:
    return datetime.now(UTC)


def ask(number: int) -> Ask:
    return Ask(
        incident=f"inc-{number:012x}",
        response="",
        step="wipe",
        action=WIPE.name,
        device=f"cam-{number}",
        requester=Principal(id="ada"),
    )


async def test_wiping_counts_for_its_hour_and_stops_in_a_halt(tmp_path: Path) -> None:
    ledger = await SqlLedger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    site, wiper = MemorySite.of(*(camera(number) for number in (1, 2, 3))), Wiper()
    limits = Limits(site=Cap(at_once=1, per_hour=2))
    inventory = MemoryInventory(site)
    runner = OperationRunner(
        World(
            catalogue=Catalogue([WIPE]),
            ledger=ledger,
            policy=Rules(),
            inventory=inventory,
            controls={},
            locator=site,
            operations={WIPE.name: wiper},
            witness=Witness(site),
            clock=now,
            send_window=timedelta(seconds=1),
            blast_radius=BlastRadius(lambda: limits, inventory),
        )
    )
    ends = [await runner.perform(ask(number), last_attempt=True) for number in (1, 2, 3)]
    said = [end.outcome for end in ends if end.outcome is not None]
    assert [outcome.kind for outcome in said] == [
        OutcomeKind.ENFORCED,
        OutcomeKind.ENFORCED,
        OutcomeKind.REFUSED,
    ]
    assert (said[2].error, wiper.wiped) == ("blast-radius", ["cam-1", "cam-2"])
    limits = Limits(site=None)
    body: JsonObject = {"halt": "h", "site": "plant-1", "reason": "forged"}
    await ledger.append(
        NewEntry(incident=JOURNAL, key="h", kind=Kind.HALTED, at=now(), actor="bo", body=body)
    )
    third = await runner.perform(ask(4 - 1).model_copy(update={"step": "again"}), last_attempt=True)
    assert third.outcome is not None
    assert (third.outcome.error, wiper.wiped) == ("halted", ["cam-1", "cam-2"])
    await ledger.close()
